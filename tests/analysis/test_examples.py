"""The examples of `docs/analyses.md` run, and give what the page says."""

import json
import re
from pathlib import Path

import pytest
from tests.analysis.examples import PARAMETERS

from hanse.analysis import METHODS
from hanse.core.release import Why

PAGE = (Path(__file__).parents[2] / "docs" / "analyses.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_an_example_that_the_tests_use(name: str) -> None:
    section = re.search(rf"^## {name}\n(.*?)(?=^## )", PAGE, re.DOTALL | re.MULTILINE)
    assert section
    (example,) = re.findall(r"^```json\n(.*?)^```", section[1], re.DOTALL | re.MULTILINE)
    assert json.loads(example) == PARAMETERS[name]
    assert f"| `{name}` |" in PAGE


def test_every_rule_is_explained() -> None:
    assert [one for one in Why if f"`{one}`" not in PAGE] == []


def test_the_python_example_prints_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    (example,), (said,) = blocks("python"), blocks("text")
    exec(compile(example, "analyses.md", "exec"), {})
    assert capsys.readouterr().out.split() == said.split()
