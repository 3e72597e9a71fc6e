"""What the commands of an authority share: its home, and who decides."""

import click

from hanse.cli.paths import home_at

home_option = home_at(
    "authority", "HANSE_AUTHORITY_HOME", "The folder with the authority's settings, key and records."
)
officer_option = click.option("--officer", required=True, metavar="NAME", help="Who decides: a full name.")
