"""The words in which a dataset is described, of which its rows know nothing: code lists of the Union and of DUO."""

from collections.abc import Mapping
from pathlib import Path

from hanse.core.fields import CodeList, read_codes
from hanse.domains import VOCABULARY

_HERE = Path(__file__).parent / "codes"

# The lists of this folder by name, and those of the vocabulary that a description uses.
WORDS: Mapping[str, CodeList] = {path.stem: read_codes(path) for path in sorted(_HERE.glob("*.tsv"))} | {
    field.codes.name: field.codes
    for name in ("image.license", "condition.cancer_type")
    if (field := VOCABULARY.fields[name]).codes
}
