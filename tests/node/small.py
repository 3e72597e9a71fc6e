"""A small vocabulary and small datasets for the tests of the store."""

from pathlib import Path

import duckdb

from hanse.core.fields import Code, CodeList, Entity, Field, Identifying, Type, Vocabulary
from hanse.core.policy import Access, Policy
from hanse.core.record import Description, english
from hanse.node import publish
from hanse.node.publish import Outcome
from hanse.node.store import Store


def _field(name: str, type: Type, identifying: Identifying = Identifying.NO, codes: str = "") -> Field:
    listed = CodeList(name.replace(".", "_"), {code: Code(code, {"en": code}) for code in codes.split()})
    return Field(name, type, {"en": name}, "", codes=listed if codes else None, identifying=identifying)


_FIELDS = (
    _field("person.sex", Type.CODE, codes="female male"),
    _field("person.birth_name", Type.TEXT, Identifying.YES),
    _field("image.modality", Type.CODE, codes="CT MR"),
    _field("image.study", Type.KEY),
    _field("image.series", Type.KEY),
    _field("image.slice_spacing", Type.NUMBER),
    _field("image.series_description", Type.TEXT, Identifying.TEXT),
    _field("image.contrast", Type.BOOLEAN),
)
VOCABULARY = Vocabulary(
    "test",
    {name: Entity(name, {"en": name}, "", "") for name in ("person", "image")},
    {field.name: field for field in _FIELDS},
)


def publish_persons(
    store: Store,
    persons: int,
    *,
    name: str = "lung-ct",
    access: Access = Access.PROTECTED,
    modality: str = "CT",
) -> Outcome:
    """Publishes that many persons, each with two series; person 5 has an odd one, and names stand where they can."""
    with duckdb.connect() as connection:
        return publish.publish_queries(
            store,
            Description(name, english("Lung CT")),
            Policy(access),
            connection,
            queries(persons, modality),
            VOCABULARY,
        )


def queries(persons: int, modality: str = "CT") -> dict[str, str]:
    return {
        "person": f"""SELECT i::INTEGER AS person, md5(i::VARCHAR) AS key, 'female' AS sex, 'DOE^JANE' AS birth_name
                      FROM range({persons}) AS t(i)""",
        "image": f"""SELECT (i % {persons})::INTEGER AS person, i::INTEGER AS study, i::INTEGER AS series,
                       CASE i WHEN 5 THEN 'DOE^JANE' ELSE '{modality}' END AS modality, i * 0.5 AS slice_spacing,
                       'chest of DOE^JANE' AS series_description, 'DOE^JANE' AS patient_name
                     FROM range({2 * persons}) AS t(i)""",
    }


def rows(paths: tuple[Path, ...]) -> list[tuple[object, ...]]:
    """The rows of a table, in the order of the parts."""
    return (
        duckdb.sql(f"SELECT * FROM read_parquet({[str(path) for path in paths]})").fetchall() if paths else []
    )


def table(store: Store, entity: str | Path, *names: str) -> list[tuple[object, ...]]:
    """These columns of a table of the newest version, or all of one part, in the order of the rows."""
    paths = (entity,) if isinstance(entity, Path) else store.live()[0].tables[entity]
    listed = [str(path) for path in paths]
    return duckdb.sql(f"SELECT {', '.join(names) or '*'} FROM read_parquet({listed}) ORDER BY ALL").fetchall()
