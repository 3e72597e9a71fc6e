"""What a description must say, and how: the lists of HealthDCAT-AP Release 8 and EUCAIM DCAT-AP v2 as tables.

To be published a dataset needs a name and a title. What it does say must be right: a country that does not exist
forbids publishing. What the profiles demand besides is reported as missing from a full record, and forbids nothing.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from hanse.core.fields import CodeList
from hanse.core.record import Agent, Description, Period, Rights

HEALTH = "HealthDCAT-AP"
EUCAIM = "EUCAIM"
EVERY = frozenset(Rights)
CLOSED = frozenset({Rights.NON_PUBLIC})
AGENTS = ("holder", "contact", "access_body")
DPV = {  # prefixes of the Data Privacy Vocabulary
    "dpv": "https://w3id.org/dpv#",
    "pd": "https://w3id.org/dpv/pd#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a check needs to know beside the description: who may use the data, and the kinds of rows there are."""

    rights: Rights = Rights.NON_PUBLIC
    kinds: frozenset[str] = frozenset({"image"})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong or missing at one member. `member` is its path: `holder.email`, `title.fr`, `categories.2`."""

    member: str
    detail: str
    hint: str
    forbids: bool  # publishing; otherwise the record is not full
    profile: str = ""  # that demands what is missing


@dataclass(frozen=True, slots=True)
class Demand:
    """A member that a profile makes mandatory, for whom, and what to write there."""

    member: str
    write: str
    profile: str = HEALTH
    rights: frozenset[Rights] = EVERY
    kind: str = ""  # only for data with such rows
    instead: str = ""  # the member that does as well


# Identifier, theme, legislation, access rights, type, distribution and variables are made by `core.dcat`.
DEMANDS = (
    Demand("about.en", "a few sentences: who the persons are, what was done, what can be found"),
    Demand("categories", "codes of Article 51 of Regulation (EU) 2025/327, for example [EHRS, EMRD]"),
    Demand(
        "access_body", "the health data access body that decides about it, with its e-mail address or page"
    ),
    Demand(
        "contact", "who answers questions, with an e-mail address or a page", rights=CLOSED, instead="holder"
    ),
    Demand("keywords", "a few words by language, for example en: [breast, MR]", rights=CLOSED),
    Demand("provenance", "how the data came about, in a sentence or two", rights=CLOSED),
    Demand("holder", "the organisation that holds the data, with its e-mail address or page", EUCAIM),
    Demand("contact", "who answers questions, with an e-mail address or a page", EUCAIM, instead="holder"),
    Demand("keywords", "a few words by language, for example en: [breast, MR]", EUCAIM),
    Demand("provenance", "how the data came about, in a sentence or two", EUCAIM),
    Demand(
        "collection",
        "the codes of EUCAIM's collection methods, for example [SPEC1000003]",
        EUCAIM,
        kind="image",
    ),
    Demand("cancer_types", "the cancer types, for example [breast]", EUCAIM, kind="image"),
)


def check(said: Description, facts: Facts, codes: Mapping[str, CodeList]) -> tuple[Finding, ...]:
    """What is wrong with a description, and then what a full record lacks; empty when there is nothing.

    `codes` are the catalogue's code lists by name, with `license` and `cancer_type` of the vocabulary.
    """
    return (*_wrong(said, codes), *_missing(said, facts))


def forbidding(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Those findings that forbid publishing."""
    return tuple(one for one in findings if one.forbids)


def _missing(said: Description, facts: Facts) -> Iterator[Finding]:
    told = set()
    for demand in DEMANDS:
        applies = facts.rights in demand.rights and (not demand.kind or demand.kind in facts.kinds)
        there = any(value_of(said, member) for member in (demand.member, demand.instead) if member)
        if applies and not there and demand.member not in told:
            told.add(demand.member)
            words = f"It is missing from a {demand.profile} record."
            yield Finding(demand.member, words, demand.write, False, demand.profile)


def value_of(said: Description, member: str) -> Any:
    """The value at a path such as `about.en`; None when there is none."""
    name, _, rest = member.partition(".")
    value = getattr(said, name)
    return value.get(rest) if rest and isinstance(value, Mapping) else value


def _wrong(said: Description, codes: Mapping[str, CodeList]) -> Iterator[Finding]:
    if not NAME.fullmatch(said.name):
        yield _no("name", f"{said.name!r} is no name.", "lower-case letters, digits and dashes, 64 at most")
    if not said.title:
        yield _no("title", "There is no title.", "a short text, for example Breast MR, 2015 to 2025")
    for member in ("title", "about", "keywords", "provenance", "population"):
        yield from _languages(member, getattr(said, member), codes["language"])
    for member, form in FORMS.items():
        for place, value in _values(member, getattr(said, member)):
            if not form.fits(value, codes):
                yield _no(place, f"{_short(value)} is not {form.what}.", _hint(form, value, codes))
    for member in AGENTS:
        yield from _agent(member, getattr(said, member), codes)
    for member in ("collected", "kept"):
        yield from _period(member, getattr(said, member))


def _no(member: str, detail: str, hint: str) -> Finding:
    return Finding(member, detail, hint, True)


def _short(value: str) -> str:
    return repr(value if len(value) <= 60 else value[:59] + "…")


