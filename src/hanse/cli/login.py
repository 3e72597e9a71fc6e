"""`hanse login`: proving by a login at one's own provider whose the keys in an application are."""

import webbrowser
from pathlib import Path
from typing import Any

import click

from hanse.cli.home import next_step
from hanse.cli.key import home_option, key_option, passphrase_option, signer_of
from hanse.cli.output import clean, hub_option
from hanse.client import Hanse
from hanse.client import login as logins
from hanse.client.authorities import Authority, Known
from hanse.core import application as applications
from hanse.core.application import Application
from hanse.core.document import Signed
from hanse.core.errors import BadEnvelope, BadInput, NotFound, Refused
from hanse.core.login import Client
from hanse.core.scope import Person
from hanse.lib import jws
from hanse.lib.identity import MAX_AGE
from hanse.lib.jws import PublicKey, Signer
from hanse.lib.keys import Ring

browser_option = click.option(
    "--no-browser", is_flag=True, help="Print the address instead of opening a browser here."
)
issuer_option = click.option(
    "--issuer", default="", help="Where to log in, when there are several providers."
)
wait_option = click.option(
    "--wait",
    type=click.IntRange(1, 900),
    default=int(logins.WAIT_S),
    show_default=True,
    help="How many seconds you have.",
)


@click.command()
@click.argument("application")
@issuer_option
@browser_option
@wait_option
@hub_option
@home_option
@key_option
@passphrase_option(again=False)
def login(
    application: str,
    issuer: str,
    no_browser: bool,
    wait: int,
    hub_url: str,
    home: Path,
    key: Path | None,
    passphrase: str | None,
) -> None:
    """Log in to prove whose the keys in an application are.

    APPLICATION is its hash, or how it begins when you sent it yourself. The login commits to your keys and this
    application. The proof is sealed to the authority: nobody else can read or use it.
    """
    ring, known = Ring(home.expanduser()), Known(home.expanduser())
    hash = whole(home.expanduser(), application)
    with Hanse(hub_url) as hub:
        signer = signer_of(ring, key, passphrase)
        prove(hub, ring, known, hash, signer, issuer=issuer, browser=not no_browser, wait=wait)


def whole(home: Path, begins: str) -> str:
    """The hash of an application that was sent from here, by how it begins; a whole hash may be of any."""
    if len(begins) == 64:
        return begins
    folder = home / "applications"
    found = [one.name for one in folder.iterdir() if one.name.startswith(begins)] if folder.is_dir() else []
    if len(found) != 1:
        raise NotFound(
            "No application that was sent from here has a hash that begins so, or several do.",
            hint="`hanse applications` lists them; another person's is named by its whole hash.",
        )
    return found[0]


def prove(
    hub: Hanse,
    ring: Ring,
    known: Known,
    hash: str,
    signer: Signer,
    *,
    issuer: str = "",
    browser: bool = True,
    wait: int,
) -> None:
    """Logs in for the application with this hash, and sends the proof to its authority."""
    said = _read(hub.application(hash)["token"], hash)
    person = _person(said.document, ring, signer)
    authority = hub.authority(said.document.authority)
    known.keep(authority.key.kid, authority.name)
    accepted = authority.accepted()
    if accepted is None:
        raise NotFound(
            f"{authority.name} accepts no logins.",
            hint="It compares your fingerprint by telephone: `hanse key show`.",
        )
    client = logins.client_of(accepted, issuer)
    _tell(authority, client, said.document, person)
    proof = logins.prove(
        accepted, client, person, hash, signer, show=_shower(browser), wait=_waiting, wait_s=wait
    )
    hub.prove(hash, proof)
    click.echo("Logged in; the proof is on its way.", err=True)
    next_step("hanse applications")


def _tell(authority: Authority, client: Client, said: Application, person: Person) -> None:
    """What is confirmed to whom, before the browser opens."""
    if not authority.online:
        minutes = MAX_AGE.seconds // 60
        click.echo(
            f"The authority is offline now; it must read your login within {minutes} minutes.", err=True
        )
    to = f"{authority.name} ({authority.key.fingerprint})"
    click.echo(clean(f"You confirm to {to}, at {client.issuer},"), err=True)
    click.echo(clean(f"for the project {said.project!r}, that these keys are yours:"), err=True)
    show_keys(person)


def show_keys(person: Person) -> None:
    """The fingerprints of a person's keys, as they are compared."""
    for one in person.keys:
        click.echo(f"  {one.use:8} {jws.fingerprint(one.kid)}", err=True)


def _read(token: str, hash: str) -> Signed[Application]:
    """The application that a hub gives, which must be the one that was asked for, signed by one who applies."""
    claimed = applications.decode(jws.unverified(token))
    found = claimed.scope.key(jws.key_id(token))
    if found is None:
        raise BadEnvelope("The application is not signed with a key that it names.")
    said = jws.read(token, PublicKey.from_jwk(found[1].jwk), applications.TYP, applications.decode)
    if said.hash != hash:
        raise BadEnvelope("The hub gives another application than the one that was asked for.")
    return said


def _person(said: Application, ring: Ring, signer: Signer) -> Person:
    """Who of the application has this key. `Refused` when it gives them a key that is not on this ring: the login
    would confirm that one too."""
    found = said.scope.key(signer.public.kid)
    if found is None:
        raise BadInput(
            "The application does not name your key.", hint="Did another person apply, or another key?"
        )
    mine = {one.public.kid for one in ring.all()} | {signer.public.kid}
    if strange := [one for one in found[0].keys if one.kid not in mine]:
        raise Refused(
            f"The application gives you a key that is not yours: {jws.fingerprint(strange[0].kid)}.",
            hint="Do not log in for it. Ask whoever applied to name the keys that `hanse key list` shows.",
        )
    return found[0]


def _shower(browser: bool) -> Any:
    def show(address: str) -> None:
        if browser and webbrowser.open(address):
            click.echo("Your browser shows the login.", err=True)
        else:
            click.echo(f"Open this address in a browser on this machine:\n{clean(address)}", err=True)

    return show


def _waiting(left: float) -> None:
    click.echo(f"Waiting for the login, {left:.0f} s left", err=True)
