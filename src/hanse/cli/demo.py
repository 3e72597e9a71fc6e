"""`hanse demo`: a hub, its nodes and an authority as separate processes on this machine, with data to ask about.

Everything stays in one folder. What is there already is used again, so that a second start takes seconds.
"""

import os
import shlex
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console

from hanse.authority import config as authority_config
from hanse.cli import members
from hanse.cli.members import Member, Progress
from hanse.cli.output import DEFAULT_HUB, consoles
from hanse.cli.paths import FOLDER
from hanse.cli.processes import HOST, Processes, check_free, interrupted, listens, processes
from hanse.core import clock
from hanse.hub import config as hub_config
from hanse.hub import registry
from hanse.hub.config import HubConfig
from hanse.lib import sql
from hanse.node.store import Store

PORT = 8080
HUB = "hub"
QUARTERS = 4  # of the way of a preparation, a line each
QUESTION = "image.modality = 'MR' AND condition.cancer_type = 'breast' AND person.age > 50"
CURVE = "until=person.last_contact event=person.vital_status 'happened=[\"dead\"]' 'grid=[0, 180, 365, 730]'"
WORDS = """
The federation runs: {url}

Ask it, in another terminal:
  {hub}{hanse} search "{question}"

Use data under a permit. You apply:
  {hanse} key new
  {hanse} apply {home}/application.yaml

At the authority, an officer calls you to compare the fingerprints of your keys, and another one decides:
  {hanse} authority applications --home {home}/authority
  {hanse} authority check APPLICATION 1 --phone "FINGERPRINT" --phone "FINGERPRINT" --officer "First Officer" --home {home}/authority
  {hanse} authority permit APPLICATION --officer "Second Officer" --home {home}/authority
or on its page, to which a link lets an officer in:
  {hanse} authority officer add "Second Officer" --home {home}/authority
  {hanse} authority page --home {home}/authority

Each hospital decides about its own data ({hospitals}):
  {hanse} node approvals --home {home}/{hospital}
  {hanse} node approve PERMIT --home {home}/{hospital}
or on its page, which also shows every use:
  {hanse} node officer add "Data Manager" --home {home}/{hospital}
  {hanse} node page --home {home}/{hospital}

You compute at those that approved:
  {hanse} analyse count --permit PERMIT
  {hanse} analyse kaplan_meier --permit PERMIT {curve} --out survival.zip

Whoever has the result verifies it, and every log shows when somebody changed it:
  {hanse} runs verify survival.zip
  {hanse} audit verify --home {home}/{hospital}

Ctrl-C stops everything.
"""  # noqa: E501 (a command that is copied stands on one line)


@click.command()
@click.option(
    "--home",
    type=FOLDER,
    default="demo",
    show_default=True,
    help="The folder that holds everything; remove it to start anew.",
)
@click.option(
    "--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="The hub's port."
)
def demo(home: Path, port: int) -> None:
    """Run a hub, four nodes and an authority on this machine: a public archive, three synthetic hospitals, and who
    decides about the use of their data. When one of them ends, the others go on; Ctrl-C ends them all."""
    check_free(port)
    with processes(home / "logs") as started, interrupted() as stop:
        hub = HubConfig((home / "hub").absolute(), url=f"http://{HOST}:{port}", host=HOST, port=port)
        hub_config.init(hub)
        started.start(HUB, "hub", "serve", "--home", str(hub.home))
        started.wait_for(lambda: listens(port), stop)
        if not stop.is_set():
            _start_all(home, hub, started, stop)
        while not stop.wait(1.0):
            _say_ended(started)
            started.check(HUB)
        click.echo("Stopping ...", err=True)
    click.echo("Everything has stopped. The next `hanse demo` continues from here.", err=True)


def _start_all(home: Path, hub: HubConfig, started: Processes, stop: threading.Event) -> None:
    """Starts the authority, and each node once its data are there; says what can be done when all have called."""
    _, err = consoles()
    office = members.authority(home / "authority", hub)
    started.start("authority", "authority", "serve", "--home", str(office.home))
    everyone = members.members()
    for member in everyone:
        members.join(home / member.slug, hub, member, authority_config.key(office.home).public.kid)
    with bars(err) as begin:
        for member in _filled(home, everyone, begin, stop):
            started.start(member.slug, "node", "serve", "--home", str(home / member.slug))
    started.wait_for(lambda: not _say_ended(started) and _online(hub) >= len(started) - 1, stop, HUB)
    if not stop.is_set():
        hospitals = [one.slug for one in everyone if one.protected]
        members.application(home / "application.yaml", office.id, [home / slug for slug in hospitals])
        click.echo(_words(home, hub.url, hospitals))


def _say_ended(started: Processes) -> bool:
    """Says which ones have ended since the last look; whether any did. Without the hub there is nothing left to do."""
    found = started.ended(but=HUB)
    for one in found:
        click.echo(f"{one.detail} {one.hint}. The others go on.", err=True)
    return bool(found)


def _filled(
    home: Path, everyone: list[Member], begin: Callable[[Member], Progress], stop: threading.Event
) -> Iterator[Member]:
    """Fills the nodes, several at once; yields each when it can serve."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:

        def fill(member: Member) -> Member:
            show = begin(member)

            def progress(done: int, total: int, words: str) -> None:
                if stop.is_set():
                    raise KeyboardInterrupt
                show(done, total, words)

            if not stop.is_set():
                member.fill(Store(home / member.slug), progress)
                show(1, 1, "ready")
            return member

        try:
            for done in as_completed([pool.submit(fill, member) for member in everyone]):
                yield done.result()
        except KeyboardInterrupt:
            stop.set()


def _online(hub: HubConfig) -> int:
    with sql.read(sql.engine(hub.database_url)) as connection:
        at = clock.now()
        return sum(one.online(at) for one in registry.participants(connection, registry.State.ACTIVE))


def _words(home: Path, url: str, hospitals: list[str]) -> str:
    """The address, and commands to try in their order."""
    return WORDS.format(
        url=url,
        hub="" if url == DEFAULT_HUB else f"export HANSE_HUB={url}\n  ",
        hanse="hanse" if shutil.which("hanse") else os.path.relpath(sys.argv[0]),
        question=QUESTION,
        home=shlex.quote(str(home)),
        hospitals=", ".join(hospitals),
        hospital=hospitals[0],
        curve=CURVE,
    )


def _quarters(member: Member) -> Progress:
    """The progress of a node where there is no terminal: a line for each quarter of the way."""
    last: tuple[object, ...] = ()

    def show(done: int, total: int, words: str) -> None:
        nonlocal last
        now = (total, done * QUARTERS // total) if total else (words,)
        if now != last:
            last = now
            click.echo(f"{member.name}: {words}" + (f", {done} of {total}" if total > 1 else ""), err=True)

    return show


@contextmanager
def bars(console: Console) -> Iterator[Callable[[Member], Progress]]:
    """A line of progress for each node, which moves on a terminal."""
    if not console.is_terminal:
        yield _quarters
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description:<36}"),
        BarColumn(),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console) as shown:

        def begin(member: Member) -> Progress:
            task = shown.add_task(member.name, total=None, words="")

            def show(done: int, total: int, words: str) -> None:
                shown.update(task, completed=done, total=total or None, words=words)

            return show

        yield begin
