"""Clinical tables in `prepare`: mended mappings are seen, files that are no tables are set aside, all others go on."""

import json
from pathlib import Path

import pytest
from tests.node.small import table

from hanse.core.errors import BadInput
from hanse.core.policy import Policy
from hanse.core.record import Description, english
from hanse.node.prepare import Prepared, prepare
from hanse.node.prepared import publish_prepared
from hanse.node.store import Store

MAPPING = '[[table]]\nfile = "export.csv"\nentity = "person"\npatient = "Fall"\ncolumns = { Sex = "sex" }\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "export.csv").write_text("Fall,Sex\n1,weiblich\n2,weiblich\n")
    (folder / "mapping.toml").write_text(MAPPING)
    return folder


def run(tmp_path: Path) -> tuple[Prepared, dict]:
    prepared = prepare(Store(tmp_path / "node"), tmp_path / "files", "tables", processes=1)
    return prepared, json.loads((tmp_path / "node" / "prepared" / "tables" / "report.json").read_text())


def test_a_table_is_read_again_when_its_mapping_was_mended(tmp_path: Path, folder: Path) -> None:
    before, _ = run(tmp_path)
    (folder / "mapping.toml").write_text(MAPPING + 'values.Sex = { weiblich = "female" }\n')
    after, _ = run(tmp_path)

    assert (before.findings, after.findings, after.persons) == (2, 0, 2)


def test_a_file_that_is_no_table_is_set_aside_and_the_others_are_read(tmp_path: Path, folder: Path) -> None:
    other = folder / "other"
    other.mkdir()
    (other / "condition.csv").write_bytes(b"\xff\xfep\0a\0")
    prepared, report = run(tmp_path)

    assert prepared.persons == 2
    [refused] = report["quarantine"]
    assert refused["path"] == "other/condition.csv"
    assert refused["hint"] == "save it as CSV in UTF-8"


def test_the_last_contact_is_published_as_a_day_and_no_date_is(tmp_path: Path, folder: Path) -> None:
    """Of the dead it follows from their date of death; births and deaths themselves stay with the holder."""
    (folder / "other").mkdir()
    (folder / "other" / "condition.csv").write_text("patient_id,day\n1,2020-03-01\n2,2020-03-01\n")
    header = "Fall,Sex,born,died,seen\n"
    (folder / "export.csv").write_text(header + "1,F,1950-01-01,2020-04-01,\n2,M,1950-01-01,,2021-03-01\n")
    named = '{ Sex = "sex", born = "birth_date", died = "death_date", seen = "last_contact" }'
    (folder / "mapping.toml").write_text(MAPPING.replace('{ Sex = "sex" }', named))
    run(tmp_path)
    store = Store(tmp_path / "node")
    publish_prepared(store, "tables", Description("tables", english("Tables")), Policy())

    assert table(store, "person", "last_contact", "vital_status", "age") == [
        (31, "dead", 70),
        (365, None, 70),
    ]
    assert not [name for name in store.live()[0].manifest.columns if "date" in name]


def test_a_typo_in_the_mapping_ends_the_run_with_one_message_and_loses_nothing(
    tmp_path: Path, folder: Path
) -> None:
    run(tmp_path)
    (folder / "mapping.toml").write_text(MAPPING.replace("Sex =", "Sexx ="))
    with pytest.raises(BadInput, match=r"'Sexx' of the table export\.csv is not a known column"):
        run(tmp_path)
    (folder / "mapping.toml").write_text(MAPPING)

    assert run(tmp_path)[0].persons == 2
