"""Programs that tests need and Python's packages do not bring: which, from where, for which tests.

`python tests/system_packages.py` installs what is missing when it may (root on Debian or Ubuntu) and says
what it could not install; `tests/conftest.py` then leaves the marked tests out, with the reason.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Program:
    binary: str
    package: str  # of Debian and Ubuntu
    marker: str  # of the tests that need it
    folders: str = ""  # where it lies when it is not on the PATH, as a glob


PROGRAMS = (
    Program("chromium", "chromium", "browser"),
    Program("initdb", "postgresql", "postgres", "usr/lib/postgresql/*/bin"),
    Program("storescu", "dcmtk", "dcmtk"),
    Program("Orthanc", "orthanc", "orthanc", "usr/sbin"),
    Program("haproxy", "haproxy", "proxy", "usr/sbin"),
    Program("tinyproxy", "tinyproxy", "proxy", "usr/sbin"),
)


def find(program: Program) -> str | None:
    """The path of a program on this machine; None when it is not there."""
    folders = sorted(Path("/").glob(program.folders), reverse=True) if program.folders else []
    elsewhere = os.pathsep.join(map(str, folders)) or os.devnull
    return shutil.which(program.binary) or shutil.which(program.binary, path=elsewhere)


def missing() -> list[Program]:
    return [program for program in PROGRAMS if find(program) is None]


def path_of(binary: str) -> str:
    """Where a program of the table is, for a test that is only run when it is there."""
    found = find(next(program for program in PROGRAMS if program.binary == binary))
    assert found, f"{binary} is not installed"
    return found


def install(programs: list[Program]) -> None:
    """Install what is missing with apt; what cannot be installed stays missing."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    names = sorted({program.package for program in programs})
    print(f"Installing what tests need: {' '.join(names)}", file=sys.stderr)
    subprocess.run(["apt-get", "-q", "update"], env=quiet, stdout=subprocess.DEVNULL, check=False)
    for name in names:
        command = ["apt-get", "-q", "-y", "--no-install-recommends", "install", name]
        subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, check=False)


def main() -> None:
    if (wanted := missing()) and os.geteuid() == 0 and shutil.which("apt-get"):
        install(wanted)
    for one in missing():
        print(f"{one.binary} is missing (package {one.package}): no {one.marker} tests", file=sys.stderr)


if __name__ == "__main__":
    main()
