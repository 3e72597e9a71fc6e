"""The command line: `hanse --help`. Each command lives in its module, which is imported when the command is used."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

import click

from hanse import __version__
from hanse.core.errors import Problem


class Place(NamedTuple):
    module: str  # the command is its attribute of the same name
    about: str


COMMANDS = {
    "search": Place("hanse.cli.search", "Ask every node one question"),
    "datasets": Place("hanse.cli.lookup", "List the datasets that may be asked"),
    "nodes": Place("hanse.cli.lookup", "List the nodes and their state"),
    "vocabulary": Place("hanse.cli.lookup", "Explain the fields that a question may name"),
    "demo": Place("hanse.cli.demo", "Run a hub and its nodes on this machine"),
    "hub": Place("hanse.cli.hub", "Run the hub: set up, enrol nodes, serve"),
    "node": Place("hanse.cli.node", "Run a node: prepare, publish, serve"),
    "authority": Place("hanse.cli.authority", "Run an authority: check keys, give permits"),
    "apply": Place("hanse.cli.apply", "Apply for data"),
    "login": Place("hanse.cli.login", "Prove whose the keys in an application are"),
    "applications": Place("hanse.cli.apply", "Show what became of your applications"),
    "analyse": Place("hanse.cli.run", "Run an analysis under a permit"),
    "runs": Place("hanse.cli.run", "Read the results of your runs"),
    "key": Place("hanse.cli.key", "Make and show the keys that sign your orders"),
    "audit": Place("hanse.cli.audit", "Verify a log, sign its head, prove entries"),
    "synth": Place("hanse.cli.synth", "Make synthetic patients with images"),
}


class Commands(click.Group):
    """The table above as a command group; `--help` reads the table and imports nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, place in COMMANDS.items() if find_spec(place.module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        return getattr(import_module(COMMANDS[cmd_name].module), cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].about) for name in self.list_commands(ctx)])


EPILOG = """\b
Examples:
  hanse search "image.modality = 'MR' AND condition.cancer_type = 'breast'"
  hanse datasets breast
  hanse vocabulary image.modality
"""


@click.command(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hanse")
def root() -> None:
    """Health data stay where they are; questions, permits and computations travel."""


def main(words: Sequence[str] | None = None) -> None:
    """Run a command, that of the command line unless `words` say another. A `Problem` is one line on stderr, what to
    do below it, and the exit code of its class."""
    try:
        root(words, prog_name="hanse")
    except Problem as problem:
        from hanse.cli.output import clean

        # It may hold the name of a file, or what a hub said: neither moves the cursor.
        click.echo(f"{click.style(problem.title + '.', fg='red')} {clean(problem.detail)}", err=True)
        if problem.hint:
            click.echo(clean(problem.hint), err=True)
        sys.exit(problem.exit_code)
