"""`docs/vocabulary.md` from the vocabulary: `python -m tests.vocabulary_page` writes it, a test compares it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from hanse.core.fields import Code, CodeList, Entity, Field
from hanse.domains import VOCABULARY

PAGE = Path(__file__).parents[1] / "docs" / "vocabulary.md"
HEAD = f"""# The vocabulary

Version {VOCABULARY.version}. What may be asked, published and mapped to. `hanse vocabulary FIELD` lists the codes of a
field; files may also use a code's label, a synonym, or its code in another system.

*Ordered* lists take `<` and `>`: a category comes before its subcategories, so `cT2` is below `cT2a`. *Trees* take
`within`. Codes of SNOMED CT, ICD-O-3, ICD-10, NCI Thesaurus, LOINC, RadLex and the EUCAIM hyper-ontology are given only
where they are certain.
"""
FEW = 8  # longer code lists are shown by their beginning


def page() -> str:
    """The fields of every entity, with what they hold, and the code lists."""
    lists = {field.codes.name: field.codes for field in VOCABULARY.fields.values() if field.codes}
    parts = [HEAD, *map(_entity, VOCABULARY.entities.values()), "## Code lists", _lists(lists.values())]
    return "\n".join(parts)


def _entity(entity: Entity) -> str:
    rows = ["| field | holds | meaning | standard |", "| --- | --- | --- | --- |"]
    rows += [_field(field) for field in VOCABULARY.of(entity.name)]
    return f"## {entity.name}\n\n{entity.about} One row is {entity.row}.\n\n" + "\n".join(rows) + "\n"


def _field(field: Field) -> str:
    return f"| `{field.name}` | {', '.join(_holds(field))} | {field.about} | {field.standard} |"


def _holds(field: Field) -> Iterator[str]:
    yield f"code of [{field.codes.name}](#code-lists)" if field.codes else field.type.value
    if field.unit:
        yield field.unit
    if field.least is not None:
        yield f"{field.least} to {field.most}" if field.most is not None else f"from {field.least}"
    if field.band:
        yield f"in bands of {field.band}"


def _lists(lists: Iterable[CodeList]) -> str:
    rows = ["| list | codes | kind | for example |", "| --- | --- | --- | --- |"]
    for codes in sorted(lists, key=lambda one: one.name):
        first = ", ".join(map(_code, list(codes.codes.values())[:FEW]))
        more = ", ..." if len(codes.codes) > FEW else ""
        rows.append(f"| {codes.name} | {len(codes.codes)} | {', '.join(_kinds(codes))} | {first}{more} |")
    return "\n" + "\n".join(rows) + "\n"


def _kinds(codes: CodeList) -> Iterator[str]:
    if codes.ordered:
        yield "ordered"
    if any(code.parent for code in codes.codes.values()):
        yield "tree"


def _code(code: Code) -> str:
    return f"`{code.code}`" if code.code == code.label["en"] else f"`{code.code}` {code.label['en']}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
