"""The processes that one command starts and ends together, each with a file for what it says."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hanse.core.errors import Conflict, Unreachable

HOST = "127.0.0.1"
START_S = 300.0  # how long all may take to come up, on a slow machine too; one that ends is noticed at once
STOP_S = 10.0  # how long it may take to end


class Processes:
    """Running `hanse` commands. Ctrl-C reaches the process that started them only; it ends the others."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str) -> None:
        """Starts `hanse` with a command as a process of this name, which writes into a log of its own."""
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
        """The process of this name, as the system knows it."""
        return self._running[name].pid

    def __len__(self) -> int:
        """How many run, as far as anybody looked."""
        return len(self._running)

    def check(self, *names: str) -> None:
        """Raises `Unreachable` when one of these (of all, when none is named) has ended by itself."""
        for name in names or self._running:
            if self._running[name].poll() is not None:
                raise self._problem(name, self._running[name])

    def ended(self, but: str) -> list[Unreachable]:
        """Lets go of those that have ended by themselves, but for the one that all others need; what to say of each."""
        gone = {name: one for name, one in self._running.items() if name != but and one.poll() is not None}
        for name in gone:
            del self._running[name]
        return [self._problem(name, one) for name, one in gone.items()]

    def _problem(self, name: str, process: subprocess.Popen[bytes]) -> Unreachable:
        return Unreachable(
            f"The process of {name} has ended with status {process.returncode}.",
            hint=f"See {self._logs / name}.log",
        )

    def wait_for(self, condition: Callable[[], bool], stop: threading.Event, *names: str) -> None:
        """Until the condition holds or `stop` is set; raises `Unreachable` after `START_S`, and as `check` does."""
        end = time.monotonic() + START_S
        while not condition() and not stop.is_set():
            self.check(*names)
            if time.monotonic() > end:
                raise Unreachable(f"Not all came up within {START_S:.0f} s.", hint=f"See {self._logs}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Ends all of them, and waits until they have ended."""
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
def processes(logs: Path) -> Iterator[Processes]:
    """Processes that end with the block, however it ends."""
    started = Processes(logs)
    try:
        yield started
    finally:
        started.stop()


@contextmanager
def interrupted() -> Iterator[threading.Event]:
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


def check_free(port: int) -> None:
    """Raises `Conflict` when somebody listens on this port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise Conflict(
                f"Port {port} is in use on this machine.",
                hint="Is the demo running already? Otherwise: --port N",
            ) from error


def listens(port: int) -> bool:
    """Whether somebody listens on this port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
