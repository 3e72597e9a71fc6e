"""`hanse authority provider`: where applicants may log in to prove whose keys these are."""

from pathlib import Path

import click

from hanse.authority import providers
from hanse.authority.home import opened
from hanse.cli.home import next_step
from hanse.cli.office import home_option, officer_option
from hanse.cli.output import clean, columns, json_option, print_json
from hanse.core import clock
from hanse.core.login import Client
from hanse.lib import sql


@click.group()
def provider() -> None:
    """Say where applicants may log in to prove whose keys these are.

    \b
    At the provider, register a native (public) client with the redirect http://127.0.0.1 and any port, for the
    authorization code flow with PKCE. Then:
      hanse authority provider add https://login.example.org --client CLIENT_ID --officer NAME
    """


@provider.command()
@click.argument("issuer")
@click.option("--client", required=True, metavar="ID", help="The client that you registered there.")
@click.option(
    "--secret",
    default="",
    help="Only where the provider wants one of native clients: applicants are told it.",
)
@officer_option
@home_option
def add(issuer: str, client: str, secret: str, officer: str, home: Path) -> None:
    """Accept logins at ISSUER, as the provider writes it. Fetches its keys; said again, takes the place of what was."""
    with opened(home) as here:
        said, at = Client(issuer, client, secret), clock.now()
        found = providers.add(here.records, here.settings, here.key, said, officer, at)
    click.echo(clean(f"{found.issuer}: {len(found.jwks['keys'])} keys, client {found.client}"))
    next_step("applicants log in with `hanse login`; `hanse authority serve` tells them where")


@provider.command("list")
@home_option
@json_option
def list_providers(home: Path, as_json: bool) -> None:
    """List where logins are accepted."""
    with opened(home) as here, sql.read(here.records) as connection:
        found = providers.all_of(connection)
    rows = [
        {
            "issuer": one.provider.issuer,
            "client": one.provider.client,
            "keys": len(one.provider.jwks["keys"]),
            "fetched": clock.text(one.fetched),
        }
        for one in found
    ]
    if as_json:
        print_json(rows)
        return
    for line in columns([[clean(str(cell)) for cell in row.values()] for row in rows]) if rows else ():
        click.echo(line)
    if not rows:
        next_step("hanse authority provider add ISSUER --client ID --officer NAME")


@provider.command()
@click.argument("issuer")
@officer_option
@home_option
def remove(issuer: str, officer: str, home: Path) -> None:
    """Accept no logins at ISSUER any more. What was checked before counts on."""
    with opened(home) as here:
        providers.remove(here.records, here.settings, here.key, issuer, officer, clock.now())
    click.echo(clean(f"{issuer} is removed."))
