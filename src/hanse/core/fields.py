"""The vocabulary: entities, their fields, and the codes that a field may have.

The words live in files beside the domain that knows them (`domains/*/fields.toml`, `domains/*/codes/*.tsv`); this
module gives them shape. One vocabulary has one version; a node uses its own, whatever the hub says.
"""

import csv
import difflib
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any


class Type(StrEnum):
    """What a field holds, and so what may be asked of it."""

    CODE = "code"  # one of a code list; = <> IN, and < > when the list is ordered
    TEXT = "text"  # free text; = <> IN LIKE
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DAY = "day"  # whole days since the person's baseline; compared as an integer
    KEY = "key"  # groups rows (a study, a series); may only be counted


class Identifying(StrEnum):
    """Whether a field may leave the prepared data."""

    NO = "no"
    TEXT = "text"  # free text that may name somebody: published only with data that are public already
    YES = "yes"  # never published


@dataclass(frozen=True, slots=True)
class Code:
    """One value of a code list, with its names in other systems (`snomed`, `icdo3`, `ncit`, `eucaim`, ...)."""

    code: str
    label: Mapping[str, str]
    parent: str = ""
    synonyms: tuple[str, ...] = ()
    rank: int | None = None
    systems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CodeList:
    """The values of a field. Ordered when its codes have ranks; a tree when they have parents."""

    name: str
    codes: Mapping[str, Code]

    @cached_property
    def ordered(self) -> bool:
        return bool(self.codes) and all(code.rank is not None for code in self.codes.values())

    @cached_property
    def _by_name(self) -> Mapping[str, str]:
        names = {fold(code): code for code in self.codes}  # a code means itself, whatever others are called
        for code in self.codes.values():
            for name in (*code.synonyms, *code.label.values(), *code.systems.values()):
                if key := fold(name):
                    names.setdefault(key, code.code)
        return names

    @cached_property
    def _children(self) -> Mapping[str, tuple[str, ...]]:
        children: dict[str, list[str]] = {}
        for code in self.codes.values():
            if code.parent:
                children.setdefault(code.parent, []).append(code.code)
        return {parent: tuple(codes) for parent, codes in children.items()}

    def find(self, name: str) -> str | None:
        """The code that a code, label, synonym or foreign code means; None when nothing does."""
        return self._by_name.get(fold(name))

    def within(self, code: str) -> frozenset[str]:
        """`code` and all that lie below it; empty when the code is unknown."""
        found: set[str] = set()
        todo = [code] if code in self.codes else []
        while todo:
            one = todo.pop()
            if one not in found:
                found.add(one)
                todo.extend(self._children.get(one, ()))
        return frozenset(found)

    def near(self, name: str) -> str | None:
        """The code somebody probably meant."""
        known = self.find(name)
        if known:
            return known
        close = difflib.get_close_matches(fold(name), self._by_name, n=1, cutoff=0.6)
        return self._by_name[close[0]] if close else None


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that may be asked or published: `image.modality`."""

    name: str
    type: Type
    label: Mapping[str, str]
    about: str
    codes: CodeList | None = None
    unit: str = ""
    standard: str = (
        ""  # where the meaning comes from: "DICOM (0008,0060)", "mCODE", "EUCAIM hyper-ontology RID10311"
    )
    eucaim: str = ""  # key of the EUCAIM search attribute
    identifying: Identifying = Identifying.NO
    least: float | None = (
        None  # values outside [least, most] are impossible, and refused when data are prepared
    )
    most: float | None = None
    band: int | None = None  # width of the bands that an asker without a permit sees (ages: 5 years)
    breakdown: bool = False  # whether counts by value of this field are offered

    @property
    def entity(self) -> str:
        return self.name.partition(".")[0]

    @property
    def column(self) -> str:
        return self.name.partition(".")[2]


@dataclass(frozen=True, slots=True)
class Entity:
    """A kind of row that belongs to a person; `day` is the column that `within_days` compares."""

    name: str
    label: Mapping[str, str]
    about: str
    row: str  # what one row is, in words
    day: str = ""


PERSON = "person"


@dataclass(frozen=True)
class Vocabulary:
    """All fields of all domains, by name, under one version."""

    version: str
    entities: Mapping[str, Entity]
    fields: Mapping[str, Field]

    def get(self, name: str) -> Field | None:
        return self.fields.get(name)

    def of(self, entity: str) -> tuple[Field, ...]:
        return tuple(field for field in self.fields.values() if field.entity == entity)

    def day(self, entity: str) -> str | None:
        """The name of the field that places a row of this entity in time."""
        day = self.entities[entity].day if entity in self.entities else ""
        return f"{entity}.{day}" if day else None

    def near(self, name: str) -> str | None:
        """The field somebody probably meant by `name`."""
        tails = {field.column: field.name for field in self.fields.values()}
        if name.rpartition(".")[2] in tails:
            return tails[name.rpartition(".")[2]]
        close = difflib.get_close_matches(name, self.fields, n=1, cutoff=0.6)
        return close[0] if close else None


def fold(name: str) -> str:
    """Names are compared without case and accents, and without what separates their words."""
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    return "".join(letter for letter in letters if letter.isalnum() or letter in "+<>=.%*")


def read_codes(path: Path) -> CodeList:
    """A tab-separated code list: `code`, `parent`, `rank`, `synonyms` (`|` between them), a column per language with
    two letters, and a column per other system. Only `code` and `en` must be there."""
    codes: dict[str, Code] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader((line for line in lines if not line.startswith("#")), delimiter="\t"):
            row = {key: (value or "").strip() for key, value in row.items() if key}
            labels = {key: value for key, value in row.items() if len(key) == 2 and value}
            systems = {
                key: value
                for key, value in row.items()
                if len(key) > 2 and value and key not in {"code", "parent", "rank", "synonyms"}
            }
            code = Code(
                code=row["code"],
                label=labels,
                parent=row.get("parent", ""),
                synonyms=tuple(name.strip() for name in row.get("synonyms", "").split("|") if name.strip()),
                rank=int(row["rank"]) if row.get("rank") else None,
                systems=systems,
            )
            if code.code in codes or not labels.get("en"):
                raise ValueError(f"{path.name}: the code {code.code!r} stands twice or has no English label")
            codes[code.code] = code
    if lost := next((code for code in codes.values() if code.parent and code.parent not in codes), None):
        raise ValueError(f"{path.name}: {lost.code!r} lies below {lost.parent!r}, which is not there")
    return CodeList(path.stem, codes)


def read_vocabulary(version: str, folders: Iterable[Path]) -> Vocabulary:
    """The vocabulary of several domains: `fields.toml` and `codes/*.tsv` of each folder, read once.

    Raises `ValueError` when a field is declared twice, lies in no entity, or names a code list that is not there, when
    the day of an entity is no field, and when a code lies below one that is not there.
    """
    entities: dict[str, Entity] = {}
    fields: dict[str, Field] = {}
    folders = list(folders)
    paths = [path for folder in folders for path in sorted((folder / "codes").glob("*.tsv"))]
    lists = {path.stem: read_codes(path) for path in paths}
    for folder in folders:
        declared = tomllib.loads((folder / "fields.toml").read_text(encoding="utf-8"))
        entities |= {name: Entity(name=name, **body) for name, body in declared.get("entity", {}).items()}
        for name, body in declared.get("field", {}).items():
            if name in fields:
                raise ValueError(f"the field {name} is declared twice")
            fields[name] = _field(name, body, lists)
    if homeless := [name for name in fields if name.partition(".")[0] not in entities]:
        raise ValueError(f"fields without an entity: {', '.join(homeless)}")
    for name, entity in entities.items():
        if entity.day and f"{name}.{entity.day}" not in fields:
            raise ValueError(f"the day of {name} rows is {name}.{entity.day}, which is no field")
    return Vocabulary(version, entities, fields)


def _field(name: str, body: Mapping[str, Any], lists: Mapping[str, CodeList]) -> Field:
    kind, codes = Type(body["type"]), body.get("codes")
    if (codes is not None) != (kind is Type.CODE) or (codes is not None and codes not in lists):
        raise ValueError(f"the field {name} needs a code list that exists, and only a code field has one")
    return Field(
        **{key: value for key, value in body.items() if key not in {"type", "codes", "identifying"}},
        name=name,
        type=kind,
        codes=lists[codes] if codes is not None else None,
        identifying=Identifying(body.get("identifying", "no")),
    )
