"""What the commands of an authority share: its home, and who decides."""

from pathlib import Path

import click

from hanse.authority.home import Home, opened

file_type = click.Path(path_type=Path, exists=True, dir_okay=False)
home_option = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="HANSE_AUTHORITY_HOME",
    default="authority",
    show_default=True,
    show_envvar=True,
    help="The folder with the authority's settings, key and records.",
)
officer_option = click.option("--officer", required=True, metavar="NAME", help="Who decides: a full name.")

__all__ = ("Home", "file_type", "home_option", "officer_option", "opened")