def _values(member: str, value: str | tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Each text that is there, with its path; places in a list are counted from 1."""
    if isinstance(value, tuple):
        yield from ((f"{member}.{place}", one) for place, one in enumerate(value, 1))
    elif value:
        yield member, value


def _languages(member: str, texts: Mapping[str, Any], languages: CodeList) -> Iterator[Finding]:
    for language, text in texts.items():
        if language.partition("-")[0] not in languages.codes:
            yield _no(f"{member}.{language}", f"{language!r} is no language.", "two letters, as in en or fr")
        if not text or (isinstance(text, str) and not text.strip()):
            yield _no(f"{member}.{language}", "It is empty.", "a text, or leave the language out")


def _agent(member: str, agent: Agent | None, codes: Mapping[str, CodeList]) -> Iterator[Finding]:
    if agent is None:
        return
    if not agent.name.strip():
        yield _no(f"{member}.name", "It has no name.", "the official name of the organisation")
    if not agent.email and not agent.page:
        yield _no(
            f"{member}.email", "It cannot be reached.", "an e-mail address, or a page where one can write"
        )
    for part, form in AGENT_FORMS.items():
        value = getattr(agent, part)
        if value and not form.fits(value, codes):
            yield _no(f"{member}.{part}", f"{_short(value)} is not {form.what}.", form.write)


def _period(member: str, period: Period | None) -> Iterator[Finding]:
    if period is None:
        return
    ends = {end: first_day(getattr(period, end)) for end in ("start", "end") if getattr(period, end)}
    for name, day in ends.items():
        if day is None:
            words = f"{_short(getattr(period, name))} is no date."
            yield _no(f"{member}.{name}", words, "a year, a month or a day: 2015, 2015-03 or 2015-03-31")
    if not ends:
        yield _no(member, "It has neither start nor end.", "start: 2015, or end: 2025, or both")
    start, end = ends.get("start"), ends.get("end")
    if start and end and start > end:
        yield _no(f"{member}.end", "It ends before it starts.", "the later date")


def first_day(text: str) -> date | None:
    """The first day of a year, a month or a day; None when it is none of them."""
    if not DATE.fullmatch(text):
        return None
    year, month, day = (*map(int, text.split("-")), 1, 1)[:3]
    try:
        return date(year, month, day)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Form:
    """How values look: what they are, what to write, and either a pattern or a code list (by its name)."""

    what: str
    write: str
    pattern: re.Pattern[str] | None = None
    codes: str = ""
    split: str = ""  # several values may stand in one text, with this between them
    also: Callable[[str], bool] = lambda value: False

    def fits(self, value: str, codes: Mapping[str, CodeList]) -> bool:
        parts = value.split(self.split) if self.split else [value]
        return self.also(value) or all(self._fits(part.strip(), codes) for part in parts)

    def _fits(self, value: str, codes: Mapping[str, CodeList]) -> bool:
        if self.pattern is not None and self.pattern.fullmatch(value):
            return True
        return bool(self.codes) and value in codes[self.codes].codes


def _hint(form: Form, value: str, codes: Mapping[str, CodeList]) -> str:
    near = codes[form.codes].near(value) if form.codes and not form.split else None
    return f"{near}, if you meant that; {form.write}" if near else form.write


NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
WEB = re.compile(r"https?://[^\s<>\"{}|\\^`/?#][^\s<>\"{}|\\^`]*")
MAIL = re.compile(r"[A-Za-z0-9.'+_-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
DOI = re.compile(r"(doi:|https?://(dx\.)?doi\.org/)?10\.[0-9]{4,9}/\S+")
PRIVACY_TERM = re.compile(rf"({'|'.join(DPV)}):[A-Za-z][A-Za-z0-9-]*")


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that somebody probably meant."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return close[0] if close else None


def is_address(value: str) -> bool:
    """Whether this is an address of the web."""
    return WEB.fullmatch(value) is not None


_ADDRESS = Form("an address of the web", "an address that starts with https://", WEB)
_PRIVACY = Form(
    "a term of the Data Privacy Vocabulary", "a term such as dpv:Consent", PRIVACY_TERM, also=is_address
)

FORMS: Mapping[str, Form] = {
    "license": Form(
        "a licence of the vocabulary or an address",
        "one of `hanse vocabulary image.license`, or the address of the licence's text",
        codes="license",
        split=",",
        also=is_address,
    ),
    "link": _ADDRESS,
    "documentation": _ADDRESS,
    "conforms_to": _ADDRESS,
    "country": Form("a country", "two letters of ISO 3166-1, as in FI", codes="country"),
    "cancer_types": Form(
        "a cancer type of the vocabulary", "see `hanse vocabulary condition.cancer_type`", codes="cancer_type"
    ),
    "languages": Form("a language", "two letters, as in en or fr", codes="language"),
    "categories": Form("a category of Article 51", "for example EHRS, EMRD or MRMR", codes="category"),
    "themes": Form("a health theme", "for example CANCER_DISEASE", codes="theme"),
    "conditions": Form("a condition of use", "a code of DUO, for example DUO:0000042", codes="use_condition"),
    "frequency": Form("a frequency", "for example ANNUAL, IRREG or NEVER", codes="frequency"),
    "legal_bases": _PRIVACY,
    "purposes": _PRIVACY,
    "personal_data": _PRIVACY,
    "collection": Form(
        "a collection method",
        "a code of EUCAIM such as SPEC1000003",
        re.compile(r"SPEC[0-9]{7}"),
        also=is_address,
    ),
    "identifiers": Form(
        "an identifier", "a DOI such as 10.5281/zenodo.123, or an address", DOI, also=is_address
    ),
}
AGENT_FORMS: Mapping[str, Form] = {
    "email": Form("an e-mail address", "an address such as data@hospital.example", MAIL),
    "page": _ADDRESS,
    "homepage": _ADDRESS,
    "country": FORMS["country"],
}
