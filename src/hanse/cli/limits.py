"""The options that say what is asked of numbers: of who applies, and of an officer who narrows a permit."""

from typing import Any

import click

from hanse.core.scope import MAX_NOISE

# Each option, the member of `scope.Limits` that it sets, and how.
LIMIT_OPTIONS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("--minimum", "minimum", {"type": click.IntRange(1), "help": "Fewest persons that a number stands for."}),
    ("--rounding", "rounding", {"type": click.IntRange(1), "help": "Base of rounding."}),
    ("--budget", "budget", {"type": click.IntRange(0), "help": "Most orders at one node."}),
    (
        "--noise",
        "noise",
        {
            "type": click.IntRange(0, MAX_NOISE),
            "help": "Noise on each count of a node: it is off by at most twice as much.",
        },
    ),
)
LIMIT_NAMES = tuple(name for _, name, _ in LIMIT_OPTIONS)
