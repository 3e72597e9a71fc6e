"""The documents are true: what they name exists, what exists is named, and their examples run."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from tests import problems_page

from hanse.cli import root
from hanse.core.profile import Facts
from hanse.domains import VOCABULARY
from hanse.domains.catalogue import WORDS
from hanse.domains.clinical.mapping import read_mapping
from hanse.hub.app import make_app
from hanse.hub.config import HubConfig, init
from hanse.node import describe

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
GUIDES = {path.name: path.read_text(encoding="utf-8") for path in PAGES}


def blocks(language: str, *names: str) -> Iterator[str]:
    for name in names or GUIDES:
        yield from re.findall(rf"^```{language}\n(.*?)^```", GUIDES[name], re.DOTALL | re.MULTILINE)


def commands(group: click.Group, path: str = "hanse") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        elif command is not None:
            yield f"{path} {name}", command


COMMANDS = dict(commands(root))


def test_every_command_is_in_the_documents() -> None:
    text = "\n".join(GUIDES.values())
    assert [name for name in COMMANDS if name not in text] == []


def shown() -> Iterator[str]:
    """Every `hanse ...` line of a shell example, without comments."""
    for block in blocks("sh"):
        for line in block.splitlines():
            if (command := line.removeprefix(".venv/bin/")).startswith("hanse "):
                yield shlex.join(shlex.split(command, comments=True))


@pytest.mark.parametrize("line", sorted(set(shown())))
def test_commands_in_the_documents_exist_with_their_options(line: str) -> None:
    words = shlex.split(line)
    name = next((one for one in (" ".join(words[:count]) for count in (4, 3, 2)) if one in COMMANDS), None)
    assert name, f"there is no command like: {line}"
    options = [parameter for parameter in COMMANDS[name].params if isinstance(parameter, click.Option)]
    used = {word for word in words if word.startswith("--")}
    assert used <= {spelling for option in options for spelling in (*option.opts, *option.secondary_opts)}
    assert all(used & set(option.opts) for option in options if option.required)


def test_every_route_is_in_the_researcher_guide(tmp_path: Path) -> None:
    config = HubConfig(tmp_path)
    init(config)
    paths = make_app(config).openapi()["paths"]
    routes = [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]
    assert routes
    assert [route for route in routes if route not in GUIDES["researcher.md"]] == []


def test_the_page_of_problems_is_made_from_their_classes() -> None:
    assert GUIDES["problems.md"] == problems_page.page(), "run: python -m tests.problems_page"


@pytest.mark.parametrize("name", ["README.md", "researcher.md"])
def test_python_examples_run(name: str, federation: str) -> None:
    """In one go and in their order, against a small federation instead of the demo."""
    space: dict[str, object] = {}
    examples = list(blocks("python", name))
    assert examples
    for example in examples:
        exec(compile(example.replace("http://127.0.0.1:8080", federation), name, "exec"), space)


def test_the_example_of_a_mapping_file_can_be_used(tmp_path: Path) -> None:
    (example,) = blocks("toml", "data-holder.md")
    (tmp_path / "mapping.toml").write_text(example)
    (tmp_path / "registry.csv").write_text("PatNr,Site,Datum,PSA\n1,Mamma,01/02/2020,\n")
    (table,) = read_mapping(tmp_path / "mapping.toml", VOCABULARY)
    assert table.entity == "condition"


def test_the_example_of_a_description_is_a_full_one(tmp_path: Path) -> None:
    (example,) = blocks("yaml", "describing.md")
    (tmp_path / "breast.yaml").write_text(example)
    written = describe.load(tmp_path / "breast.yaml", "breast")
    assert [describe.sentence(one) for one in written.check(Facts())] == []


def test_the_messages_about_a_description_are_those_of_the_page(tmp_path: Path) -> None:
    (example,) = blocks("yaml", "describing.md")
    lines = example.replace("country: FI\n", "country: Finland\n", 1).splitlines()
    path = tmp_path / "breast.yaml"
    path.write_text(
        "\n".join(line for line in lines if "authority" not in line and "access_body" not in line)
    )
    written = describe.load(path, "breast")
    (messages,) = (block for block in blocks("text", "describing.md") if "Finland" in block)
    for one, shown in zip(written.check(Facts()), messages.splitlines(), strict=True):
        said = f"{'wrong' if one.forbids else 'missing'}: {written.place(one)}: {describe.sentence(one)}"
        assert said.startswith(shown.removesuffix("..."))


def test_every_code_of_a_description_is_in_the_guide() -> None:
    for name in ("category", "use_condition", "theme"):
        assert [code for code in WORDS[name].codes if f"`{code}`" not in GUIDES["describing.md"]] == []


def heading(text: str) -> str:
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        file, _, anchor = target.partition("#")
        path = (page.parent / file) if file else page
        assert path.exists(), target
        headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE) if anchor else []
        assert not anchor or anchor in map(heading, headings), target


def test_decisions_are_numbered_one_by_one() -> None:
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "docs" / "adr").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def functions_in(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_every_security_property_has_its_test() -> None:
    rows = re.findall(r"^\| (?!property|---).*", GUIDES["security.md"], re.MULTILINE)
    named = [re.findall(r"`(tests/[\w/.]+)::(\w+)`", row) for row in rows]
    assert all(named)
    for path, test in (one for row in named for one in row):
        assert test in functions_in(ROOT / path), f"{path}::{test}"
