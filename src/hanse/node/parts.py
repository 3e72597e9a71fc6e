"""Parquet parts, written by DuckDB from relations that hold more than may be published.

`published_columns` is the only way from prepared data into a version: it names the columns one by one from the
vocabulary, so that a column it does not know, or one that identifies, has no way in.
"""

import errno
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from hanse.core.dataset import Part
from hanse.core.errors import NoSpace
from hanse.core.fields import PERSON, CodeList, Field, Identifying, Type, Vocabulary
from hanse.core.policy import Access
from hanse.lib.files import Objects

SQL_TYPES = {
    Type.CODE: "VARCHAR",
    Type.TEXT: "VARCHAR",
    Type.INTEGER: "INTEGER",
    Type.NUMBER: "DOUBLE",
    Type.BOOLEAN: "BOOLEAN",
    Type.DAY: "INTEGER",
    Type.KEY: "INTEGER",
}

_IDENTIFYING_ALLOWED = {
    Access.OPEN: {Identifying.NO, Identifying.TEXT},
    Access.PROTECTED: {Identifying.NO},
    Access.NONE: {Identifying.NO},
}
_FULL = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


def connect(cache: Path) -> duckdb.DuckDBPyConnection:
    """A database in memory that writes parts: it fetches nothing from outside, and spills into `cache`."""
    closed = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    return duckdb.connect(config={**closed, "temp_directory": str(cache)})


def published_fields(vocabulary: Vocabulary, entity: str, access: Access) -> tuple[Field, ...]:
    """The fields of an entity that a version may hold: none that identifies, free text only where data are open."""
    allowed = _IDENTIFYING_ALLOWED[access]
    return tuple(field for field in vocabulary.of(entity) if field.identifying in allowed)


def published_columns(
    vocabulary: Vocabulary, entity: str, access: Access, offered: Iterable[str]
) -> dict[str, str]:
    """The columns that a version holds of a relation that offers these, each with its SQL expression: a column for
    every field that may be published, so that all parts of a table have the same ones.

    A value that is not of its field's type, or not in its code list, becomes NULL: a name that strayed into a column
    of codes stays behind.
    """
    offered = set(offered)
    columns = {"person": 'CAST("person" AS INTEGER)'}
    if entity == PERSON:
        columns["key"] = 'CAST("key" AS VARCHAR)'
    for field in published_fields(vocabulary, entity, access):
        missing = f"CAST(NULL AS {SQL_TYPES[field.type]})"
        columns[field.column] = _expression(field) if field.column in offered else missing
    return columns


def _expression(field: Field) -> str:
    column = f'"{field.column}"'
    if field.codes is not None:
        return f"CAST(TRY_CAST(CAST({column} AS VARCHAR) AS {_enum(field.codes)}) AS VARCHAR)"
    if field.type is Type.NUMBER:
        return f"nullif(TRY_CAST({column} AS DOUBLE), 'NaN'::DOUBLE)"
    return f"TRY_CAST({column} AS {SQL_TYPES[field.type]})"


def _enum(codes: CodeList) -> str:
    return f'"codes_{codes.name}"'


def literal(text: object) -> str:
    """A text in SQL. Values are written into statements because DuckDB imports pandas to bind a parameter, which costs
    half a second and 40 MB."""
    return "'" + str(text).replace("'", "''") + "'"


def literals(texts: Iterable[object]) -> str:
    """A list of texts in SQL."""
    return f"[{', '.join(map(literal, sorted(map(str, texts))))}]::VARCHAR[]"


def declare_codes(connection: duckdb.DuckDBPyConnection, vocabulary: Vocabulary) -> None:
    """Makes the code lists known to this connection, as the types that `published_columns` casts to."""
    known = {row[0] for row in connection.execute("SELECT type_name FROM duckdb_types()").fetchall()}
    for codes in {
        field.codes.name: field.codes for field in vocabulary.fields.values() if field.codes
    }.values():
        if f"codes_{codes.name}" not in known:
            values = ", ".join(map(literal, codes.codes))
            connection.execute(f"CREATE TEMP TYPE {_enum(codes)} AS ENUM ({values})")


def write(
    connection: duckdb.DuckDBPyConnection,
    objects: Objects,
    relation: str,
    columns: Mapping[str, str],
    number: int,
    stamp: str,
) -> Part | None:
    """Writes these columns of a relation as one part, in the order of its rows' values, and puts it into `objects`.

    The same rows give the same bytes. None when there are no rows. Raises `NoSpace`.
    """
    draft = objects.draft()
    wanted = ", ".join(f'{expression} AS "{column}"' for column, expression in columns.items())
    copy = f"COPY (SELECT {wanted} FROM {relation} ORDER BY ALL) TO {literal(draft)} (FORMAT parquet, COMPRESSION zstd)"
    try:
        rows = connection.execute(copy).fetchall()[0][0]
    except duckdb.IOException as error:
        draft.unlink(missing_ok=True)
        if not any(words in str(error) for words in _FULL):
            raise
        hint = "free some space and run the same command again; what was complete before is still there"
        raise NoSpace(
            f"{objects.root} cannot be written: the disk is full or a quota is reached", hint=hint
        ) from error
    if rows == 0:
        draft.unlink()
        return None
    size = draft.stat().st_size
    return Part(number, objects.put_file(draft), rows, size, stamp)


def filled(
    connection: duckdb.DuckDBPyConnection, objects: Objects, tables: Mapping[str, tuple[Part, ...]]
) -> set[str]:
    """The names of the fields that hold a value in at least one row, read from the footers of the parts."""
    names = set()
    for entity, listed in tables.items():
        if listed:
            paths = literals(objects.now(part.sha256) for part in listed)
            found = connection.execute(
                f"""SELECT path_in_schema FROM parquet_metadata({paths})
                    GROUP BY path_in_schema HAVING sum(num_values - coalesce(stats_null_count, 0)) > 0"""
            ).fetchall()
            names |= {f"{entity}.{row[0]}" for row in found}
    return names
