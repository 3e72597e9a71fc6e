import subprocess
import sys
from pathlib import Path

import click
import pytest

import hanse.cli
from hanse.cli import COMMANDS, Place, root


def test_help_imports_no_command() -> None:
    script = (
        "import sys; from hanse.cli import root; root(['--help'], standalone_mode=False); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not {"httpx", "rich", "pandas", "hanse.cli.search", "sqlalchemy", "duckdb"} & loaded


def test_a_command_that_is_not_installed_breaks_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "absent", Place("hanse.cli.absent", "Nothing"))
    assert isinstance(root, click.Group)
    assert "absent" not in root.list_commands(click.Context(root))
    assert "search" in root.list_commands(click.Context(root))


def test_every_command_of_the_table_is_a_command() -> None:
    for name, place in COMMANDS.items():
        if (Path(hanse.cli.__file__).parent / f"{place.module.rpartition('.')[2]}.py").exists():
            command = root.get_command(click.Context(root), name)  # type: ignore[attr-defined]
            assert isinstance(command, click.Command)
            assert command.help
