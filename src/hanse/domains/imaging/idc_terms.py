"""What the Imaging Data Commons calls the diseases of a collection, in the words of the vocabulary.

`idc_terms.tsv` holds one line a term; this module reads it.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hanse.domains import VOCABULARY


@dataclass(frozen=True, slots=True)
class Disease:
    """A cancer with its site and histology: codes of the vocabulary, None where none is certain."""

    cancer_type: str
    code: str | None
    morphology: str | None


def split(terms: str | None) -> list[str]:
    """The terms of a text that puts commas between them; `Not Otherwise Specified` is the tail of the one before."""
    parts = [part.strip() for part in (terms or "").split(",")]
    return [part for part in parts if part and part != "Not Otherwise Specified"]


def diseases(terms: str | None, location: str | None) -> list[Disease | None]:
    """What each term of a collection stands for; None for a term that names no one cancer type.

    `location` is the collection's tumour location: `Squamous Cell Carcinoma` is a cancer type only together with it.
    """
    known, site = _known(), (location or "").casefold()
    names = [term.casefold() for term in split(terms)]
    return [known.get((name, site)) or known.get((name, "")) for name in names]


def only_disease(terms: str | None, location: str | None) -> Disease | None:
    """The one disease that all terms of a collection name; None when they name several, or something else too."""
    found = diseases(terms, location)
    if not found or len({one and one.cancer_type for one in found}) > 1:
        return None
    first, histologies = found[0], {one and one.morphology for one in found}
    return first if first is None or len(histologies) == 1 else Disease(first.cancer_type, first.code, None)


@cache
def _known() -> Mapping[tuple[str, str], Disease]:
    with Path(__file__).with_name("idc_terms.tsv").open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader((line for line in lines if not line.startswith("#")), delimiter="\t")
        return {
            (row["term"].casefold(), row["location"].casefold()): Disease(
                row["cancer_type"], _site(row["cancer_type"]), row["morphology"] or None
            )
            for row in rows
        }


def _site(cancer_type: str) -> str | None:
    """The ICD-O-3 topography of a cancer type, or of the nearest type above that has one."""
    codes = VOCABULARY.fields["condition.cancer_type"].codes
    while codes and cancer_type:
        one = codes.codes[cancer_type]
        if "topography" in one.systems:
            return one.systems["topography"]
        cancer_type = one.parent
    return None
