"""Records as schema.org Dataset, which search engines of datasets read.

https://developers.google.com/search/docs/appearance/structured-data/dataset wants a description of 50 to 5,000
characters. What is made here is data: who puts it into a page escapes it there.
"""

from typing import Any

from hanse.core.dcat import license_address
from hanse.core.profile import is_address
from hanse.core.record import Agent, Record, Rights, Text, released, spoken
from hanse.core.space import Space

SHORTEST, LONGEST = 50, 5000
MAX_VARIABLES = 200


def dataset(record: Record, node: str, space: Space, language: str = "en") -> dict[str, Any]:
    """The JSON-LD object of one record, its texts in `language` where there are such; `node` holds what no other is
    said to hold."""
    said = record.said
    languages = (language, "en")
    body = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "@id": space.id(record.id).value,
        "url": space.id(record.id).value,
        "identifier": [space.id(record.id).value, *said.identifiers],
        "name": spoken(said.title, languages),
        "description": _description(record, node, languages),
        "keywords": list(said.keywords.get(language) or said.keywords.get("en", ())),
        "inLanguage": list(said.languages),
        "license": license_address(said.license, space.codes["license"]) or said.license,
        "isAccessibleForFree": record.rights is Rights.PUBLIC or None,
        "conditionsOfAccess": record.rights.value,
        "creator": _organisation(said.holder or Agent(node)),
        "publisher": {"@type": "Organization", "name": space.name, "url": space.url},
        "includedInDataCatalog": {"@type": "DataCatalog", "name": space.name, "url": space.url},
        "spatialCoverage": _labels(space, "country", [said.country], language),
        "measurementTechnique": _modalities(record, space, language),
        "variableMeasured": [
            _variable(one.field, space, language) for one in record.variables[:MAX_VARIABLES]
        ],
        "temporalCoverage": f"{said.collected.start or '..'}/{said.collected.end or '..'}"
        if said.collected
        else "",
        "citation": said.citation,
        "sameAs": said.link if is_address(said.link) else "",
        **_version(record),
    }
    return {name: value for name, value in body.items() if value not in ("", None, [], {})}


def _description(record: Record, node: str, languages: tuple[str, ...]) -> str:
    about = spoken(record.said.about, languages)
    if len(about) < SHORTEST:
        about = f"{spoken(record.said.title, languages)}. {about} A dataset of {node} in a health data space."
    return about if len(about) <= LONGEST else about[: LONGEST - 1] + "…"


def _organisation(agent: Agent) -> dict[str, Any]:
    found = {"name": agent.name, "url": agent.homepage or agent.page, "email": agent.email}
    return {"@type": "Organization", **{name: value for name, value in found.items() if value}}


def _labels(space: Space, codes: str, names: list[str], language: str) -> list[str]:
    known = space.codes[codes].codes
    return [_in(known[name].label, language) for name in names if name in known]


def _modalities(record: Record, space: Space, language: str) -> list[str]:
    codes = space.vocabulary.fields["image.modality"].codes
    known = codes.codes if codes else {}
    values = released(record.breakdowns.get("image.modality", ()))
    return [_in(known[value].label, language) for value in values if value in known]


def _variable(name: str, space: Space, language: str) -> dict[str, Any]:
    field = space.vocabulary.get(name)
    label = _in(field.label, language) if field else name
    return {"@type": "PropertyValue", "name": label, "propertyID": name}


def _in(label: Text, language: str) -> str:
    return spoken(label, (language, "en"))


def _version(record: Record) -> dict[str, Any]:
    live = [one for one in record.versions if not one.withdrawn]
    if not live:
        return {}
    days = {"datePublished": record.versions[0].created[:10], "dateModified": live[-1].created[:10]}
    return {"version": str(live[-1].version), **days}
