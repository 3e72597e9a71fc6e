"""`hanse demo`: a hub and its nodes as separate processes on this machine, with data to ask about.

Everything stays in one folder. What is there already is used again, so that a second start takes seconds.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click

from hanse.cli.output import consoles
from hanse.core import clock
from hanse.core.errors import Conflict, NotSetUp, Unreachable
from hanse.core.policy import Access, Policy
from hanse.core.record import Agent, Description, english
from hanse.hub import config as hub_config
from hanse.hub import registry
from hanse.hub.config import HubConfig
from hanse.hub.tables import MIGRATIONS
from hanse.lib import sql
from hanse.node import config as node_config
from hanse.node import enrol
from hanse.node.store import Store
from hanse.synth.description import describe
from hanse.synth.sites import Site, sites

HOST = "127.0.0.1"
PORT = 8080
SEED = 1
START_S = 300.0  # how long all may take to come up, on a slow machine too; one that ends is noticed at once
STOP_S = 10.0  # how long it may take to end
PYDICOM = "https://github.com/pydicom/pydicom"
QUESTION = "image.modality = 'MR' AND condition.cancer_type = 'breast' AND person.age > 50"

# Nobody can be harmed whose data were made up: so many more questions, and little noise, to play with. The thresholds
# and the rules are those of real data.
PLAYFUL = Policy(distinct_share=20.0, distinct_most=5000, variance=0.0)

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Member:
    """A node of the demo: its folder, what people call it, and how its datasets are made."""

    slug: str
    name: str
    country: str
    fill: Callable[[Store, Progress], None]


def members() -> list[Member]:
    """The synthetic hospitals, and a node with real images of the public that hospitals have shared."""
    hospitals = [
        Member(site.name.rpartition("-")[2], site.title, site.country, _filler(site)) for site in sites()
    ]
    return [Member("idc", "NCI Imaging Data Commons (index)", "US", _fill_idc), *hospitals]


def _fill_idc(store: Store, progress: Progress) -> None:
    from hanse.node.idc import publish_idc

    publish_idc(store, progress)
    _fill_examples(store, progress)


def _fill_examples(store: Store, progress: Progress) -> None:
    """The real images that pydicom's package carries for its own tests."""
    import pydicom

    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    project = Agent("pydicom", page=f"{PYDICOM}/issues", homepage="https://pydicom.github.io")
    description = Description(
        "pydicom-examples",
        english("Example images of pydicom"),
        about=english(
            "Real images of many devices and transfer syntaxes, damaged ones among them, collected by the pydicom "
            "project for its tests."
        ),
        keywords={"en": ("DICOM", "transfer syntax", "test")},
        license=f"{PYDICOM}/blob/main/LICENSE",
        link=PYDICOM,
        holder=project,
        contact=project,
        categories=("EMRD",),
        provenance=english("The test files of the pydicom package, as they were installed with it."),
    )
    _publish(store, folder, description, Policy(Access.OPEN), progress)


def _filler(site: Site) -> Callable[[Store, Progress], None]:
    def fill(store: Store, progress: Progress) -> None:
        from hanse.synth.generate import generate

        folder = store.home / "source"
        done = folder / "README.txt"  # written last
        if not done.exists():
            _empty(folder)
            generate(
                folder, site, seed=SEED, progress=lambda made, total: progress(made, total, "patients made")
            )
        description = describe(site, "cancer-images")
        _publish(store, folder, description, PLAYFUL, progress)

    return fill


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _publish(
    store: Store, folder: Path, description: Description, policy: Policy, progress: Progress
) -> None:
    from hanse.node.prepare import prepare
    from hanse.node.prepared import publish_prepared

    prepare(store, folder, description.name, processes=1, progress=progress)
    publish_prepared(store, description.name, description, policy)


