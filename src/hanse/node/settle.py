"""After reading: which copies count, and the row of every series that has changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from operator import attrgetter
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
_INSTANCES = (
    sa.select(INSTANCE.c.body, INSTANCE.c.use)
    .join(FILE)
    .where(INSTANCE.c.series == sa.bindparam("series"))
    .order_by(FILE.c.path)
)
_FIRST_FILE = (
    sa.select(sa.func.min(FILE.c.path))
    .join_from(INSTANCE, FILE)
    .join(SERIES, SERIES.c.ordinal == INSTANCE.c.series)
    .where(SERIES.c.study == sa.bindparam("study"))
)


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
            studies = _settle_series(connection, batch)
            _compare_series(connection, studies)
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


def _settle_series(connection: sa.Connection, batch: Sequence[sa.Row]) -> set[int]:
    """Writes the rows and the findings of these series anew, and removes those of a series of which no instance counts;
    the studies in which they were and are."""
    ordinals = [series.ordinal for series in batch]
    before = IMAGE.c.series.in_(ordinals)
    studies = set(connection.scalars(sa.select(IMAGE.c.study).where(before)))
    connection.execute(IMAGE.delete().where(before))
    connection.execute(FINDING.delete().where(FINDING.c.series.in_(ordinals)))
    connection.execute(SERIES.update().where(SERIES.c.ordinal.in_(ordinals)).values(changed=False))
    images: list[dict[str, Any]] = []
    findings: list[dict[str, Any]] = []
    for series in batch:
        rows = connection.execute(_INSTANCES, {"series": series.ordinal}).all()
        if found := [Instance.of(orjson.loads(row.body)) for row in rows if row.use == "yes"]:
            row = image_row(found, _Present(connection))
            whose = {"series": series.ordinal, "person": series.person, "study": series.study}
            images.append({**whose, "body": _body(row)})
            place = {"series": series.ordinal, "place": found[0].path, "hint": ""}
            findings += [{**place, **asdict(one)} for one in (*row.findings, *_copies(rows))]
    _insert(connection, IMAGE, images)
    _insert(connection, FINDING, findings)
    return studies | {image["study"] for image in images}


def _compare_series(connection: sa.Connection, studies: set[int]) -> None:
    """Writes anew what contradicts itself between the series of a study, for each of these."""
    connection.execute(FINDING.delete().where(FINDING.c.study.in_(studies)))
    query = sa.select(IMAGE.c.study, IMAGE.c.body).where(IMAGE.c.study.in_(studies)).order_by(IMAGE.c.study)
    findings: list[dict[str, Any]] = []
    for study, images in groupby(connection.execute(query), key=attrgetter("study")):
        if found := study_findings([_comparable(orjson.loads(image.body)) for image in images]):
            place = {
                "study": study,
                "place": connection.scalar(_FIRST_FILE, {"study": study}) or "",
                "hint": "",
            }
            findings += [{**place, **asdict(one)} for one in found]
    _insert(connection, FINDING, findings)


def _insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(table.insert(), rows)


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
