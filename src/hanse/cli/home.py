"""What the commands of a node share: its home, its store, and what to do next."""

from pathlib import Path

import click
from click.core import ParameterSource

from hanse.cli.paths import home_at
from hanse.core.errors import NotSetUp
from hanse.node.store import Store

home_option = home_at(
    "node",
    "HANSE_NODE_HOME",
    "The folder with the node's settings, keys, prepared data and published versions.",
)


def next_step(words: str) -> None:
    """What to do next, in the same home; on stderr, so that what is printed for programs stays whole."""
    context = click.get_current_context()
    said = context.get_parameter_source("home") is ParameterSource.COMMANDLINE and "hanse " in words
    home = f" (--home {context.params['home']})" if said else ""
    click.echo(f"Next: {words}{home}", err=True)


def store_of(home: Path) -> Store:
    """The node's store; a home in which no node was made holds nothing worth looking at."""
    if not (home / "keys").is_dir():
        raise NotSetUp(f"there is no node in {home}", hint="run `hanse node init` first, or name --home")
    return Store(home)
