"""Preparing: a folder becomes rows, run by run; what cannot be used is set aside with its reason."""

import json
import os
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.node.dicom import write_instance, write_patients
from tests.node.small import table

from hanse.core.errors import BadInput, Conflict, NoSpace, NotFound
from hanse.core.policy import Access, Policy
from hanse.core.record import Description, english
from hanse.lib import sql
from hanse.node import keys, work
from hanse.node.prepare import Prepared, prepare
from hanse.node.prepared import publish_prepared
from hanse.node.publish import Outcome
from hanse.node.report import DIMENSIONS
from hanse.node.store import Store
from hanse.node.withdraw import withdraw_person
from hanse.node.work import FILE, RUN, SERIES


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_patients(tmp_path / "files", range(3))
    return tmp_path / "files"


def run(store: Store, folder: Path, **options: bool) -> Prepared:
    return prepare(store, folder, "lung", processes=1, **options)


def release(store: Store, access: Access = Access.PROTECTED) -> Outcome:
    return publish_prepared(store, "lung", Description("lung", english("Lung")), Policy(access))


def quarantine(store: Store) -> dict[str, str]:
    with work.opened(store.home, "lung") as engine, sql.read(engine) as connection:
        return {
            row.path: row.reason
            for row in connection.execute(sa.select(FILE).where(FILE.c.reason.is_not(None)))
        }


def ordinals(store: Store) -> dict[str, int]:
    with work.opened(store.home, "lung") as engine, sql.read(engine) as connection:
        return {row.uid: row.ordinal for row in connection.execute(sa.select(SERIES))}


def test_a_folder_of_images_becomes_persons_studies_and_series(store: Store, folder: Path) -> None:
    found = run(store, folder)
    assert (found.files, found.read, found.persons, found.studies, found.series) == (18, 18, 3, 3, 6)
    release(store)
    images = table(store, "image", "person", "modality", "body_part", "instances", "slice_spacing", "day")
    assert images == [(person, "CT", "CHEST", 3, 2.5, 0) for person in (0, 0, 1, 1, 2, 2)]
    key = keys.pseudonym(store.keys.secret, "lung", "MRN-1")
    assert table(store, "person", "person", "key", "sex")[1] == (1, key, "female")


def test_a_version_keeps_the_shares_of_the_quality_report(store: Store, folder: Path) -> None:
    run(store, folder)
    shares = release(store).manifest.provenance["quality"]
    assert set(shares) == set(DIMENSIONS)
    assert all(0 <= share <= 1 for share in shares.values())


def test_nothing_identifying_is_published(store: Store, folder: Path) -> None:
    run(store, folder)
    release(store, Access.OPEN)
    words = (b"MRN-", b"Doe", b"1.2.826", b"2024-03-10", b"20240310", b"p001")
    for path in store.objects.root.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            content = data + str(table(store, path)).encode() if data.startswith(b"PAR1") else data
            assert not any(word in content for word in words)


def test_what_is_known_is_not_read_again(store: Store, folder: Path) -> None:
    run(store, folder)
    assert run(store, folder).read == 0
    os.utime(folder / "p001" / "s1-0.dcm")
    assert run(store, folder).read == 0
    release(store)
    assert not release(store).changed


def test_a_growing_folder_keeps_its_ordinals_and_reads_only_what_is_new(store: Store, folder: Path) -> None:
    run(store, folder)
    before = ordinals(store)
    write_patients(folder / "a-folder-that-sorts-first", range(3, 5))
    assert run(store, folder).read == 12
    assert before.items() <= ordinals(store).items()
    assert sorted(ordinals(store).values()) == list(range(10))


def test_a_removed_file_takes_its_rows_along_and_brings_them_back(store: Store, folder: Path) -> None:
    run(store, folder)
    first = release(store)
    before = ordinals(store)
    shutil.move(folder / "p001", folder.parent / "elsewhere")
    found = run(store, folder)
    assert (found.persons, found.series, found.removed) == (2, 4, 6)
    assert release(store).manifest.persons == 2
    shutil.move(folder.parent / "elsewhere", folder / "p001")
    run(store, folder)
    assert ordinals(store) == before
    assert release(store).manifest.tables["image"][0].sha256 == first.manifest.tables["image"][0].sha256


