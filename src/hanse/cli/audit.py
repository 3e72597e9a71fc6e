"""`hanse audit`: whether a log is what it was, and what shows it to others."""

import sys
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from hanse.cli import witness
from hanse.cli.home import next_step
from hanse.cli.output import clean, json_option, print_json
from hanse.cli.paths import A_FILE
from hanse.cli.records import address_of, home_option, note_of, records_of
from hanse.core import clock
from hanse.core.errors import Conflict, Damaged, NotFound
from hanse.lib import audit as auditing
from hanse.lib import checkpoint, log, merkle, sql
from hanse.lib import witness as witnessing
from hanse.lib.audit import Relation
from hanse.lib.checkpoint import Proof, VerifierKey
from hanse.lib.witness import KEPT, LOG_KEY

WITNESSED_WITHIN = timedelta(hours=48)

key_option = click.option(
    "--key", "key_text", metavar="KEY", help="The verifier key of the log, as its owner said it."
)
witness_option = click.option(
    "--witness", "witness_texts", metavar="KEY", multiple=True, help="The verifier key of a witness; several."
)


@click.group()
def audit() -> None:
    """Verify a log, sign its head, prove entries, compare heads.

    \b
    Examples:
      hanse audit verify
      hanse audit head > monday.checkpoint
      hanse audit verify --head monday.checkpoint
      hanse audit proof 17 > entry-17.tlog-proof
    """


@audit.command()
@click.argument("file", type=A_FILE, required=False)
@click.option("--head", "heads", type=A_FILE, multiple=True, help="A checkpoint kept from before; several.")
@key_option
@witness_option
@click.option(
    "--witnessed",
    is_flag=True,
    help="Fail unless every pinned witness cosigned all entries older than 48 hours.",
)
@home_option
@json_option
def verify(
    file: Path | None,
    heads: tuple[Path, ...],
    key_text: str | None,
    witness_texts: tuple[str, ...],
    witnessed: bool,
    home: Path,
    as_json: bool,
) -> None:
    """Read a whole log, an extract of one (FILE) or a proof (FILE), and say the first entry that does not fit.

    A log that was cut or rewritten as a whole shows only beside a checkpoint from elsewhere: name it with --head.
    """
    notes = {str(path): note_of(path) for path in heads}
    key = VerifierKey.read(key_text) if key_text else None
    pinned = [VerifierKey.read(one) for one in witness_texts]
    if file is None:
        if (home / KEPT).exists():
            notes[str(home / KEPT)] = note_of(home / KEPT)
        notes |= witnessing.notes(home)
        if key is None and (home / LOG_KEY).exists():
            key = witnessing.own_log(home).verifier
        pinned += witnessing.witnesses(home)
    signed = partial(_signed, key=key, witnesses=pinned)
    if file is None:
        found = _verify_home(home, notes)
    elif _is_proof(file):
        found, notes = _verify_proof(file), {str(file): Proof.read(note_of(file)).note}
    else:
        found, note = _verify_extract(file, notes)
        notes[str(file)] = note
    body = found | {"heads": [signed(name, note) for name, note in notes.items()]}
    _say_verified(body, as_json)
    if witnessed:
        _must_be_witnessed(home)


def _must_be_witnessed(home: Path) -> None:
    if not witnessing.witnesses(home):
        raise NotFound("There is no pinned witness.", hint="`hanse audit pin` pins one.")
    with records_of(home) as records, sql.read(records) as connection:
        unseen = witnessing.unseen(connection, home, clock.now() - WITNESSED_WITHIN)
    if unseen:
        key, number = unseen[0]
        raise NotFound(
            f"Entry {number} is older than 48 hours, and {key.name} has cosigned no head over it.",
            hint="`hanse audit status` says more. A hub may keep back what is sent: ask the witness itself.",
        )


def _is_proof(file: Path) -> bool:
    with file.open("rb") as source:
        return checkpoint.is_proof(source.readline(100).decode(errors="replace"))


def _verify_home(home: Path, notes: dict[str, str]) -> dict[str, Any]:
    with records_of(home) as records, sql.read(records) as connection:
        size = log.verify(connection)
        auditing.hold(
            size, partial(merkle.root, connection), [checkpoint.read(one) for one in notes.values()]
        )
        return {"what": "log", "entries": size, "root": merkle.root(connection, size).hex()}


def _verify_extract(file: Path, notes: dict[str, str]) -> tuple[dict[str, Any], str]:
    heads = [checkpoint.read(one) for one in notes.values()]
    with file.open("rb") as source:
        checked = auditing.check_extract(source, {head.size for head in heads})
    said = checked.checkpoint
    auditing.hold(said.size, checked.roots.__getitem__, heads)
    return {"what": "extract", "entries": said.size, "root": said.root.hex()}, checked.note


def _verify_proof(file: Path) -> dict[str, Any]:
    proof = Proof.read(note_of(file))
    head = checkpoint.read(proof.note)
    if not proof.extra or not proof.shows(proof.extra, head):
        raise Damaged(
            f"{file} does not show entry {proof.number}: it, the proof or the checkpoint was changed"
        )
    entry = proof.extra.decode(errors="replace")
    return {"what": "proof", "entries": head.size, "root": head.root.hex(), "entry": entry}


def _signed(name: str, note: str, *, key: VerifierKey | None, witnesses: list[VerifierKey]) -> dict[str, Any]:
    """One checkpoint: its size, and who signed it, as far as keys were pinned."""
    if key is None:
        return {"file": name, "entries": checkpoint.read(note).size, "signed": None, "witnesses": {}}
    seen = checkpoint.verify(note, key, witnesses)
    times = {witness: clock.text(at) for witness, at in seen.witnesses.items()}
    return {"file": name, "entries": seen.checkpoint.size, "signed": key.name, "witnesses": times}


