"""`docs/components.md`, made from the macros themselves: `python -m tests.components_page` writes it."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "src" / "hanse" / "web" / "templates"
MACRO = re.compile(r"{% macro ([a-z]\w*)\((.*?)\) %}\n(?:{#(.+?)#})?", re.DOTALL)
HEAD = """# Components

Pages of the portal are made of the macros of [`parts.html`](../src/hanse/web/templates/parts.html), styled by the
tokens at the head of [`hanse.css`](../src/hanse/web/static/hanse.css). A running hub shows all of them at
`/en/components`: with `make demo`, <http://127.0.0.1:8080/en/components>. A template imports them by
`{% import "parts.html" as parts %}`.

"""


def macros() -> dict[str, tuple[str, str]]:
    """The arguments of each macro and what its comment says."""
    found = MACRO.findall((TEMPLATES / "parts.html").read_text(encoding="utf-8"))
    return {name: (arguments, " ".join(about.split())) for name, arguments, about in found}


def page() -> str:
    """The whole page."""
    rows = (f"| `parts.{name}({arguments})` | {about} |\n" for name, (arguments, about) in macros().items())
    return HEAD + "| macro | what it is |\n| --- | --- |\n" + "".join(rows)


if __name__ == "__main__":
    (ROOT / "docs" / "components.md").write_text(page(), encoding="utf-8")
