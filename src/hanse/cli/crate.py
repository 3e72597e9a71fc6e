"""`hanse runs verify`: whether the RO-Crate of a result is what its permit, orders and nodes' signatures say."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from hanse.cli.key import home_option
from hanse.cli.output import clean, json_option, print_json
from hanse.cli.paths import A_FILE
from hanse.cli.records import note_of
from hanse.client import authorities, crate
from hanse.client.access import Granted
from hanse.client.authorities import Known
from hanse.client.crate import Attested, Verified
from hanse.client.run import Part
from hanse.core import clock
from hanse.core.errors import Refused
from hanse.lib import jws
from hanse.lib.checkpoint import Proof

NUMBERS = (
    "The numbers: they follow from intermediates, which no crate holds. Who ordered the run can compute them again:"
    " what `hanse runs show RUN --out again.zip` writes has the same hash."
)
LOGS = (
    "Whether the logs of these nodes hold their entries: ask a holder for `hanse audit proof NUMBER`, and name the file"
    " with --proof."
)
HEADS = "Who signed the heads of these logs: `hanse audit verify FILE --key KEY`, with the key that its owner told you."
RELIED = {
    "pinned": "It is the authority that you named.",
    "known": "You rely on this authority.",
    "unknown": "You do not know this authority: compare the fingerprint with the authority itself.",
}


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--authority", "wanted", metavar="FINGERPRINT", help="Whose permit it must be, as it told you itself."
)
@click.option(
    "--proof",
    "proofs",
    type=A_FILE,
    multiple=True,
    help="That a log holds an entry: `hanse audit proof`; several.",
)
@home_option
@json_option
def verify(file: Path, wanted: str | None, proofs: tuple[Path, ...], home: Path, as_json: bool) -> None:
    """Verify the RO-Crate of a result (FILE or folder): permit, orders, what each node signed, and every file.

    Nobody is asked. It fails when anything in it is not what was signed, and says what nobody can see from a crate.
    """
    found = crate.verify(crate.read(file))
    relied = _relied(found, wanted, home.expanduser())
    shown = {str(one): crate.shows(found, Proof.read(note_of(one))) for one in proofs}
    proven = {one.hash for one in shown.values()}
    unproven = [one for one in found.parts if one.result and one.hash not in proven]
    not_verified = [NUMBERS, *([LOGS] if unproven else []), *([HEADS] if shown else [])]
    if as_json:
        proofs_of = {file: one.hash for file, one in shown.items()}
        print_json(_body(found, relied) | {"proofs": proofs_of, "not_verified": not_verified})
        return
    lines = (*_permit(found, relied), *_orders(found), *_files(found), *_proofs(shown))
    for line in (*lines, "Not verified:", *(f"  {one}" for one in not_verified)):
        click.echo(clean(line))


def _relied(found: Verified, wanted: str | None, home: Path) -> str:
    """Why one relies on the authority; `Refused` when another one was named, or is known by its name."""
    authority = found.granted.permit.authority
    if wanted and not authorities.named(wanted, authority.kid):
        raise Refused(
            f"The permit is of another authority, {authority.name}, with the fingerprint"
            f" {jws.fingerprint(authority.kid)}.",
            hint="A crate verifies by the keys that it names: whose they are, only their owners can tell.",
        )
    known = Known(home).met(authority.kid, authority.name)
    return "pinned" if wanted else "known" if known else "unknown"


def _permit(found: Verified, relied: str) -> list[str]:
    permit = found.granted.permit
    selects = [f"  It selects: {permit.scope.selection}"] if permit.scope.selection else []
    return [
        f"The permit was signed by {permit.authority.name}, fingerprint {found.granted.signer.fingerprint}.",
        f"  {RELIED[relied]}",
        f"  {permit.project}: {permit.id}, version {permit.version}, SHA-256 {found.granted.hash}",
        *selects,
    ]


def _orders(found: Verified) -> list[str]:
    said = found.provenance
    narrowed = [f"  Of these only: {said.selection}"] if said.selection else []
    return [
        f"The orders were signed by {said.person} at {said.began}: {found.result.method}, {len(found.parts)} datasets.",
        *narrowed,
        *(f"  {_order(one, found.granted)}" for one in found.parts),
    ]


def _order(one: Part, granted: Granted) -> str:
    grant = granted.permit.scope.grant(one.order.node, one.order.dataset)
    dataset = (
        f"{grant.name if grant else ''} {one.order.dataset}@{one.order.version} at {one.order.node}".strip()
    )
    if one.result is None:
        return f"{dataset}: not in it, since nothing is here that its node signed"
    at, entry = clock.text(one.result.at), f"{one.result.entry_number} {one.result.entry_hash}"
    return f"{dataset}: signed by the node at {at}, {one.result.software}, log entry {entry}"


def _files(found: Verified) -> list[str]:
    by = found.attested
    if by is None:
        vouched = "Nobody signed for the numbers: they are the word of whoever gave you the file."
    else:
        vouched = f"{by.person} signed for the numbers at {clock.text(by.at)}, key {by.key.fingerprint}."
    page = (
        ["  A web page keeps that key: the signature is worth as much as the page."] if by and by.page else []
    )
    return [f"Every file follows from these documents and the result: crate {found.hash}", vouched, *page]


def _proofs(shown: Mapping[str, Part]) -> list[str]:
    return [
        f"The entry for {one.order.dataset}@{one.order.version} is in the log whose head stands in {file}."
        for file, one in shown.items()
    ]


def _body(found: Verified, relied: str) -> dict[str, Any]:
    permit = found.granted.permit
    return {
        "verified": True,
        "authority": asdict(permit.authority)
        | {"fingerprint": found.granted.signer.fingerprint, "relied": relied},
        "permit": {
            "id": permit.id,
            "version": permit.version,
            "project": permit.project,
            "hash": found.granted.hash,
        },
        "method": found.result.method,
        "provenance": asdict(found.provenance),
        "crate": found.hash,
        "attested": _attested(found.attested),
    }


def _attested(by: Attested | None) -> dict[str, Any] | None:
    if by is None:
        return None
    return {"person": by.person, "key": by.key.fingerprint, "page": by.page, "at": clock.text(by.at)}
