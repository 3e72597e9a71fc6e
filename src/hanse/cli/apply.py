"""`hanse apply` and `hanse applications`: asking for data, and what became of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from hanse.cli import wishes
from hanse.cli.home import next_step
from hanse.cli.key import home_option, key_option, open_key, passphrase_option, stored_key
from hanse.cli.login import browser_option, issuer_option, prove, show_keys, wait_option, whole
from hanse.cli.output import clean, columns, hub_option, json_option, print_json
from hanse.cli.paths import A_FILE
from hanse.client import Hanse, access, authorities
from hanse.client.access import Applicant
from hanse.client.authorities import Authority, Known
from hanse.core import document
from hanse.core.application import Application
from hanse.core.errors import BadInput
from hanse.core.scope import KeyUse
from hanse.lib import files, keys
from hanse.lib.keys import Ring, Stored


@click.command()
@click.argument("file", required=False, type=A_FILE)
@wishes.member_options
@click.option("--dry-run", is_flag=True, help="Show the words, and sign and send nothing.")
@click.option("--yes", is_flag=True, help="Sign without asking.")
@click.option("--login", "by_login", is_flag=True, help="Log in at once, as `hanse login` does.")
@issuer_option
@browser_option
@wait_option
@hub_option
@home_option
@key_option
@passphrase_option(again=False)
@json_option
def apply(
    file: Path | None,
    dry_run: bool,
    yes: bool,
    by_login: bool,
    issuer: str,
    no_browser: bool,
    wait: int,
    hub_url: str,
    home: Path,
    key: Path | None,
    passphrase: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Apply for data, with options or a YAML file of the same names (datasets, reasons, ... for those that repeat).

    Shows what will be signed, in words made from its bytes, and signs it with your working key when you agree.
    """
    said, ring = wishes.read(file, options), Ring(home.expanduser())
    stored, known = stored_key(ring, key), Known(home.expanduser())
    applicant = Applicant(said["name"], said["organisation"], said["country"], _spare(ring, stored))
    with Hanse(hub_url) as hub:
        authority = hub.authority(str(said["authority"]))
        _introduce(authority, known, str(said["authority"]))
        made = access.write(hub, wishes.wish(said, authority), applicant, _working(ring, stored).public)
        click.echo(access.said(made), err=True)
        if dry_run:
            click.echo("Nothing was signed or sent.", err=True)
            return
        if not yes:
            _confirm()
        known.keep(authority.key.kid, authority.name)
        signer = open_key(stored, passphrase)
        hash = _send(hub, home.expanduser(), access.sign(made, signer))
        _print(hash, made, as_json)
        if by_login:
            prove(hub, ring, known, hash, signer, issuer=issuer, browser=not no_browser, wait=wait)
        else:
            _say_how_to_prove(authority, made, hash)


def _confirm() -> None:
    """Asks whether to sign; `BadInput` when nobody agrees."""
    try:
        click.confirm("Sign exactly this?", abort=True, err=True)
    except click.Abort:
        hint = "Where nobody can type, add --yes once somebody has read these words."
        raise BadInput("Nobody agreed: nothing was signed or sent.", hint=hint) from None


def _introduce(authority: Authority, known: Known, wanted: str) -> None:
    """Says whom one is about to rely on, when it is for the first time; `Refused` when the hub shows another key."""
    if known.met(authority.key.kid, authority.name) or authorities.named(wanted, authority.key.kid):
        return
    name = clean(authority.name)
    click.echo(f"You apply to {name} for the first time. The hub says that its fingerprint is", err=True)
    click.echo(f"  {authority.key.fingerprint}", err=True)
    click.echo(
        "Compare it with the authority itself. From now on, no other key counts under this name.\n", err=True
    )


def _say_how_to_prove(authority: Authority, made: Application, hash: str) -> None:
    """How the authority comes to know whose the keys are: by a login, where it accepts one, or on the telephone."""
    accepted = authority.accepted()
    if accepted and accepted.clients:
        next_step(f"hanse login {hash[:12]}, or read your fingerprints to the authority on the telephone")
    else:
        next_step("read your fingerprints to the authority on the telephone; it accepts no logins")
    show_keys(made.scope.persons[0])


def _send(hub: Hanse, home: Path, token: str) -> str:
    """Sends an application and keeps what was sent; its hash."""
    hash = hub.send(token)
    files.make_folder(home / "applications")
    files.write(home / "applications" / hash, token.encode(), mode=0o600)
    return hash


def _print(hash: str, made: Application, as_json: bool) -> None:
    if as_json:
        print_json({"application": hash, "document": document.to_plain(made)})
    else:
        click.echo(hash)


def _working(ring: Ring, stored: Stored) -> Stored:
    """The working key, which the permit is to name first, also when the spare one signs."""
    return ring.working() if ring.path(KeyUse.WORKING).exists() else stored


def _spare(ring: Ring, stored: Stored) -> Any:
    path = ring.path(KeyUse.SPARE)
    if path.exists():
        return keys.load(path).public
    return stored.public if stored.use is KeyUse.SPARE else None


@click.command()
@click.argument("hash", required=False)
@click.option(
    "--authorities", "who", is_flag=True, help="List who decides, with their fingerprints, instead."
)
@hub_option
@home_option
@json_option
def applications(hash: str | None, who: bool, hub_url: str, home: Path, as_json: bool) -> None:
    """Show what became of your applications, or of the one whose hash begins so."""
    with Hanse(hub_url) as hub:
        if who:
            _show_authorities(hub.authorities(), as_json)
            return
        folder = home.expanduser() / "applications"
        sent = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        found = [hub.application(one) for one in ([whole(home.expanduser(), hash)] if hash else sent)]
        if as_json:
            print_json(found)
            return
        for one in found:
            _show(one, _refused(hub, one))
    if not found:
        next_step("hanse apply")


def _refused(hub: Hanse, one: Mapping[str, Any]) -> str:
    """Why the authority refused it; empty when it did not."""
    return access.refused(one, hub.authority(one["authority"]["id"]).key) if one["refusal"] else ""


def _show(one: Mapping[str, Any], reason: str) -> None:
    click.echo(clean(f"{one['application']}  {one['authority']['name']}: {one['authority']['state']}"))
    for login in one.get("logins", ()):
        click.echo(clean(f"  login of {login['sent']}: {login['state']}"))
    _table([["", row["name"], row["dataset_name"], row["state"]] for row in one["nodes"]])
    if reason:
        click.echo(clean(f"  It said: {reason}"))
        next_step("hanse apply")
    if one["permit_hash"]:
        click.echo(f"  permit {one['permit_hash']}")
        ended = one["authority"]["state"] == "revoked"
        next_step("hanse apply" if ended else f"hanse analyse METHOD --permit {one['permit_hash']}")


def _show_authorities(listed: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(listed)
        return
    found = [authorities.choose(listed, one["id"]) for one in listed]
    logins = [
        ", ".join(one.issuer for one in said.clients) if (said := who.accepted()) else "" for who in found
    ]
    _table(
        [
            [row["id"], row["name"], row["country"], row["state"], who.key.fingerprint, login or "no logins"]
            for row, who, login in zip(listed, found, logins, strict=True)
        ]
    )
    next_step("compare the fingerprint with the authority itself; then hanse apply --authority FINGERPRINT")


def _table(rows: list[list[str]]) -> None:
    if rows:
        click.echo("\n".join(columns([[clean(cell) for cell in row] for row in rows])))
