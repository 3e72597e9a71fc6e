"""The runs that were ordered on one machine, each in a file with what opens its sealed answers: as secret as these."""

from dataclasses import replace
from pathlib import Path

from hanse.client.run import Analysis, Started
from hanse.core.errors import NotFound
from hanse.lib import files


class Kept:
    """The runs in the folder of one person."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "runs"

    def keep(self, started: Started) -> None:
        """Keeps a run, so that its result can be read after this process has ended."""
        files.make_folder(self._folder)
        files.write(self._folder / started.run, started.to_json().encode(), mode=0o600)

    def done(self, started: Started, found: Analysis) -> None:
        """Notes beside a run how many of its orders came to the result."""
        answered = sum(one.result is not None for one in found.parts)
        self.keep(replace(started, answered=answered))

    def find(self, run: str) -> Started:
        """The run with this id; `NotFound` when it was not ordered on this machine."""
        path = self._folder / Path(run).name
        if not path.is_file():
            raise NotFound(
                "This run was not ordered on this machine.", hint="`hanse runs list` lists those that were."
            )
        return Started.from_json(path.read_text(encoding="utf-8", errors="replace"))

    def all(self) -> list[Started]:
        """Every run, the oldest first: their ids begin with the time."""
        names = sorted(path.name for path in self._folder.iterdir()) if self._folder.is_dir() else []
        return [self.find(name) for name in names if not name.startswith(".")]
