"""The quality report: what it counts, what it never holds, and how it looks in a browser."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hanse.domains import VOCABULARY
from hanse.domains.imaging.series import Dimension
from hanse.node.report import DIMENSIONS, EXPECTED, LISTED_FILES, Quality, hint_for, html

AT = "2026-11-22T07:15:00.000Z"


@pytest.fixture
def quality() -> Quality:
    quality = Quality()
    for age in (41, 44, 63, None):
        quality.row("person", {"sex": "female", "age": age})
    quality.row("image", {"modality": "MR", "study_year": 2019})
    quality.row("image", {"modality": "CT", "study_year": 2021})
    quality.row("image", {"modality": "MR"})
    for _ in range(9):
        quality.file("image", 1000)
    return quality


def report_of(quality: Quality) -> dict:
    return quality.report("hospital", AT, "0.1.0", {"persons": 4, "studies": 2, "series": 3, "instances": 9})


def dimension(report: dict, name: str) -> dict:
    return next(one for one in report["dimensions"] if one["name"] == name)


def test_the_dimensions_are_those_of_the_image_findings() -> None:
    assert set(DIMENSIONS) == set(Dimension)


def test_every_expected_field_is_in_the_vocabulary() -> None:
    assert set(VOCABULARY.fields) >= EXPECTED


def test_a_field_is_as_complete_as_the_share_of_rows_that_hold_it(quality: Quality) -> None:
    fields = {one["field"]: one for one in report_of(quality)["completeness"]}

    assert (fields["person.age"]["filled"], fields["person.age"]["rows"]) == (3, 4)
    assert fields["person.vital_status"]["filled"] == 0
    assert "treatment.code" not in fields  # there are no such rows


def test_findings_of_one_kind_are_told_together_with_their_first_places(quality: Quality) -> None:
    for line in range(2, 12):
        quality.finding("validity", "unknown code", f"person.csv, line {line}")
    quality.finding(
        "consistency", "PatientID differs within the series", "a/1.dcm", count=40, code="several-patients"
    )
    report = report_of(quality)

    [finding] = dimension(report, "validity")["findings"]
    assert (finding["reason"], finding["rows"], len(finding["places"])) == ("unknown code", 10, 5)
    [finding] = dimension(report, "consistency")["findings"]
    assert finding["count"] == 40
    assert finding["hint"].startswith("check which patient")
    assert dimension(report, "consistency")["share"] == pytest.approx(1 - 1 / 7)


def test_files_in_quarantine_count_against_integrity_and_are_listed(quality: Quality) -> None:
    quality.quarantine("b/broken.dcm", "the file ends before its data", "copy it again")
    report = report_of(quality)

    assert report["quarantine"] == [
        {"path": "b/broken.dcm", "reason": "the file ends before its data", "hint": "copy it again"}
    ]
    assert dimension(report, "integrity")["share"] == pytest.approx(0.9)
    assert report["totals"]["files"] == 10


def test_a_long_quarantine_is_counted_whole_and_listed_in_part(quality: Quality) -> None:
    for number in range(LISTED_FILES + 5):
        quality.quarantine(f"{number}.dcm", "not DICOM")
    report = report_of(quality)

    assert report["totals"]["quarantined"] == LISTED_FILES + 5
    assert len(report["quarantine"]) == LISTED_FILES
    assert html(report).count("<li") < 1000


def test_ages_are_counted_in_bands_and_years_one_by_one(quality: Quality) -> None:
    values = {one["field"]: one["counts"] for one in report_of(quality)["values"]}

    assert [(one["value"], one["rows"]) for one in values["person.age"]] == [
        ("40–44", 2),
        ("45–49", 0),
        ("50–54", 0),
        ("55–59", 0),
        ("60–64", 1),
    ]
    assert [one["value"] for one in values["image.study_year"]] == ["2019", "2020", "2021"]
    assert [(one["label"], one["rows"]) for one in values["image.modality"]] == [
        ("Magnetic resonance", 2),
        ("Computed tomography", 1),
    ]


def test_one_impossible_year_does_not_make_a_chart_of_centuries() -> None:
    quality = Quality()
    for year in (1850, 2019, 2020, 2100):
        quality.row("image", {"study_year": year})

    [years] = report_of(quality)["values"]
    assert len(years["counts"]) == 4


def test_the_report_of_nothing_is_a_report() -> None:
    report = Quality().report("empty", AT, "0.1.0", {"persons": 0})

    assert dimension(report, "validity")["share"] is None
    assert "Nothing to check" in html(report)


def test_what_to_do_is_known_for_families_of_codes() -> None:
    assert hint_for("no-BodyPartExamined").startswith("set the attribute")
    assert "archive" in hint_for("missing-slices")
    assert hint_for("something-else") == ""


def test_the_report_is_plain_json(quality: Quality) -> None:
    assert json.loads(json.dumps(report_of(quality))) == report_of(quality)


def test_the_page_loads_nothing_and_runs_nothing(quality: Quality) -> None:
    page = html(report_of(quality))

    assert not re.search(r"<script|<link|<img|<iframe|url\(|@import|\bon\w+=|https?://", page)
    assert "default-src 'none'" in page


def test_names_of_files_are_text_and_never_markup(quality: Quality) -> None:
    nasty = "images/<script>alert(1)</script>\"'&.dcm"
    quality.quarantine(nasty, "not DICOM <b>")
    quality.finding("validity", "unknown <i>code</i>", nasty)
    report = quality.report("<h1>x", AT, "0.1.0", {})
    page = html(report)

    assert "<script" not in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert "&lt;script&gt;" in page


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, quality: Quality, tmp_path: Path) -> Iterator[object]:
    """The report in a real browser, as wide as a phone."""
    from playwright.sync_api import sync_playwright

    for number in range(30):
        quality.quarantine(f"images/{'very-long-name-' * 8}{number}.dcm", "not a DICOM file", "remove it")
    quality.finding("validity", "unknown code", "person.csv, line 12, column sex", "map it")
    (tmp_path / "report.html").write_text(html(report_of(quality)), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=request.param)
        page.goto((tmp_path / "report.html").as_uri())
        yield page
        browser.close()


# The least contrast of text and its background in the page, as WCAG 2.2 computes it.
CONTRAST = """() => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126*r + 0.7152*g + 0.0722*b };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (c !== 'rgba(0, 0, 0, 0)') return c } return 'rgb(255, 255, 255)' };
  const texts = [...document.querySelectorAll('body *')].filter(e => e.getClientRects().length
    && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()));
  return Math.min(...texts.map(e => { const style = getComputedStyle(e);
    const a = light(e.closest('svg') ? style.fill : style.color), b = light(ground(e));
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) })) }"""


@pytest.mark.browser
def test_all_text_can_be_read_and_nothing_is_wider_than_a_phone(page: object) -> None:
    assert page.evaluate(CONTRAST) >= 4.5
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
