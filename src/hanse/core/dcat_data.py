"""What the data of a dataset say of themselves, as RDF: numbers, images, cancers, variables, quality, versions.

All of it was released by disclosure control before it came into the record.
"""

from collections.abc import Iterator

from hanse.core.fields import Code, Field, Type
from hanse.core.rdf import Graph, Iri, Literal, address, part, text, typed
from hanse.core.record import Record, Tier, english, released
from hanse.core.space import Space

COUNT = "xsd:nonNegativeInteger"
ANY_CANCER = Iri("http://snomed.info/id/363346000")  # malignant neoplastic disease


def numbers(graph: Graph, it: Iri, record: Record) -> None:
    """Persons, studies and ages. EUCAIM counts imaging studies as records."""
    counted = {
        "healthdcatap:numberOfUniqueIndividuals": record.counts.persons,
        "healthdcatap:numberOfRecords": record.counts.studies,
    }
    ages = [age for band in released(record.breakdowns.get("person.age", ())) for age in _ages(band)]
    if ages:
        counted["healthdcatap:minTypicalAge"] = min(ages)
        counted["healthdcatap:maxTypicalAge"] = max(ages)
    for predicate, number in counted.items():
        if number is not None:
            graph.say(it, predicate, typed(number, COUNT))


def _ages(band: str) -> Iterator[int]:
    """Both ends of a band: of `50-54`, 50 and 54."""
    yield from (int(age) for age in band.split("-") if age.isascii() and age.isdigit() and len(age) < 4)


BROKEN_DOWN = {
    "person.sex": "eucaim:hasBirthSex",
    "image.modality": "eucaim:hasImageModality",
    "image.manufacturer": "eucaim:hasEquipmentManufacturer",
    "image.body_part": "eucaim:hasImageBodyPart",
}
SYSTEMS = {  # where the codes of other systems are at home
    "snomed": "http://snomed.info/id/",
    "radlex": "http://radlex.org/RID/",
}


def imaging(graph: Graph, it: Iri, record: Record, space: Space) -> None:
    """Sexes, modalities, manufacturers and body parts that have a released count, and EUCAIM's tier."""
    for name, predicate in BROKEN_DOWN.items():
        field = space.vocabulary.get(name)
        for value in released(record.breakdowns.get(name, ())):
            if field and field.codes and (code := field.codes.codes.get(value)):
                graph.say(it, predicate, _concept(graph, field, code, space))
    graph.say(it, "eucaim:interoperabilityLevel", text(_TIERS[record.tier]))


_TIERS = {Tier.CATALOGUE: "Tier 1", Tier.SEARCHABLE: "Tier 2", Tier.COMPUTABLE: "Tier 3"}


def _concept(graph: Graph, field: Field, code: Code, space: Space) -> Iri:
    """A code of the vocabulary under its name in a system that everybody knows, else under ours."""
    iri = next(
        (Iri(home + code.systems[name]) for name, home in SYSTEMS.items() if name in code.systems), None
    )
    one = graph.thing(iri or space.word(f"{field.name}.{code.code}"), "skos:Concept")
    graph.texts(one, "skos:prefLabel", code.label)
    graph.say(one, "skos:notation", text(code.code))
    return one


def conditions(graph: Graph, it: Iri, record: Record, space: Space) -> None:
    """The cancers. EUCAIM allows one; of several, that it is cancer, and which in the codes."""
    field = space.vocabulary.fields["condition.cancer_type"]
    cells = record.breakdowns.get(field.name, ())
    names = record.said.cancer_types or tuple(released(cells))
    codes = field.codes.codes if field.codes else {}
    found = [codes[name] for name in dict.fromkeys(names) if name in codes]
    cancers = [_concept(graph, field, code, space) for code in found]
    graph.say(it, "dct:subject", *cancers)
    graph.say(it, "eucaim:hasCondition", *(cancers if len(cancers) == 1 else [ANY_CANCER] if cancers else []))
    for code in found:
        if known := code.systems.get("icd10"):
            graph.say(it, "healthdcatap:hasCodeValues", text(f"ICD-10: {known}"))


def variables(graph: Graph, it: Iri, record: Record, space: Space) -> None:
    """https://www.w3.org/TR/tabular-metadata/: a table for each kind of row, a column for each field."""
    graph.say(it, "healthdcatap:hasStructuredData", typed(str(bool(record.variables)).lower(), "xsd:boolean"))
    if not record.variables:
        return
    group = graph.thing(part(it, "variables"), "csvw:TableGroup")
    graph.texts(group, "dct:title", record.said.title)
    graph.say(it, "healthdcatap:hasVariables", group)
    for variable in record.variables:
        kind = variable.field.partition(".")[0]
        table = graph.thing(_safe(it, f"table-{kind}"), "csvw:Table")
        entity = space.vocabulary.entities.get(kind)
        graph.texts(table, "dct:title", entity.label if entity else english(kind))
        graph.say(group, "csvw:table", table)
        graph.say(table, "csvw:column", _column(graph, it, variable.field, space))


def _column(graph: Graph, it: Iri, name: str, space: Space) -> Iri:
    column = graph.thing(_safe(it, f"column-{name}"), "csvw:Column")
    field = space.vocabulary.get(name)
    graph.say(column, "csvw:name", text(name))
    graph.texts(column, "csvw:title", field.label if field else english(name))
    graph.texts(column, "dct:description", english(field.about if field else name))
    graph.say(column, "csvw:datatype", text(_DATATYPES.get(field.type, "string") if field else "string"))
    graph.say(column, "csvw:propertyUrl", space.word(name))
    return column


def _safe(it: Iri, name: str) -> Iri:
    return address(part(it, name.replace("#", "%23")).value) or it


_DATATYPES = {
    Type.INTEGER: "integer",
    Type.NUMBER: "double",
    Type.BOOLEAN: "boolean",
    Type.DAY: "integer",
}


def quality(graph: Graph, it: Iri, record: Record) -> None:
    """https://www.w3.org/TR/vocab-dqv/: the share of sound values in each dimension of the quality report."""
    for place, quality in enumerate(record.quality, 1):
        metric = graph.thing(part(it, f"metric-{place}"), "dqv:Metric")
        graph.texts(metric, "skos:prefLabel", english(quality.dimension))
        graph.texts(metric, "skos:definition", english(quality.words))
        measured = graph.thing(part(it, f"quality-{place}"), "dqv:QualityMeasurement")
        graph.say(measured, "dqv:isMeasurementOf", metric)
        graph.say(measured, "dqv:value", typed(quality.share, "xsd:integer"))
        graph.say(it, "dqv:hasQualityMeasurement", measured)


def versions(graph: Graph, it: Iri, record: Record) -> None:
    """The newest live version as EUCAIM writes versions (SemVer), its dates, and what was withdrawn."""
    live = [one for one in record.versions if not one.withdrawn]
    if live:
        graph.say(it, "dcat:version", text(f"{live[-1].version}.0.0"))
        graph.say(it, "dct:issued", _moment(record.versions[0].created))
        graph.say(it, "dct:modified", _moment(live[-1].created))
    for one in record.versions:
        if one.withdrawn:
            graph.say(it, "adms:versionNotes", text(f"Version {one.version} was withdrawn.", "en"))


def _moment(created: str) -> Literal | None:
    """The day of a time as `core.clock` writes it."""
    day = created[:10]
    digits = day.replace("-", "")
    return typed(day, "xsd:date") if len(day) == 10 and len(digits) == 8 and digits.isdecimal() else None
