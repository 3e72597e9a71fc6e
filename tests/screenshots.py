"""Pictures of every page in light, in dark and on a phone, for people to look at: `python -m tests.screenshots`.

They go to `build/screenshots`; with `--readme` only the pictures of the README are taken, into `docs/pictures`.
Without `--hub ADDRESS` a small federation is started for them; with `make demo` running,
`--hub http://127.0.0.1:8080` takes pictures of that one.
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser, expect, sync_playwright
from tests.conftest import serving
from tests.federation import federation
from tests.system_packages import path_of
from tests.web.conftest import OPTIONS
from tests.web.places import places

FOLDER = Path(__file__).parents[1] / "build" / "screenshots"
README = Path(__file__).parents[1] / "docs" / "pictures"
README_SIZE = {"width": 1280, "height": 1400}
README_QUESTION = "condition.cancer_type = 'breast' AND image.modality = 'MR' AND person.age < 50"
LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 860}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 860}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}, "device_scale_factor": 2},
}


@contextmanager
def hub(address: str) -> Iterator[str]:
    """The hub at this address, or one that runs as long as it is needed."""
    with ExitStack() as stack:
        if not address:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            address = stack.enter_context(federation(home, lambda app: stack.enter_context(serving(app))))
        yield address


def take(browser: Browser, address: str, language: str, wanted: list[str]) -> None:
    """Pictures of the pages whose names begin with one of `wanted`, or of all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for look, how in LOOKS.items():
        context = browser.new_context(base_url=address, locale=language, **how)
        page = context.new_page()
        for name, path in places(address, language).items():
            if not wanted or name.startswith(tuple(wanted)):
                page.goto(path)
                page.wait_for_load_state("networkidle")
                page.screenshot(path=FOLDER / f"{name}.{language}.{look}.png", full_page=True)
        context.close()


def take_for_readme(browser: Browser, address: str) -> None:
    """The cohort page with a question and its answers, in light and in dark."""
    README.mkdir(parents=True, exist_ok=True)
    for look, name in (("light", "cohort.png"), ("dark", "cohort-dark.png")):
        context = browser.new_context(
            base_url=address, locale="en", color_scheme=look, viewport=README_SIZE, reduced_motion="reduce"
        )
        page = context.new_page()
        page.goto(f"/en/cohort?{urlencode({'q': README_QUESTION, 'charts': 'yes'})}")
        expect(page.locator("#sums:not(.open)")).to_be_visible(timeout=60_000)
        page.screenshot(path=README / name)
        context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hub", default="", help="the address of a hub that runs already")
    parser.add_argument("--language", default="en")
    parser.add_argument("--readme", action="store_true", help="only the pictures of the README")
    parser.add_argument("pages", nargs="*", help="names of pages, or how they begin; all when none is named")
    asked = parser.parse_args()
    with hub(asked.hub) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path_of("chromium"), args=OPTIONS)
        if asked.readme:
            take_for_readme(browser, address)
        else:
            take(browser, address, asked.language, asked.pages)
        browser.close()
    print(f"Pictures are in {README if asked.readme else FOLDER}")


if __name__ == "__main__":
    main()
