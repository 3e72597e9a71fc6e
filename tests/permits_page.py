"""Writes the tables of docs/permits.md from those of the code: `python -m tests.permits_page`."""

import re
from collections.abc import Iterable
from pathlib import Path

from hanse.core import terms
from hanse.core.permit import KINDS, Kind
from hanse.core.rules import ARRIVAL, EVERY, HIDDEN, NO_ORDER, RULES
from hanse.core.scope import OPERATIONS, PURPOSES

PAGE = Path(__file__).parents[1] / "docs" / "permits.md"


def page(text: str) -> str:
    """The page with every table as the code has it."""
    for name, rows in tables().items():
        mark = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        lines = "\n".join("| " + " | ".join(row) + " |" for row in rows)
        text = re.sub(
            mark, lambda found, lines=lines: f"{found[1]}{lines}\n{found[2]}", text, flags=re.DOTALL
        )
    return text


def tables() -> dict[str, list[tuple[str, ...]]]:
    """The rows of each table, its heading first."""
    return {
        "rules": [
            *heading("rule", "status", "under", "what the asker is told", "what would be needed"),
            *rules(),
        ],
        "kinds": [*heading("kind", "what it is"), *((f"`{kind}`", words) for kind, words in KINDS.items())],
        "operations": [
            *heading("operation", "meaning", "single persons", "ODRL action"),
            *(
                (f"`{one}`", said.words, "yes" if said.individual else "", f"`{said.action}`")
                for one, said in OPERATIONS.items()
            ),
        ],
        "purposes": [
            *heading("EHDS Article", "purpose"),
            *((f"{one}", words) for one, words in PURPOSES.items()),
        ],
        "operands": [
            *heading("operand", "stands for", "operators"),
            *(
                (f"`{name}`", about, " ".join(f"`{one}`" for one in terms.OPERATORS[sort]))
                for name, (sort, about) in terms.OPERANDS.items()
            ),
        ],
    }


def heading(*names: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return names, ("---",) * len(names)


def rules() -> Iterable[tuple[str, ...]]:
    """In the order in which they are asked."""
    first = [(one, EVERY) for one in (NO_ORDER, *(one for one, _ in ARRIVAL), HIDDEN)]
    for said, kinds in [*first, *((said, kinds) for said, kinds, _ in RULES)]:
        under = "all" if kinds == EVERY else ", ".join(one for one in Kind if one in kinds)
        yield said.rule, str(said.status), under, said.words, said.needed


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
