"""After reading: which copies count, and the row of every series that has changed."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import orjson
import sqlalchemy as sa

from hanse.domains.imaging import instances
from hanse.domains.imaging.instances import Instance
from hanse.domains.imaging.series import Dimension, Finding, ImageRow, image_row, study_findings
from hanse.domains.imaging.sources import Rejected
from hanse.lib import sql
from hanse.node.intake import Run, touch_series
from hanse.node.work import FILE, FINDING, IMAGE, INSTANCE, SERIES

_SERIES_PER_COMMIT = 200
_OF_SERIES = SERIES.c.ordinal == INSTANCE.c.series


def settle(run: Run) -> None:
    """Brings the rows of series up to date with the files."""
    with sql.begin(run.engine) as connection:
        _judge_copies(connection, run)
        # What a series refers to may have arrived since.
        unresolved = sa.select(FINDING.c.series).where(FINDING.c.code == "unresolved-reference")
        connection.execute(SERIES.update().where(SERIES.c.ordinal.in_(unresolved)).values(changed=True))
        total = connection.scalar(sa.select(sa.func.count()).select_from(SERIES).where(SERIES.c.changed)) or 0
    done = 0
    while True:
        with sql.begin(run.engine) as connection:
            changed = (
                sa.select(SERIES).where(SERIES.c.changed).order_by(SERIES.c.ordinal).limit(_SERIES_PER_COMMIT)
            )
            batch = connection.execute(changed).all()
            studies = {study for series in batch for study in _settle_series(connection, series)}
            for study in sorted(studies):
                _compare_series(connection, study)
        if not batch:
            return
        done += len(batch)
        run.progress(done, total, "series")


def _judge_copies(connection: sa.Connection, run: Run) -> None:
    """Of files with one SOPInstanceUID and one content the first counts; with other contents none does."""
    twice = sa.select(INSTANCE.c.uid).group_by(INSTANCE.c.uid).having(sa.func.count() > 1)
    query = (
        sa.select(INSTANCE.c.uid, INSTANCE.c.file, FILE.c.sha256, FILE.c.path)
        .join(FILE)
        .order_by(FILE.c.path)
    )
    rows = connection.execute(query.where(INSTANCE.c.uid.in_(twice))).all()
    wrong = {
        one.path: one for one in instances.contradictions((row.uid, row.sha256, row.path) for row in rows)
    }
    uses: dict[int, str] = {}
    seen: set[str] = set()
    for row in rows:
        uses[row.file] = "contradicts" if row.path in wrong else "copy" if row.uid in seen else "yes"
        seen.add(row.uid)
    places = {row.file: row.path for row in rows}
    judged = sa.select(INSTANCE.c.file, INSTANCE.c.series, INSTANCE.c.use)
    before = connection.execute(judged.where(INSTANCE.c.uid.in_(twice) | (INSTANCE.c.use != "yes"))).all()
    for row in before:
        use = uses.get(row.file, "yes")
        if use != row.use:
            connection.execute(INSTANCE.update().where(INSTANCE.c.file == row.file).values(use=use))
            words = wrong.get(places.get(row.file, ""), Rejected("", "", ""))
            values = {"reason": words.reason or None, "hint": words.hint or None}
            connection.execute(FILE.update().where(FILE.c.id == row.file).values(**values))
            touch_series(connection, [row.series], run.number)


def _settle_series(connection: sa.Connection, series: sa.Row) -> set[int]:
    """Writes the row and the findings of one series anew, or removes them when no instance of it counts; the studies
    in which it was and is."""
    studies = set(connection.scalars(sa.select(IMAGE.c.study).where(IMAGE.c.series == series.ordinal)))
    connection.execute(FINDING.delete().where(FINDING.c.series == series.ordinal))
    connection.execute(IMAGE.delete().where(IMAGE.c.series == series.ordinal))
    connection.execute(SERIES.update().where(SERIES.c.ordinal == series.ordinal).values(changed=False))
    query = sa.select(INSTANCE.c.body, INSTANCE.c.use).join(FILE).where(INSTANCE.c.series == series.ordinal)
    rows = connection.execute(query.order_by(FILE.c.path)).all()
    found = [Instance.of(orjson.loads(row.body)) for row in rows if row.use == "yes"]
    if not found:
        return studies
    row = image_row(found, _Present(connection))
    whose = {"series": series.ordinal, "person": series.person, "study": series.study}
    connection.execute(IMAGE.insert().values(**whose, body=_body(row)))
    findings = [*row.findings, *_copies(rows)]
    place = {"series": series.ordinal, "place": found[0].path, "hint": ""}
    if findings:
        values = [{**place, **asdict(one)} for one in findings]
        connection.execute(FINDING.insert(), values)
    return studies | {series.study}


def _compare_series(connection: sa.Connection, study: int) -> None:
    """Writes anew what contradicts itself between the series of a study."""
    connection.execute(FINDING.delete().where(FINDING.c.study == study))
    bodies = connection.scalars(sa.select(IMAGE.c.body).where(IMAGE.c.study == study)).all()
    rows = [_comparable(orjson.loads(body)) for body in bodies]
    file = (
        sa.select(sa.func.min(FILE.c.path))
        .join_from(INSTANCE, FILE)
        .join(SERIES, SERIES.c.ordinal == INSTANCE.c.series)
    )
    if findings := study_findings(rows):
        place = {
            "study": study,
            "hint": "",
            "place": connection.scalar(file.where(SERIES.c.study == study)) or "",
        }
        connection.execute(FINDING.insert(), [{**place, **asdict(one)} for one in findings])


def _comparable(body: dict[str, Any]) -> ImageRow:
    """What a stored row says of its study; whose it is was checked when its files arrived."""
    day = body["dates"].get("day", "")
    return ImageRow({}, "", body["sex"], body["birth_date"], "", "", day, "", ())


def _body(row: ImageRow) -> bytes:
    dates = {"day": row.study_date} if row.study_date else {}
    return orjson.dumps({"values": row.columns, "dates": dates, "sex": row.sex, "birth_date": row.birth_date})


def _copies(rows: Sequence[sa.Row]) -> Iterator[Finding]:
    if copies := sum(row.use == "copy" for row in rows):
        yield Finding(Dimension.UNIQUENESS, "copies", "instances are there more than once", copies)


class _Present:
    """The UIDs of all series and instances of the dataset, asked for one at a time."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection

    def __contains__(self, uid: object) -> bool:
        series = sa.select(SERIES.c.ordinal).where(SERIES.c.uid == uid, SERIES.c.study.is_not(None))
        instance = sa.select(INSTANCE.c.file).where(INSTANCE.c.uid == uid)
        return any(self.connection.execute(query.limit(1)).first() for query in (series, instance))