def _say_verified(body: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(body)
        return
    if body["what"] == "proof":
        click.echo(clean(body["entry"]))
        click.echo(f"It is in the log of {body['entries']} entries with the root {body['root']}.")
    else:
        click.echo(f"The {body['what']} holds together: {body['entries']} entries, root {body['root']}.")
    for head in body["heads"]:
        signed = f"signed by {head['signed']}" if head["signed"] else "its signature was not checked"
        click.echo(f"{clean(head['file'])}: fits, {head['entries']} entries; {signed}.")
        for name, at in head["witnesses"].items():
            click.echo(f"  witnessed by {name} at {at}")
    if any(head["signed"] is None for head in body["heads"]):
        next_step("name the verifier key of the log with --key; its owner's `hanse audit key` prints it")
    elif not body["heads"]:
        next_step("hanse audit head, and keep what it prints in another place")


@audit.command()
@click.option(
    "--witness", "as_witness", is_flag=True, help="The key with which this home cosigns other logs."
)
@home_option
def key(as_witness: bool, home: Path) -> None:
    """Print the verifier key of a log, or of a witness. Who pins it gets it from its owner, not from a hub."""
    if as_witness:
        click.echo(str(witnessing.own_key(home, address_of(home)).verifier))
        return
    with records_of(home):
        click.echo(str(witnessing.own_log(home).verifier))


@audit.command()
@home_option
@json_option
def head(home: Path, as_json: bool) -> None:
    """Sign the head of the log and print it as a checkpoint. Keep it elsewhere: the log cannot be changed behind it."""
    with records_of(home) as records:
        note = _head(records, home)
    if as_json:
        one = checkpoint.read(note)
        print_json({"origin": one.origin, "entries": one.size, "root": one.root.hex(), "checkpoint": note})
    else:
        click.echo(note, nl=False)


def _head(records: sa.Engine, home: Path) -> str:
    with sql.read(records) as connection:
        return auditing.sign_head(connection, witnessing.own_log(home), home / KEPT)


@audit.command()
@click.argument("number", type=click.IntRange(1))
@home_option
@json_option
def proof(number: int, home: Path, as_json: bool) -> None:
    """Print the proof that an entry is in the log: the entry, its way to the root, and a signed checkpoint."""
    with records_of(home) as records:
        note = _head(records, home)
        with sql.read(records) as connection:
            found = auditing.prove(connection, number, note)
    if as_json:
        way = [one.hex() for one in found.hashes]
        print_json({"number": number, "entry": found.extra.decode(), "hashes": way, "checkpoint": note})
    else:
        click.echo(found.text, nl=False)


@audit.command()
@click.option("--persons", is_flag=True, help="Say who the persons are; otherwise only salted hashes leave.")
@home_option
def export(persons: bool, home: Path) -> None:
    """Print an extract of the whole log under a signed checkpoint, for `hanse audit verify FILE` elsewhere."""
    with records_of(home) as records:
        note = _head(records, home)
        with sql.read(records) as connection:
            for line in auditing.extract(connection, note, persons):
                sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


_SAID = {
    Relation.SAME: "Both checkpoints stand for the same {older} entries.",
    Relation.CONTINUES: "The log of {newer} entries continues that of {older}.",
    Relation.CONTRADICTS: "The checkpoints over {older} and {newer} entries contradict each other: the log was"
    " rewritten, or it shows different histories in different places.",
}


@audit.command()
@click.argument("one", type=A_FILE)
@click.argument("other", type=A_FILE)
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Of the log itself."
)
@key_option
@witness_option
@json_option
def compare(
    one: Path,
    other: Path,
    home: Path | None,
    key_text: str | None,
    witness_texts: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compare two checkpoints of one log, got in two places: the same, one continues the other, or a contradiction."""
    key = VerifierKey.read(key_text) if key_text else None
    witnesses = [VerifierKey.read(text) for text in witness_texts]
    heads = [_signed(str(path), note_of(path), key=key, witnesses=witnesses) for path in (one, other)]
    said = [checkpoint.read(note_of(path)) for path in (one, other)]
    if home is None:
        relation = auditing.compare(*said)
    else:
        with records_of(home) as records, sql.read(records) as connection:
            size, _root = log.head(connection)
            relation = auditing.compare(*said, size, partial(merkle.root, connection))
    older, newer = sorted(head.size for head in said)
    words = _SAID[relation].format(older=older, newer=newer)
    if as_json:
        print_json({"relation": relation, "heads": heads})
    if relation is Relation.CONTRADICTS:
        raise Conflict(words, hint="Keep both checkpoints: together they are the evidence.")
    if not as_json:
        click.echo(words)
        if key is None:
            next_step("name the verifier key of the log with --key: the signatures were not checked")


@audit.command()
@click.argument("numbers", type=click.IntRange(1), nargs=-1, required=True)
@click.option("--reason", required=True, help="What the log will say.")
@home_option
def redact(numbers: tuple[int, ...], reason: str, home: Path) -> None:
    """Destroy the name of the person in these entries. The entries stay, and the log still verifies."""
    with records_of(home) as records:
        with sql.begin(records) as connection:
            entry = log.redact(connection, numbers, reason)
        with records.connect() as connection:
            if connection.dialect.name == "sqlite":  # what was overwritten leaves the journal too
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    click.echo(f"{len(numbers)} entries name nobody any more; entry {entry.number} says so.")
    next_step("delete backups of the database that still name the person, when they are due")


for command in witness.COMMANDS:
    audit.add_command(command)
