"""What commands write: data on stdout, everything else on stderr, and nothing of a stranger's that moves the cursor."""

import json
import os
from typing import Any

import click
from rich.console import Console
from rich.text import Text

DEFAULT_HUB = "http://127.0.0.1:8080"

hub_option = click.option(
    "--hub",
    "hub_url",
    metavar="URL",
    envvar="HANSE_HUB",
    default=DEFAULT_HUB,
    show_default=True,
    show_envvar=True,
    help="The hub to ask.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def consoles() -> tuple[Console, Console]:
    """Where data go, and where all else goes. Colours only on a terminal, and never with NO_COLOR."""
    return Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)


def line(*parts: str | tuple[str, str]) -> Text:
    """A line of (text, style) pairs; control characters of remote texts are shown as `?`, markup means nothing."""
    return Text.assemble(
        *((clean(one), "") if isinstance(one, str) else (clean(one[0]), one[1]) for one in parts)
    )


def clean(text: str) -> str:
    """A text of a stranger with `?` for what would move the cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def fit(text: str, width: int) -> str:
    """`text` in exactly `width` characters, its end cut with an ellipsis."""
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "…"


def columns(rows: list[list[str]], widths: dict[int, int] | None = None) -> list[str]:
    """Rows of text as lines with aligned columns, none wider than `widths` says."""
    most = [max(map(len, column)) for column in zip(*rows, strict=True)]
    most = [min(width, (widths or {}).get(place, width)) for place, width in enumerate(most)]
    return [
        "  ".join(fit(cell, width) for cell, width in zip(row, most, strict=True)).rstrip() for row in rows
    ]


def print_json(body: Any) -> None:
    """Prints a result as JSON, for programs."""
    click.echo(json.dumps(body, ensure_ascii=False, indent=2))


def hint(console: Console, text: str) -> None:
    """What to do next, for people: nothing when stderr is not a terminal and nobody asked for it."""
    if console.is_terminal or os.environ.get("HANSE_HINTS"):
        console.print(line((text, "dim")))
