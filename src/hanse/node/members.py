"""The members of a description as a data manager meets them: what each says, an example, and its choices."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Shape(StrEnum):
    """How a member is written."""

    LINE = "one text"
    LIST = "a list of texts"
    TEXT = "a text by language"
    WORDS = "a list of texts by language"
    AGENT = "an organisation"
    PERIOD = "from start to end"
    TRUTH = "yes or no"
    RIGHTS = "who may use the data"


@dataclass(frozen=True, slots=True)
class Member:
    """`about` asks for it in words; `example` is as one writes it; `codes` names the list of its values."""

    name: str
    shape: Shape
    about: str
    example: str
    codes: str = ""

    @property
    def example_line(self) -> str:
        """The member with the example, as it stands in the file."""
        return f"{self.name}: {self.example}"


_AGENT = (
    "{name: Example hospital, email: data@hospital.example, homepage: https://hospital.example, country: FI}"
)

MEMBERS: Mapping[str, Member] = {
    one.name: one
    for one in (
        Member("title", Shape.TEXT, "What the dataset is called.", "{en: 'Breast MR, 2015 to 2025'}"),
        Member(
            "about",
            Shape.TEXT,
            "A few sentences: who the persons are, what was done, what can be found.",
            "{en: Women of a screening programme with their MR series and lesions.}",
        ),
        Member("keywords", Shape.WORDS, "Words by which it is found.", "{en: [breast, screening]}"),
        Member("cancer_types", Shape.LIST, "The cancers.", "[breast]", "cancer_type"),
        Member("country", Shape.LINE, "Where the data come from.", "FI", "country"),
        Member("languages", Shape.LIST, "The languages of the data.", "[fi, sv]", "language"),
        Member("synthetic", Shape.TRUTH, "Whether the persons were made up.", "no"),
        Member("holder", Shape.AGENT, "The organisation that holds the data.", _AGENT),
        Member(
            "contact",
            Shape.AGENT,
            "Who answers questions.",
            "{name: Data office, page: 'https://hospital.example/contact'}",
        ),
        Member(
            "access_body",
            Shape.AGENT,
            "The health data access body that decides about permits.",
            "{name: Example authority, email: permits@authority.example}",
        ),
        Member(
            "rights",
            Shape.RIGHTS,
            "Who may use the data: PUBLIC, RESTRICTED or NON_PUBLIC; left out, what the access says.",
            "NON_PUBLIC",
        ),
        Member(
            "categories",
            Shape.LIST,
            "The categories of Article 51 of Regulation (EU) 2025/327.",
            "[EHRS, EMRD]",
            "category",
        ),
        Member("themes", Shape.LIST, "Health themes.", "[CANCER_DISEASE]", "theme"),
        Member("conditions", Shape.LIST, "Conditions of use.", "['DUO:0000042']", "use_condition"),
        Member("license", Shape.LINE, "The licence, or its address.", "CC-BY-4.0", "license"),
        Member("legal_bases", Shape.LIST, "On what law the collection rests.", "['eu-gdpr:A9-2-j']"),
        Member("purposes", Shape.LIST, "For what the data were collected.", "['dpv:ScientificResearch']"),
        Member("personal_data", Shape.LIST, "Kinds of personal data.", "['pd:MedicalHealth']"),
        Member(
            "provenance",
            Shape.TEXT,
            "How the data came about.",
            "{en: Taken from the hospital's archive and de-identified there.}",
        ),
        Member("population", Shape.TEXT, "Whom it covers.", "{en: Women of 40 to 70 years in one region.}"),
        Member("collection", Shape.LIST, "EUCAIM's collection methods.", "[SPEC1000003]"),
        Member("collected", Shape.PERIOD, "When the data were collected.", "{start: 2015, end: 2025-06}"),
        Member("kept", Shape.PERIOD, "How long they can be used.", "{end: 2040}"),
        Member("frequency", Shape.LINE, "How often they are updated.", "ANNUAL", "frequency"),
        Member("link", Shape.LINE, "Your own page about the dataset.", "https://hospital.example/breast"),
        Member("documentation", Shape.LIST, "Pages that explain it.", "['https://hospital.example/guide']"),
        Member(
            "conforms_to",
            Shape.LIST,
            "Addresses of standards that it follows.",
            "['https://www.dicomstandard.org/']",
        ),
        Member(
            "identifiers",
            Shape.LIST,
            "Identifiers that others gave it: DOIs, addresses.",
            "['10.5281/zenodo.123']",
        ),
        Member("citation", Shape.LINE, "The publication to be cited.", "'A study. Journal, 2026.'"),
    )
}
