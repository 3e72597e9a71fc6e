"""Growth: searching 1, 2, 4 and 8 times the series; preparing and publishing one more night of a large archive.

Search: synthetic nodes with 8 series to a person. Every size has a process of its own, which loads what a node loads,
makes its index, and is asked in turn with the others.

A night: an archive of small CT files is prepared and published; then 1 % more files arrive, half of new persons, half
follow-ups of the thousand persons who came last. The night stands beside the whole archive, and beside the same night
in an archive of twice the size. To prepare it, every file there is must be looked at, and the report tells of all rows:
that grows with the archive. What is published does not.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import psutil

from hanse.core.policy import Access, Policy
from hanse.core.record import Description, english
from hanse.domains import VOCABULARY
from hanse.node.gate import Gate, Visit
from hanse.node.prepare import prepare
from hanse.node.prepared import publish_prepared
from hanse.node.publish import publish_queries
from hanse.node.store import PERSONS_PER_PART, Store

SERIES = 130_000
MULTIPLES = {Access.OPEN: (1, 2, 4, 8), Access.PROTECTED: (1, 8)}
SLACK = 9 / 8  # growth in proportion, and what a measurement is uncertain by
ROUNDS = 11

FILES = 20_000
FILES_PER_SERIES = 5
NIGHT = 0.01
NIGHT_BESIDE_ALL = 1 / 3
PUBLISHED_BESIDE = 1.5

PERSON = """SELECT i::INTEGER AS person, md5(i::VARCHAR) AS key, (20 + hash(i, 1) % 70)::INTEGER AS age,
    ['female', 'male'][1 + (hash(i, 2) % 2)::INTEGER] AS sex FROM range({series} // 8) t(i)"""
IMAGE = """SELECT (i // 8)::INTEGER AS person, (i // 3)::INTEGER AS study, i::INTEGER AS series,
    ['CT', 'MR', 'PT', 'MG', 'SEG'][1 + (hash(i, 3) % 5)::INTEGER] AS modality,
    ['BREAST', 'CHEST', 'PROSTATE', 'ABDOMEN'][1 + (hash(i, 4) % 4)::INTEGER] AS body_part,
    ['siemens', 'ge', 'philips', 'canon'][1 + (hash(i, 5) % 4)::INTEGER] AS manufacturer,
    (2010 + hash(i, 6) % 15)::INTEGER AS study_year, (hash(i, 7) % 1000)::INTEGER AS day,
    ['AX', 'COR', 'SAG'][1 + (hash(i, 8) % 3)::INTEGER] || ' '
    || ['chest', 'T2', 'dynamic'][1 + (hash(i, 9) % 3)::INTEGER] || ' '
    || hash(i, 10) % 500 AS series_description FROM range({series}) t(i)"""

QUESTIONS = {
    "one criterion": "image.modality = 'MR'",
    "exists": "image.modality = 'MR' AND exists(image.modality = 'CT' AND image.study_year >= 2018)",
    "text": "CASEI(image.series_description) LIKE CASEI('%chest%')",
}
ONLY_OPEN = {"text"}  # protected datasets publish no free text


def rows(small: bool = False) -> list[dict[str, Any]]:
    """Milliseconds, MB and seconds beside those of one time the series; seconds of a night beside the whole."""
    share = 20 if small else 1
    return [
        *search(SERIES // share, Access.OPEN),
        *search(SERIES // share, Access.PROTECTED),
        *nights(FILES // share),
    ]


def row(
    name: str, ours: float, peer: float | None, unit: str, peer_name: str = "", bar: float | None = None
) -> dict[str, Any]:
    """A bar is a ratio to the peer."""
    ratio = ours / peer if peer else None
    holds = None if bar is None or ratio is None else ratio <= bar
    measured = {"name": name, "ours": ours, "peer": peer, "unit": unit, "ratio": ratio}
    return measured | {"peer_name": peer_name, "peer_version": "", "bar": bar, "holds": holds}


def search(series: int, access: Access) -> Iterator[dict[str, Any]]:
    """How long questions take, how much memory they leave, and how long the index takes, by the number of series."""
    multiples = MULTIPLES[access]
    with ExitStack() as opened:
        homes = [Path(opened.enter_context(tempfile.TemporaryDirectory())) for _ in multiples]
        for home, multiple in zip(homes, multiples, strict=True):
            fill(home, series * multiple, access)
        nodes = [opened.enter_context(Node(home)) for home in homes]
        found = {("index made", "s of CPU"): [node.index_s for node in nodes]}
        for name in QUESTIONS.keys() - (set() if access is Access.OPEN else ONLY_OPEN):
            found[name, "ms"] = in_turn(nodes, QUESTIONS[name])
        found["resident memory", "MB"] = [node.process.memory_info().rss / 1e6 for node in nodes]
    for (what, unit), (once, *more) in sorted(found.items()):
        for multiple, amount in zip(multiples[1:], more, strict=True):
            name = f"{access}, {what}, {series * multiple:,} series"
            yield row(name, amount, once, unit, f"{series:,} series", multiple * SLACK)


def fill(home: Path, series: int, access: Access) -> None:
    """Publishes so many series under `home`."""
    queries = {"person": PERSON.format(series=series), "image": IMAGE.format(series=series)}
    store = Store(home)
    with duckdb.connect() as connection:
        said, policy = Description("images", english("Images"), synthetic=True), Policy(access)
        publish_queries(store, said, policy, connection, queries)
    store.records.dispose()


def in_turn(nodes: Sequence["Node"], question: str) -> list[float]:
    """Milliseconds of each node, medians; the first answer loads what is needed and does not count."""
    times = [[node.ask(question) for node in nodes] for _ in range(ROUNDS + 1)]
    return [median(of_one) for of_one in zip(*times[1:], strict=True)]


class Node:
    """A process that opens what is published under a home, and answers."""

    def __init__(self, home: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.growth", str(home)]
        self._pipe = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process = psutil.Process(self._pipe.pid)
        self.index_s = self._number()

    def __enter__(self) -> "Node":
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.communicate()

    def ask(self, question: str) -> float:
        """Milliseconds that the node took."""
        assert self._pipe.stdin is not None
        print(question, file=self._pipe.stdin, flush=True)
        return self._number()

    def _number(self) -> float:
        assert self._pipe.stdout is not None
        return float(self._pipe.stdout.readline())


def answer(home: Path) -> None:
    """What the process does: says what its index took, and then how long each question took that it reads."""
    began = time.process_time()
    gate = Gate(Store(home), VOCABULARY, home / "cache")
    print(time.process_time() - began, flush=True)
    for question in sys.stdin:
        began = time.perf_counter()
        gate.count(Visit("benchmark", "count", "benchmark"), question)
        print((time.perf_counter() - began) * 1000, flush=True)


def nights(count: int) -> Iterator[dict[str, Any]]:
    """The whole archive, a night more, and the same night in an archive of twice the size."""
    with tempfile.TemporaryDirectory() as home:
        archive = Archive(Path(home) / "images", Path(home) / "node")
        whole, night = archive.grow(count), archive.night(int(count * NIGHT))
        archive.grow(count)
        later = archive.night(int(count * NIGHT))
    total = whole.prepare_s + whole.publish_s
    yield row(f"archive of {count:,} small files, prepared and published", total, None, "s")
    name = f"night of {night.read} files more on {count:,}"
    took = night.prepare_s + night.publish_s
    # Of a small archive the whole costs little more than to start.
    bar = NIGHT_BESIDE_ALL if count >= FILES else None
    yield row(f"{name}, prepared and published", took, total, "s", "the whole", bar)
    for said, ours, peer, most in (
        ("prepared", later.prepare_s, night.prepare_s, 2 * SLACK),
        (f"published ({later.parts})", later.publish_s, night.publish_s, PUBLISHED_BESIDE),
    ):
        beside = f"on {count:,} ({night.parts})"
        yield row(f"night of {later.read} files more on {2 * count:,}, {said}", ours, peer, "s", beside, most)


@dataclass(frozen=True, slots=True)
class Night:
    """What preparing and publishing took, how many files were read, and what was published."""

    prepare_s: float
    publish_s: float
    read: int
    parts: str


class Archive:
    """A folder that grows, and the node that prepares and publishes it as it does. A person has one series at first."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self.store = folder, Store(home)
        self.persons = self.series = 0
        self.template = template()

    def grow(self, files: int) -> Night:
        """New persons with so many files among them."""
        self._add(self._newcomers(files // FILES_PER_SERIES))
        return self._take_in()

    def night(self, files: int) -> Night:
        """Half of the series are follow-ups of those who came last, the others of new persons."""
        half = files // FILES_PER_SERIES // 2
        seen = range(max(0, self.persons - PERSONS_PER_PART), self.persons)
        self._add(seen[:: len(seen) // half][:half])
        self._add(self._newcomers(half))
        return self._take_in()

    def _newcomers(self, count: int) -> range:
        self.persons += count
        return range(self.persons - count, self.persons)

    def _add(self, persons: Iterable[int]) -> None:
        """One study of one series for each of these persons."""
        for person in persons:
            place = self.folder / f"P{person:08d}" / f"S{self.series:08d}"
            place.mkdir(parents=True)
            for number in range(FILES_PER_SERIES):
                (place / f"{number}.dcm").write_bytes(instance(self.template, person, self.series, number))
            self.series += 1

    def _take_in(self) -> Night:
        began = time.perf_counter()
        prepared = prepare(self.store, self.folder, "archive")
        between = time.perf_counter()
        said = Description("archive", english("Archive"), synthetic=True)
        outcome = publish_prepared(self.store, "archive", said, Policy())
        parts = f"{outcome.written} parts written, {outcome.kept} kept"
        return Night(between - began, time.perf_counter() - between, prepared.read, parts)


# What differs between the files, as it stands in the template and in a file; the lengths are the same.
PATIENT, STUDY, SERIES_UID, INSTANCE = "P99999999", "2.25.199999999", "2.25.299999999", "2.25.399999999"
NUMBER, PLACE = "777777", "888888"


def template() -> bytes:
    """A small CT instance as a file."""
    from pydicom.dataset import Dataset, FileMetaDataset  # a node that answers questions has not loaded it
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, INSTANCE
    image.PatientID, image.StudyInstanceUID, image.SeriesInstanceUID = PATIENT, STUDY, SERIES_UID
    image.InstanceNumber, image.ImagePositionPatient = NUMBER, ["-180", "-180", PLACE]
    for keyword, value in CT.items():
        setattr(image, keyword, value)
    file = BytesIO()
    image.save_as(file, enforce_file_format=True)
    return file.getvalue()


CT: Mapping[str, Any] = {
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "StudyDate": "20240301",
    "SeriesDate": "20240301",
    "Modality": "CT",
    "Manufacturer": "SIEMENS",
    "ManufacturerModelName": "SOMATOM Definition AS",
    "StudyDescription": "CT THORAX ABDOMEN",
    "SeriesDescription": "Thorax 2.5 B30f",
    "PatientBirthDate": "19630412",
    "PatientSex": "F",
    "PatientAge": "060Y",
    "BodyPartExamined": "CHEST",
    "SliceThickness": "2.5",
    "KVP": "120",
    "ConvolutionKernel": "B30f",
    "SeriesNumber": "2",
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "Rows": 16,
    "Columns": 16,
    "PixelSpacing": [0.703125, 0.703125],
    "BitsAllocated": 16,
    "BitsStored": 16,
    "HighBit": 15,
    "PixelRepresentation": 1,
    "PixelData": bytes(512),
}


def instance(file: bytes, person: int, series: int, number: int) -> bytes:
    """One instance of a series: the template with its own ids and its own place."""
    own = {
        PATIENT: f"P{person:08d}",
        STUDY: f"2.25.1{series:08d}",
        SERIES_UID: f"2.25.2{series:08d}",
        INSTANCE: f"2.25.3{series * FILES_PER_SERIES + number:08d}",
        NUMBER: f"{number + 1:06d}",
        PLACE: f"{number * 3:06d}",
    }
    for shown, value in own.items():
        file = file.replace(shown.encode(), value.encode())
    return file


if __name__ == "__main__":
    sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]  # as `hanse.node.agent` does
    answer(Path(sys.argv[1]))
