"""The files and folders that commands take, and the home in which a participant or a person lives."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

A_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
TO_WRITE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


def home_at(default: str, variable: str, help: str) -> Callable[..., Any]:
    """`--home`, which the environment variable of this name says too."""
    return click.option(
        "--home",
        type=FOLDER,
        envvar=variable,
        default=Path(default),
        show_default=True,
        show_envvar=True,
        help=help,
    )
