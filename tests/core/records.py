"""Catalogue records to test with: a full one, a small one, a hostile one."""

from dataclasses import replace

from tests.core.test_profile import FULL, MINIMAL

from hanse.core.answer import Cell, Counts, Rule
from hanse.core.policy import Access
from hanse.core.record import Agent, Description, Period, Quality, Record, Rights, Variable, Version
from hanse.core.space import Space
from hanse.domains import VOCABULARY
from hanse.domains.catalogue import WORDS

SPACE = Space("https://hub.example.org", "Example space", VOCABULARY, WORDS)
ID = "dataset_01hzzzzzzzzzzzzzzzzzzzzzzz"


def rounded(persons: int) -> Counts:
    return Counts(Rule.ROUNDED, persons, 2 * persons, 5 * persons, rounding=10)


def full(rights: Rights = Rights.NON_PUBLIC) -> Record:
    """A record with something in every member."""
    return Record(
        ID,
        Access.OPEN if rights is Rights.PUBLIC else Access.PROTECTED,
        rounded(900),
        replace(FULL, rights=rights),
        breakdowns={
            "image.modality": (Cell("MR", rounded(900)), Cell("MG", rounded(400))),
            "image.body_part": (Cell("BREAST", rounded(900)),),
            "image.manufacturer": (Cell("siemens", rounded(500)),),
            "image.study_year": (Cell("2015", rounded(500)), Cell("2016", rounded(400))),
            "person.sex": (Cell("female", rounded(900)),),
            "person.age": (Cell("40-44", rounded(400)), Cell("65-69", rounded(500))),
            "condition.cancer_type": (Cell("breast", rounded(900)),),
        },
        variables=tuple(
            Variable(name, rounded(900))
            for name in ("person.sex", "person.age", "image.modality", "image.day")
        ),
        quality=(Quality("completeness", 97, "Is a value there where one belongs?"),),
        vocabulary=VOCABULARY.version,
        versions=(
            Version(1, "a" * 64, "2026-01-02T03:04:05Z", withdrawn=True),
            Version(2, "b" * 64, "2026-02-03T04:05:06Z"),
        ),
    )


def small() -> Record:
    """A record of a dataset of which only the title is known."""
    return Record(ID, Access.NONE, Counts(Rule.NOT_COUNTED), MINIMAL)


NASTY = (
    "</script><script>alert(1)</script> \"'\\ \r\n\t\x01 \u202eevil\u202c \ufffe \ud800 ]]> <!-- @prefix ."
)


def hostile(variables: int = 10) -> Record:
    """A record as a hostile node may send it: within the bounds of `core.plain`, and bad in every text."""
    agent = Agent(NASTY, NASTY, f"https://evil.example/{NASTY}", "http://[::1", NASTY[:2])
    texts = {"en": NASTY, "xx-a": NASTY}
    said = Description(
        name=NASTY,
        title=texts,
        about=texts,
        keywords={"en": (NASTY, "")},
        license=f"https://{NASTY}",
        link=f"https://evil.example/?{NASTY}#a#b",
        documentation=("http://", "http://%zz", "https://x:port/"),
        country=NASTY,
        cancer_types=(NASTY, "breast", "lung"),
        languages=(NASTY, "en"),
        holder=agent,
        contact=agent,
        access_body=agent,
        categories=(NASTY, "EHRS"),
        themes=(NASTY,),
        legal_bases=("dpv:" + NASTY, NASTY, "javascript:alert(1)"),
        conditions=(NASTY,),
        provenance=texts,
        population=texts,
        collection=("SPEC" + NASTY, NASTY),
        collected=Period(NASTY[:10], "abcd"),
        kept=Period("9999-99-99"),
        frequency=NASTY,
        conforms_to=(f"https://{NASTY}",),
        identifiers=(NASTY,),
        citation=NASTY,
    )
    return Record(
        ID,
        Access.PROTECTED,
        Counts(Rule.EARLIER, 10),
        said,
        breakdowns={"image.modality": (Cell(NASTY, rounded(1)), Cell("CT", rounded(1))), NASTY: ()},
        variables=tuple(Variable(f"image.{NASTY}{number}", rounded(10)) for number in range(variables)),
        quality=(Quality(NASTY, 100, NASTY),),
        versions=(Version(1, NASTY, NASTY), Version(2, "x", "٢٠٢٦-١٢-٠١")),
    )
