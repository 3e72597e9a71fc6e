"""`docs/problems.md` from the classes of problems: `python -m tests.problems_page` writes it, a test compares it."""

import pkgutil
from importlib import import_module
from pathlib import Path

import hanse
from hanse.core.errors import Problem, kinds

PAGE = Path(__file__).parents[1] / "docs" / "problems.md"
HEAD = """# Problems

Every way in which Hanse says no. Over HTTP a problem is `application/problem+json`
([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) with `type` (`/problems/` and the name below), `title`, `status`,
`detail` (what was wrong, and where) and `hint` (what to do). The command line prints title, detail and hint on stderr
and ends with the exit code. Anything else is a bug: it is logged, and answered with an id.

"""


def page() -> str:
    """A table row for every class of problems that the package defines, wherever it does."""
    for module in pkgutil.walk_packages(hanse.__path__, "hanse."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    rows = ["| name | title | status | exit code | when |", "| --- | --- | --- | --- | --- |"]
    rows += [
        _row(name, kind) for name, kind in sorted(kinds().items()) if kind.__module__.startswith("hanse.")
    ]
    return HEAD + "\n".join(rows) + "\n"


def _row(name: str, kind: type[Problem]) -> str:
    about = (
        "Any other problem." if kind is Problem else " ".join((kind.__dict__.get("__doc__") or "").split())
    )
    return f"| `{name}` | {kind.title} | {kind.status} | {kind.exit_code} | {about} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
