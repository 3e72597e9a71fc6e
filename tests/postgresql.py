"""A PostgreSQL of our own: a cluster in a temporary folder, on a Unix socket only."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.system_packages import path_of

FAST = "-c fsync=off -c full_page_writes=off -c listen_addresses='' -c autovacuum=off -c max_connections=40"


def _user() -> str | None:
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextmanager
def cluster() -> Iterator[str]:
    """A running server; gives the address of its database."""
    tools, user = Path(path_of("initdb")).resolve().parent, _user()
    folder = Path(tempfile.mkdtemp(prefix="hanse-postgres-"))

    def run(program: str, *arguments: str) -> None:
        command = [str(tools / program), *arguments]
        subprocess.run(command, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    try:
        if user:
            shutil.chown(folder, user)
        data = str(folder / "data")
        run("initdb", "-D", data, "-U", "hanse", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C")
        options = f"{FAST} -k {folder}"
        run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://hanse@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