def test_a_changed_file_replaces_what_it_said(store: Store, folder: Path) -> None:
    run(store, folder)
    for number in range(3):
        path = folder / "p000" / f"s1-{number}.dcm"
        write_instance(path, "MRN-0", 1000, 1, number, Modality="MR", SliceThickness="1.0")
    assert run(store, folder).read == 3
    release(store)
    assert table(store, "image", "series", "modality", "slice_thickness")[:2] == [
        (0, "MR", 1.0),
        (1, "CT", None),
    ]


def test_an_unmounted_share_is_not_taken_for_an_empty_one(store: Store, folder: Path) -> None:
    write_patients(folder, range(3, 6))
    run(store, folder)
    shutil.move(folder, folder.parent / "elsewhere")
    folder.mkdir()
    with pytest.raises(Conflict, match="36 of the 36 files read before are not in"):
        run(store, folder)
    assert run(store, folder, accept_removals=True).persons == 0


def test_files_that_cannot_be_used_are_set_aside_with_their_reason(store: Store, folder: Path) -> None:
    (folder / "empty.dcm").touch()
    (folder / "notes.txt").write_text("not an image")
    (folder / "cut.dcm").write_bytes((folder / "p000" / "s1-0.dcm").read_bytes()[:400])
    write_instance(folder / "nobody.dcm", "", 77, 1, 1)
    found = run(store, folder)
    assert (found.persons, found.quarantined) == (3, 4)
    reasons = quarantine(store)
    assert reasons.keys() == {"empty.dcm", "notes.txt", "cut.dcm", "nobody.dcm"}
    assert reasons["nobody.dcm"] == "has no single PatientID"


def test_copies_count_once_and_contradictions_not_at_all(store: Store, folder: Path) -> None:
    (folder / "q").mkdir()
    shutil.copy(folder / "p000" / "s1-0.dcm", folder / "q" / "copy.dcm")
    write_instance(folder / "q" / "other.dcm", "MRN-0", 1000, 2, 0, SliceThickness="9")
    assert run(store, folder).quarantined == 2
    release(store)
    assert table(store, "image", "series", "instances")[:2] == [(0, 3), (1, 2)]
    assert quarantine(store).keys() == {"q/other.dcm", "p000/s2-0.dcm"}
    (folder / "q" / "other.dcm").unlink()
    assert run(store, folder).quarantined == 0
    release(store)
    assert table(store, "image", "series", "instances")[:2] == [(0, 3), (1, 3)]


def test_a_series_that_turns_up_with_another_patient_is_set_aside_until_that_is_settled(
    store: Store, folder: Path
) -> None:
    wrong = write_instance(folder / "q" / "z.dcm", "MRN-9", 1000, 1, 9)
    run(store, folder)
    assert quarantine(store) == {"q/z.dcm": "its study belongs to another patient in the files read before"}
    shutil.rmtree(folder / "p000")
    assert run(store, folder).quarantined == 0
    release(store)
    assert wrong.exists()
    expected = {keys.pseudonym(store.keys.secret, "lung", patient) for patient in ("MRN-1", "MRN-2", "MRN-9")}
    assert {row[0] for row in table(store, "person", "key")} == expected


def test_clinical_rows_are_joined_by_patient_and_dated_from_the_diagnosis(store: Store, folder: Path) -> None:
    (folder / "person.csv").write_text("patient_id,sex,birth_date\nMRN-0,male,1960-03-02\nMRN-7,female,\n")
    (folder / "condition.csv").write_text("patient_id,cancer_type,day\nMRN-0,lung,2024-03-01\nMRN-1,lung,0\n")
    run(store, folder)
    release(store)
    assert table(store, "person", "person", "sex", "age")[0] == (0, "male", 63)
    assert table(store, "condition", "person", "cancer_type", "day") == [(0, "lung", 0), (1, "lung", 0)]
    # The diagnosis of the second is a day without a date, so that nobody knows how far the images are from it.
    assert table(store, "image", "person", "day") == [(0, 9), (0, 9), (1, None), (1, None), (2, 0), (2, 0)]
    assert len(table(store, "person", "person")) == 4