@click.command()
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default="demo",
    show_default=True,
    help="The folder that holds everything; remove it to start anew.",
)
@click.option(
    "--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="The hub's port."
)
def demo(home: Path, port: int) -> None:
    """Run a hub and four nodes on this machine: a public archive and three synthetic hospitals. Ctrl-C ends it."""
    home = home.absolute()
    out, err = consoles()
    url = f"http://{HOST}:{port}"
    _check_port(port)
    with _processes(home / "logs") as processes, _interrupted() as stop:
        settings = HubConfig(home / "hub", url=url, host=HOST, port=port)
        hub_config.init(settings)
        processes.start("hub", "hub", "serve", "--home", str(settings.home))
        _wait_for(lambda: _answers(port), processes, stop)
        with _bars(err) as bars:
            for member in _ready(home, settings, bars, stop):
                processes.start(member.slug, "node", "serve", "--home", str(home / member.slug))
        wanted = len(members())
        _wait_for(lambda: _online(settings) == wanted or stop.is_set(), processes, stop)
        if not stop.is_set():
            hanse = "hanse" if shutil.which("hanse") else os.path.relpath(sys.argv[0])
            out.print(f"\nThe federation runs: [bold]{url}[/bold]\n", markup=True)
            err.print(
                f'Ask it, in another terminal:\n  {hanse} search --hub {url} "{QUESTION}"', markup=False
            )
            err.print("Ctrl-C stops everything.", markup=False)
        while not stop.wait(1.0):
            processes.check()
        err.print("Stopping ...")
    err.print("Everything has stopped. The next `hanse demo` continues from here.", markup=False)


def _ready(
    home: Path, hub: HubConfig, bars: Callable[[Member], Progress], stop: threading.Event
) -> Iterator[Member]:
    """Enrols, approves and fills the nodes, several at once; yields each when it can serve."""
    everyone = members()
    for member in everyone:
        _join(home / member.slug, hub, member)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:

        def fill(member: Member) -> Member:
            show = bars(member)

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


def _join(home: Path, hub: HubConfig, member: Member) -> None:
    """Makes the node a member of the hub as two operators would, on this machine in one go."""
    try:
        known = node_config.read(home)
    except NotSetUp:
        engine = sql.engine(hub.database_url)
        sql.migrate(engine, MIGRATIONS)
        with sql.begin(engine) as connection:
            token = registry.invite(connection, hub.key().public.kid, "demo", clock.now())
        enrolled = enrol.enrol(home, hub.url, token.text(), member.name, member.country)
        with sql.begin(engine) as connection:
            if registry.find(connection, enrolled.config.id).key.fingerprint == enrolled.fingerprint:
                registry.decide(connection, "approve", enrolled.config.id, clock.now())
        return
    node_config.write(replace(known, hub=hub.url))


class Processes:
    """The processes of the demo, each with a log file. Ctrl-C reaches this process only; it ends the others."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str) -> None:
        self._logs.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", "hanse", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def check(self) -> None:
        """Raises `Unreachable` when one of them has ended by itself."""
        for name, process in self._running.items():
            if process.poll() is not None:
                log = self._logs / f"{name}.log"
                raise Unreachable(
                    f"The process of {name} has ended with status {process.returncode}.", hint=f"See {log}"
                )

    def stop(self) -> None:
        for process in self._running.values():
            if process.poll() is None:
                process.terminate()
        end = time.monotonic() + STOP_S
        for process in self._running.values():
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def _processes(logs: Path) -> Iterator[Processes]:
    processes = Processes(logs)
    try:
        yield processes
    finally:
        processes.stop()


@contextmanager
def _interrupted() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set, so that everything started is also stopped."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _bars(console: object) -> Iterator[Callable[[Member], Progress]]:
    """A line of progress for each node."""
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description:<36}"),
        BarColumn(),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console) as bars:  # type: ignore[arg-type]

        def begin(member: Member) -> Progress:
            task = bars.add_task(member.name, total=None, words="")

            def show(done: int, total: int, words: str) -> None:
                bars.update(task, completed=done, total=total or None, words=words)

            return show

        yield begin


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise Conflict(
                f"Port {port} is in use on this machine.",
                hint="Is the demo running already? Otherwise: --port N",
            ) from error


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _online(settings: HubConfig) -> int:
    with sql.read(sql.engine(settings.database_url)) as connection:
        at = clock.now()
        return sum(node.online(at) for node in registry.nodes(connection, registry.State.ACTIVE))


def _wait_for(condition: Callable[[], bool], processes: Processes, stop: threading.Event) -> None:
    end = time.monotonic() + START_S
    while not condition() and not stop.is_set():
        processes.check()
        if time.monotonic() > end:
            raise Unreachable(
                f"The demo did not come up within {START_S:.0f} s.", hint="See the files in its logs folder."
            )
        time.sleep(0.1)
