"""Indexing image files: headers, checksums, and the whole way, beside Orthanc taking in the same files."""

import hashlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from hanse.domains.imaging import walk
from hanse.domains.imaging.instances import Instance, checksums, read_batch
from hanse.domains.imaging.series import image_row
from hanse.domains.imaging.sources import SourceFile

SERIES_LENGTH = 100
BATCH = 50
CONNECTIONS = 4
HEADERS_PER_CORE = 3000
TIMES_ORTHANC = 3


def rows(small: bool = False) -> list[dict[str, Any]]:
    """Measurements: headers a second and core, MB of checksum a second and core, instances a second beside Orthanc."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "images"
        corpus(folder, 300 if small else 3000)
        files = [file for file in walk.files(folder) if isinstance(file, SourceFile)]
        for path in folder.rglob("*.dcm"):  # both sides read from a warm page cache
            path.read_bytes()
        headers = headers_per_core_second(folder)
        checksum = checksum_rate(folder, files)
        indexed, summed = indexing_rate(folder, with_checksums=False), indexing_rate(folder)
        peer, version = orthanc_rate(Path(home) / "orthanc", folder, files)
    beside = ("instances/s", f"Orthanc REST, {CONNECTIONS} connections", version, TIMES_ORTHANC)
    return [
        row("headers, with walk and rows, a core", headers, None, "headers/s", bar=HEADERS_PER_CORE),
        row("SHA-256 of whole files, a core", checksum, None, "MB/s"),
        row("indexing, all cores", indexed, peer, *beside),
        row("indexing with checksums, all cores", summed, peer, *beside),
    ]


def row(
    name: str,
    ours: float,
    peer: float | None,
    unit: str,
    peer_name: str = "",
    peer_version: str = "",
    bar: float | None = None,
) -> dict[str, Any]:
    """A bar is a ratio where there is a peer, otherwise an amount; without one the row is a report."""
    ratio = ours / peer if peer else None
    judged = ratio if peer_name else ours
    holds = None if bar is None or judged is None else judged >= bar
    return {
        "name": name,
        "ours": round(ours, 1),
        "peer": peer and round(peer, 1),
        "unit": unit,
        "ratio": ratio and round(ratio, 2),
        "peer_name": peer_name,
        "peer_version": peer_version,
        "bar": bar,
        "holds": holds,
    }


def corpus(folder: Path, count: int) -> None:
    """`count` uncompressed CT instances of 0.5 MB in series of 100, the same on every run."""
    chance = numpy.random.default_rng(7)
    noise = chance.normal(0, 12, (512, 512)).astype("<i2")
    for number in range(count):
        series, place = divmod(number, SERIES_LENGTH)
        target = folder / f"P{series:04d}" / f"{place:04d}.dcm"
        target.parent.mkdir(parents=True, exist_ok=True)
        _ct(series, place, numpy.roll(noise, number).tobytes()).save_as(target, enforce_file_format=True)


def _uid(*parts: object) -> str:
    return f"2.25.{int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:15], 'big')}"


def _ct(series: int, place: int, pixels: bytes) -> Dataset:
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for keyword, value in (_CT | _varying(series, place)).items():
        setattr(image, keyword, value)
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "77477000", "SCT", "Computed tomography"
    image.ProcedureCodeSequence = [code]
    block = image.private_block(0x0029, "HANSE BENCHMARK", create=True)
    for number in range(12):
        block.add_new(number, "LO", f"private {number}")
    image.PixelData = pixels
    return image


def _varying(series: int, place: int) -> dict[str, Any]:
    return {
        "SOPInstanceUID": _uid("instance", series, place),
        "StudyInstanceUID": _uid("study", series),
        "SeriesInstanceUID": _uid("series", series),
        "FrameOfReferenceUID": _uid("frame", series),
        "PatientID": f"BENCH-{series:05d}",
        "PatientName": f"Synth^{series:05d}",
        "AccessionNumber": f"A{series:05d}",
        "InstanceNumber": place + 1,
        "ImagePositionPatient": [-180.0, -180.0, -150.0 + 2.5 * place],
        "SliceLocation": -150.0 + 2.5 * place,
        "ContentTime": f"{10 + place % 10}3000.00",
    }


_CT: dict[str, Any] = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
    "SpecificCharacterSet": "ISO_IR 100",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "InstanceCreationDate": "20240301",
    "InstanceCreationTime": "101500",
    "StudyDate": "20240301",
    "SeriesDate": "20240301",
    "AcquisitionDate": "20240301",
    "ContentDate": "20240301",
    "StudyTime": "101010",
    "SeriesTime": "101112",
    "AcquisitionTime": "101113",
    "Modality": "CT",
    "Manufacturer": "SIEMENS",
    "InstitutionName": "Synthetic Hospital",
    "ReferringPhysicianName": "",
    "StationName": "CT01",
    "StudyDescription": "CT THORAX ABDOMEN",
    "SeriesDescription": "Thorax 2.5 B30f",
    "InstitutionalDepartmentName": "Radiology",
    "PerformingPhysicianName": "",
    "OperatorsName": "",
    "ManufacturerModelName": "SOMATOM Definition AS",
    "PatientBirthDate": "19630412",
    "PatientSex": "F",
    "PatientAge": "060Y",
    "PatientSize": "1.68",
    "PatientWeight": "71",
    "BodyPartExamined": "CHEST",
    "ScanOptions": "SPIRAL MODE",
    "SliceThickness": "2.5",
    "KVP": "120",
    "DataCollectionDiameter": "500",
    "DeviceSerialNumber": "66000",
    "SoftwareVersions": "syngo CT 2012B",
    "ProtocolName": "ThorAbd",
    "ReconstructionDiameter": "360",
    "DistanceSourceToDetector": "1085.6",
    "DistanceSourceToPatient": "595",
    "GantryDetectorTilt": "0",
    "TableHeight": "155",
    "RotationDirection": "CW",
    "ExposureTime": "500",
    "XRayTubeCurrent": "210",
    "Exposure": "105",
    "FilterType": "0",
    "GeneratorPower": "25",
    "FocalSpots": "1.2",
    "ConvolutionKernel": "B30f",
    "PatientPosition": "HFS",
    "StudyID": "1",
    "SeriesNumber": "2",
    "AcquisitionNumber": "1",
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "PositionReferenceIndicator": "",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "Rows": 512,
    "Columns": 512,
    "PixelSpacing": [0.703125, 0.703125],
    "BitsAllocated": 16,
    "BitsStored": 16,
    "HighBit": 15,
    "PixelRepresentation": 1,
    "WindowCenter": "40",
    "WindowWidth": "400",
    "RescaleIntercept": "-1024",
    "RescaleSlope": "1",
}


def headers_per_core_second(folder: Path) -> float:
    """Walk, headers and rows in this process, by its CPU time; the best of five."""

    def once() -> float:
        begun = time.process_time()
        instances = read_batch(folder, [file for file in walk.files(folder) if isinstance(file, SourceFile)])
        _rows(instances)
        return len(instances) / (time.process_time() - begun)

    return max(once() for _ in range(5))


def checksum_rate(folder: Path, files: list[SourceFile]) -> float:
    begun = time.process_time()
    checksums(folder, files)
    return sum(file.size for file in files) / 1e6 / (time.process_time() - begun)


def indexing_rate(folder: Path, with_checksums: bool = True) -> float:
    """Instances a second by the clock: walk, headers and checksums in a pool of processes, rows; with its start."""
    begun = time.perf_counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        files = [file for file in walk.files(folder) if isinstance(file, SourceFile)]
        batches = [files[at : at + BATCH] for at in range(0, len(files), BATCH)]
        read = [pool.submit(read_batch, folder, batch) for batch in batches]
        summed = [pool.submit(checksums, folder, batch) for batch in batches] if with_checksums else []
        found = [instance for batch in read for instance in batch.result()]
        _rows(found)
        for batch in summed:
            batch.result()
    return len(found) / (time.perf_counter() - begun)


def _rows(instances: list[Any]) -> None:
    series: dict[Any, list[Instance]] = defaultdict(list)
    for instance in instances:
        series[instance.values["SeriesInstanceUID"]].append(instance)
    for members in series.values():
        image_row(members)


def orthanc_rate(home: Path, folder: Path, files: list[SourceFile]) -> tuple[float | None, str]:
    """Instances a second that Orthanc takes in over four connections; nothing where it is not installed."""
    program = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
    if not program:
        return None, "not installed"
    with orthanc(program, home) as (port, version):
        shares = [files[at::CONNECTIONS] for at in range(CONNECTIONS)]
        begun = time.perf_counter()
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            taken = sum(threads.map(lambda share: _post(port, folder, share), shares))
        return taken / (time.perf_counter() - begun), version


@contextmanager
def orthanc(program: str, home: Path) -> Iterator[tuple[int, str]]:
    """Orthanc with an index and a store of its own, answering this machine only."""
    home.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "StorageDirectory": str(home / "store"),
        "IndexDirectory": str(home / "store"),
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "StorageCompression": False,
    }
    (home / "orthanc.json").write_text(json.dumps(settings))
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, str(home / "orthanc.json")],
            stdout=log,
            stderr=log,
            env=os.environ | {"TCP_NODELAY": "1"},
        )
    try:
        yield port, f"{_version(port, process)} (Debian)"
    finally:
        process.terminate()
        process.wait(20)


def _version(port: int, process: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/system")
            return json.loads(connection.getresponse().read())["Version"]
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("Orthanc did not start")


def _post(port: int, folder: Path, files: list[SourceFile]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    taken = 0
    for file in files:
        connection.request("POST", "/instances", (folder / file.path).read_bytes())
        answer = connection.getresponse()
        answer.read()
        taken += answer.status == 200
    connection.close()
    return taken


if __name__ == "__main__":
    for measured in rows():
        print(measured)
