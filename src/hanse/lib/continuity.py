"""Whether the log of a home continues every head that it has shown. When it does not, an older copy of the records was
restored: what was decided after that copy is not known here, and who relies on the records must not go on as if it
were.

What was shown is in files: the head that was signed last (`checkpoint`, after every decision, and in a running process
every few seconds), and those that witnesses cosigned. Whoever
answers for the home resumes it; the entry in the log names the heads that it does not continue.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from hanse.core.errors import BadEnvelope, Conflict, Damaged, NoSpace
from hanse.lib import audit, checkpoint, log, merkle, sql, witness
from hanse.lib.checkpoint import Checkpoint

_KIND = "resume"  # of the log entry
_MOST = 1000  # such entries that are looked at


class Continuity:
    """What one process knows of it. Looking again costs next to nothing while none of the files has changed."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._stamp: tuple[object, ...] | None = None
        self._broken: tuple[Checkpoint, ...] = ()

    def broken(self, connection: sa.Connection) -> tuple[Checkpoint, ...]:
        """The heads that the log does not continue and nobody has answered for; empty when all is well. `connection` is
        one that may write from its start (`sql.begin`): of another, a head could be newer than what it sees."""
        stamp = witness.stamp(self._home)
        if stamp != self._stamp:
            found = _contradicted(connection, self._home)
            answered = _answered(connection) if found else set()
            self._broken = tuple(one for one in found if (one.size, one.root.hex()) not in answered)
            self._stamp = stamp
        return self._broken


def show(records: sa.Engine, home: Path) -> None:
    """Signs the head of the log as it is now, so that a copy of the records from before is noticed. Says nothing of
    records that are such a copy: they sign no head until they are resumed."""
    # With the right to write, processes come one after another, and the newest head stays. What was decided stands
    # also on a full disk: a running process signs when there is room again.
    with suppress(Conflict, NoSpace), sql.begin(records) as connection:
        audit.sign_head(connection, witness.own_log(home), home / witness.KEPT)


def restored(records: sa.Engine, home: Path) -> bool:
    """Whether the records of a home are an older copy for which nobody has answered."""
    with sql.begin(records) as connection:
        return bool(Continuity(home).broken(connection))


def resume(records: sa.Engine, home: Path, officer: str, reason: str) -> Sequence[Checkpoint]:
    """Has the records count as they are: logs who answers for it, and signs their head. The heads that the log does not
    continue; `Conflict` when there are none. The last one that was signed stays beside the new one."""
    kept = home / witness.KEPT
    with sql.begin(records) as connection:
        found = _contradicted(connection, home)
        if not found:
            raise Conflict(
                "The log continues every head that it has shown.", hint="There is nothing to resume."
            )
        heads = [{"entries": one.size, "root": one.root.hex()} for one in found]
        log.append(connection, _KIND, {"who": {"officer": officer}, "reason": reason, "heads": heads})
    if kept.exists() and (old := _read(kept)) in found:
        kept.rename(kept.with_name(f"{witness.KEPT}-{old.size}-{old.root.hex()[:16]}"))
    with sql.read(records) as connection:
        audit.sign_head(connection, witness.own_log(home), kept)
    return found


def _contradicted(connection: sa.Connection, home: Path) -> list[Checkpoint]:
    """The heads in the files that the log does not continue, each once, the smallest first."""
    heads = {_read(path) for path in _files(home)}
    return sorted((one for one in heads if not _continued(connection, one)), key=lambda head: head.size)


def _read(path: Path) -> Checkpoint:
    """What was written there was verified before."""
    try:
        return checkpoint.read(path.read_text(encoding="utf-8"))
    except BadEnvelope:
        raise Damaged(
            f"{path.name} holds no head of a log any more", hint="restore it, or find out what happened"
        ) from None


def _continued(connection: sa.Connection, head: Checkpoint) -> bool:
    try:
        audit.hold(log.head(connection)[0], partial(merkle.root, connection), [head])
    except Conflict:
        return False
    return True


def _files(home: Path) -> list[Path]:
    return [path for path in (home / witness.KEPT, *map(Path, witness.notes(home))) if path.exists()]


def _answered(connection: sa.Connection) -> set[tuple[Any, ...]]:
    found = log.latest(connection, (_KIND,), _MOST)
    return {(one["entries"], one["root"]) for entry in found for one in entry.body["heads"]}