def test_a_table_that_changes_replaces_its_rows(store: Store, folder: Path) -> None:
    path = folder / "condition.csv"
    path.write_text("patient_id,cancer_type\nMRN-0,lung\nMRN-1,lung\n")
    before = run(store, folder).findings
    path.write_text("patient_id,cancer_type\nMRN-0,lung\nMRN-1,breast\nMRN-2,no such thing\n")
    found = run(store, folder)
    assert (found.read, found.findings - before) == (1, 1)
    release(store)
    assert table(store, "condition", "person", "cancer_type") == [(0, "lung"), (1, "breast"), (2, None)]
    path.unlink()
    run(store, folder)
    assert "condition" not in release(store).manifest.tables


def test_a_withdrawn_person_is_not_brought_back_by_a_scan(store: Store, folder: Path) -> None:
    run(store, folder)
    release(store)
    done = withdraw_person(store, "lung", "MRN-1")
    assert done.version is not None
    assert (done.version.version, done.version.persons, len(done.tombstones)) == (2, 2, 1)
    write_instance(folder / "p001" / "new.dcm", "MRN-1", 5000, 1, 1)
    run(store, folder)
    assert not release(store).changed
    withdraw_person(store, "lung", "MRN-8")
    write_instance(folder / "p008" / "new.dcm", "MRN-8", 5001, 1, 1)
    run(store, folder)
    release(store)
    assert [row[0] for row in table(store, "person", "person")] == [0, 2]


def test_who_is_withdrawn_before_the_first_version_comes_into_none(store: Store, folder: Path) -> None:
    run(store, folder)
    assert withdraw_person(store, "lung", "MRN-1").version is None
    assert release(store).manifest.persons == 2


def test_a_full_disk_loses_nothing_and_the_next_run_continues(
    store: Store, folder: Path, small_files: None
) -> None:
    with pytest.raises(NoSpace, match="disk is full"):
        run(store, folder)


def test_a_run_after_a_full_disk_gives_what_an_undisturbed_one_gives(
    store: Store, folder: Path, request: pytest.FixtureRequest
) -> None:
    run(store, folder)
    write_patients(folder, range(3, 20))
    limit = request.getfixturevalue("database_may_grow_by")
    with limit(store.home / "prepared" / "lung", 40_000), pytest.raises(NoSpace):
        run(store, folder)
    with pytest.raises(Conflict, match="was interrupted"):
        release(store)
    assert run(store, folder).persons == 20


def test_unfinished_or_missing_preparations_are_not_published(store: Store, folder: Path) -> None:
    with pytest.raises(NotFound, match="nothing has been prepared as lung"):
        release(store)
    run(store, folder)
    with work.opened(store.home, "lung") as engine, sql.begin(engine) as connection:
        connection.execute(RUN.update().values(ended=None))
    with pytest.raises(Conflict, match="preparing lung was interrupted"):
        release(store)


def test_what_is_no_folder_is_said_so(store: Store, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not a folder"):
        run(store, tmp_path / "nowhere")


def test_series_of_one_study_that_contradict_each_other_are_a_finding(store: Store, folder: Path) -> None:
    before = run(store, folder).findings
    odd = write_instance(
        folder / "p000" / "odd.dcm", "MRN-0", 1000, 3, 1, StudyDate="20240311", Manufacturer="GE"
    )
    assert run(store, folder).findings == before + 1
    odd.unlink()
    assert run(store, folder).findings == before


def test_the_report_names_files_and_no_patients(store: Store, folder: Path) -> None:
    (folder / "notes.txt").write_text("not an image")
    run(store, folder)
    report = work.folder_of(store.home, "lung") / "report.json"
    body = json.loads(report.read_text())
    assert [one["path"] for one in body["quarantine"]] == ["notes.txt"]
    assert (body["totals"]["persons"], body["totals"]["series"]) == (3, 6)
    text = report.read_text() + report.with_suffix(".html").read_text()
    assert not any(word in text for word in ("MRN-", "Doe", "1.2.826"))


@pytest.mark.shared
def test_real_images_are_prepared_and_published(store: Store, shared: Path) -> None:
    assert prepare(store, shared / "imaging" / "sts", "lung").series == 24
    assert release(store).manifest.persons == 4
    assert {row[0] for row in table(store, "image", "modality")} >= {"CT", "MR", "PT", "RTSTRUCT"}
