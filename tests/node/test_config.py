"""A node's settings: written once, read strictly."""

from pathlib import Path

import pytest

from hanse.core.errors import BadInput, NotSetUp
from hanse.node import config
from hanse.node.config import NodeConfig


def test_settings_come_back_as_they_were_written(tmp_path: Path) -> None:
    settings = NodeConfig(
        tmp_path, "node_1", 'Sjukhus "Åbo" \\ 1\n', "FI", "https://hub.example.org", "abc", memory_mb=512
    )
    config.write(settings)
    assert config.read(tmp_path) == settings


def test_a_home_without_a_node_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotSetUp, match="There is no node in"):
        config.read(tmp_path)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("hubb = 'https://x'", "there is no setting 'hubb'"),
        ("threads = 'two'", "threads must be int"),
        ("id = ", "Invalid value"),
        ("", "a setting is missing"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / config.FILE).write_text(line)
    with pytest.raises(BadInput, match=words):
        config.read(tmp_path)
