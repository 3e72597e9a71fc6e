"""Imports go one way, as in `docs/architecture.md`. A new folder fails here until it is given its place."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "hanse"

# Each folder, and the folders that it may import beside itself.
BASE = {"core", "lib"}
ALLOWED = {
    "core": set(),
    "lib": {"core"},
    "link": BASE,
    "domains": BASE,
    "analysis": BASE,
    "synth": BASE | {"domains"},
    "node": BASE | {"link", "domains", "analysis"},
    "hub": BASE | {"link", "domains", "analysis"},
    "authority": BASE | {"link", "domains", "analysis"},
    # It signs orders, verifies and unseals results and merges them itself, with its own vocabulary: docs/adr/0012.
    "client": BASE | {"domains", "analysis"},
    # It reads and merges the unsealed results of a run as the client does: docs/adr/0014.
    "web": BASE | {"link", "domains", "analysis", "hub", "client"},
    # The pages on which an authority and a holder decide, each on its own machine: docs/adr/0013.
    "desk": BASE | {"link", "domains", "analysis", "node", "authority", "web"},
    "__main__": {"cli"},
    "cli": BASE
    | {"link", "domains", "analysis", "synth", "node", "hub", "authority", "web", "desk", "client"},
}

# Modules that are a door: who else may import them.
DOORS = {
    "hanse.node.index": {"hanse.node.gate"},  # the rows of published versions
    # Tokens are read by one verifier; sealed answers and the ID tokens of strangers have their own, as strict ones.
    "joserfc": {"hanse.lib.jws", "hanse.lib.seal", "hanse.lib.identity"},
    "fido2": {"hanse.lib.passkeys"},
    **dict.fromkeys(("jwt", "jose", "jwcrypto", "authlib", "itsdangerous"), frozenset()),
}


def name_of(path: Path) -> str:
    return ".".join(["hanse", *path.relative_to(SOURCE).with_suffix("").parts]).removesuffix(".__init__")


def imports(name: str, path: Path) -> Iterator[str]:
    """All that a module imports, inside functions too: `a.b` and `a.b.c` for `from a.b import c`."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def wrong(name: str, imported: str) -> str | None:
    """Why a module must not import this; None when it may."""
    for door, openers in DOORS.items():
        inside = imported == door or imported.startswith(f"{door}.")
        if inside and name not in openers and name != door:
            return f"{name} imports {imported}: only {', '.join(openers)} may"
    mine, theirs = (f"{one}..".split(".")[1:3] for one in (name, imported))
    if not imported.startswith("hanse.") or not mine[0]:
        return None
    if theirs[0] in ALLOWED and theirs[0] not in ALLOWED[mine[0]] | {mine[0]}:
        return f"{name} imports {imported}: {mine[0]}/ must not know {theirs[0]}/"
    domains = mine[0] == theirs[0] == "domains" and mine[1] and theirs[1]
    siblings = domains and mine[1] != theirs[1] and (SOURCE / "domains" / theirs[1]).is_dir()
    return f"{name} imports {imported}: a domain must not know another" if siblings else None


def test_imports_go_one_way() -> None:
    modules = {name_of(path): path for path in sorted(SOURCE.rglob("*.py"))}
    found = {wrong(name, imported) for name, path in modules.items() for imported in imports(name, path)}
    assert sorted(found - {None}) == []


def test_every_folder_has_its_place() -> None:
    folders = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert folders == set(ALLOWED) - {"__main__"}


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("hanse.core.query", "import hanse.lib.sql"),
        ("hanse.domains.imaging.scan", "from hanse.domains.clinical import rows"),
        ("hanse.node.agent", "def late():\n    from ..hub import tables"),
        ("hanse.hub.app", "from hanse import web"),
        ("hanse.client.http", "from hanse.hub import access"),
        ("hanse.node.agent", "from hanse.node.index import open_index"),
        ("hanse.link.outbound", "from joserfc import jwt"),
    ],
)
def test_a_planted_import_turns_this_red(tmp_path: Path, module: str, line: str) -> None:
    path = tmp_path / "planted.py"
    path.write_text(line)
    assert any(wrong(module, imported) for imported in imports(module, path))
