"""The catalogue that a record stands in: what its own addresses and words are."""

from collections.abc import Mapping
from dataclasses import dataclass

from hanse.core.fields import CodeList, Vocabulary
from hanse.core.rdf import Iri, address


@dataclass(frozen=True, slots=True)
class Space:
    """The catalogue that a record stands in: its address (`https://hub.example.org`), its name, and its words.
    `publisher` is the organisation that publishes it, when that is not the space itself.

    `codes` are the catalogue's code lists by name (`hanse.domains.catalogue.WORDS`).
    """

    url: str
    name: str
    vocabulary: Vocabulary
    codes: Mapping[str, CodeList]
    publisher: str = ""

    def id(self, dataset: str) -> Iri:
        """The persistent address of a dataset."""
        return Iri(f"{self.url}/id/{dataset}")

    @property
    def catalogue(self) -> Iri:
        return Iri(f"{self.url}/id/catalogue")

    @property
    def search(self) -> Iri:
        return Iri(f"{self.url}/api/v1/search")

    def word(self, name: str) -> Iri:
        """The address of a word of the vocabulary: of a field, or of a code of a field."""
        return address(f"{self.url}/api/v1/vocabulary#{name}") or self.catalogue
