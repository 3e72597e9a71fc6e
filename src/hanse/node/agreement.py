"""What tables and images say of one person, held against each other (quality dimension: consistency)."""

from collections.abc import Iterator

from hanse.core.fields import PERSON, Vocabulary
from hanse.node.prepared import Known

_YEARS = 1  # by which two ages may differ: one may be rounded, the other completed years
_DAYS_A_YEAR = 365.25

SEX = ("sex-differs", "PatientSex differs from person.sex of the table")
AGE = ("age-differs", "PatientAge differs by more than a year from the table's age")
NO_TABLE = ("no-table-row", "there are images, but no row of person")
NO_IMAGES = ("no-images", "there are rows of tables, but no image")


def disagreements(person: Known, vocabulary: Vocabulary) -> Iterator[tuple[str, str]]:
    """(code, words) of each way in which the rows of a person disagree; what is not known disagrees with nothing."""
    rows = person.told.get(PERSON, ())
    about = {column: value for row in reversed(rows) for column, value in row["values"].items()}
    codes = vocabulary.fields["person.sex"].codes
    sexes = {code for image in person.imaged if codes and (code := codes.find(image["sex"]))}
    if sexes and about.get("sex") and sexes != {about["sex"]}:
        yield SEX
    if _ages_differ(about.get("age"), person):
        yield AGE
    if person.imaged and person.told and not rows:
        yield NO_TABLE
    if person.told and not person.imaged:
        yield NO_IMAGES


def _ages_differ(age: int | None, person: Known) -> bool:
    """Whether an age at a study is not the age at the baseline plus the years between."""
    if age is None:
        return False
    studies = [
        (one["values"].get("patient_age"), person.line.placed(one).get("day")) for one in person.imaged
    ]
    return any(
        abs(at_study - (age + day / _DAYS_A_YEAR)) > _YEARS + 0.999
        for at_study, day in studies
        if at_study is not None and day is not None
    )
