"""A `hanse` command that serves, in a process of its own."""

import signal
import subprocess
import sys


class Serving:
    """Runs `hanse` with these words until it is told to end."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "hanse", *words], stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        """`kill -9`: nothing of it gets to finish."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
