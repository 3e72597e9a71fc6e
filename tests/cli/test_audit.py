"""`hanse audit`: what an auditor can tell, from the examples of the guide to logs that somebody edited."""

import json
import os
import re
import shlex
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hanse.cli.audit import audit
from hanse.core.errors import BadEnvelope, Conflict, Damaged, NotFound, NotSetUp, Problem
from hanse.hub.config import HubConfig, init
from hanse.lib import log, sql
from hanse.node.store import Store

GUIDE = Path(__file__).parents[2] / "docs" / "audit.md"


def use(home: Path, *who: str) -> None:
    with sql.begin(Store(home).records) as connection:
        for one in who:
            log.append(connection, "use", {"who": one, "operation": "count", "opened": ["dataset_a@1"]})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A node's home with three uses in its log, in the current folder."""
    monkeypatch.chdir(tmp_path)
    use(Path("node"), "ada", "grace", "lise")
    return tmp_path / "node"


def run(*words: str) -> Result:
    result = CliRunner().invoke(audit, words)
    if isinstance(result.exception, Problem):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def keep(name: str, *words: str) -> str:
    Path(name).write_bytes(run(*words).stdout_bytes)
    return name


def damage(home: Path, statement: str) -> None:
    with sqlite3.connect(home / "node.db") as connection:
        connection.execute(statement)


def example(line: str) -> None:
    """Runs one line of the guide as a shell would: arguments, `$(cat FILE)` and `> FILE`."""
    line = re.sub(r"\$\(cat (\S+)\)", lambda found: Path(found[1]).read_text().strip(), line)
    words = shlex.split(line)
    assert words[:2] == ["hanse", "audit"]
    if ">" in words:
        keep(words[-1], *words[2:-2])
    else:
        run(*words[2:])


def test_the_examples_of_the_guide_run_in_their_order(home: Path) -> None:
    blocks = re.findall(r"^```(sh|python)\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 7
    for language, block in blocks:
        if "friday" in block:
            use(home, "emmy")
            keep("friday.checkpoint", "head")
        if language == "python":
            exec(compile(block, "audit.md", "exec"), {})
        for line in block.splitlines() if language == "sh" else ():
            example(line)


def test_a_log_is_verified_and_its_head_is_signed(home: Path) -> None:
    assert "Next: hanse audit head" in run("verify").stderr
    note = run("head").stdout
    assert note == (home / "checkpoint").read_text()
    body = json.loads(run("verify", "--json").stdout)
    assert (body["entries"], body["heads"][0]["entries"]) == (3, 3)
    assert body["heads"][0]["signed"] == note.splitlines()[0]


def test_a_changed_entry_and_a_restored_copy_are_found(home: Path) -> None:
    copy = {path: path.read_bytes() for path in home.glob("node.db*")}
    use(home, "emmy")
    keep("head", "head")
    damage(home, "UPDATE log SET kind = 'none' WHERE number = 2")
    with pytest.raises(Damaged, match="at entry 2"):
        run("verify")
    for path in home.glob("node.db*"):
        path.unlink()
    for path, content in copy.items():
        path.write_bytes(content)
    for words in (("verify",), ("verify", "--head", "head")):
        with pytest.raises(Conflict, match="entry 4 is the first that is missing"):
            run(*words)
    with pytest.raises(Conflict, match="was rolled back"):
        run("head")


def test_a_database_that_is_none_any_more_is_damage(home: Path) -> None:
    for path in home.glob("node.db*"):
        path.unlink()
    (home / "node.db").write_bytes(b"x" * 8192)
    with pytest.raises(Damaged, match="cannot be read"):
        run("verify")


@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_a_file_that_was_cut_short_is_damage(home: Path, kept: float) -> None:
    damage(home, "PRAGMA wal_checkpoint(TRUNCATE)")
    size = (home / "node.db").stat().st_size
    os.truncate(home / "node.db", int(size * kept) // 4096 * 4096)
    with pytest.raises(Damaged):
        run("verify")


def test_an_extract_is_checked_without_the_database(home: Path) -> None:
    keep("all", "export")
    key = run("key").stdout.strip()
    assert json.loads(run("verify", "all", "--key", key, "--json").stdout)["what"] == "extract"
    assert b"grace" not in Path("all").read_bytes()
    assert b"grace" in run("export", "--persons").stdout_bytes
    Path("all").write_bytes(Path("all").read_bytes().replace(b'"number":2', b'"number":3'))
    with pytest.raises(Damaged, match="entry 2"):
        run("verify", "all", "--key", key)


def test_an_entry_that_is_not_in_the_log_has_no_proof(home: Path) -> None:
    with pytest.raises(NotFound, match="no entry 9999") as caught:
        run("proof", "9999")
    assert "by its number" in caught.value.hint


def test_a_signature_of_somebody_else_is_refused(home: Path, tmp_path: Path) -> None:
    use(tmp_path / "other", "eve")
    other = run("key", "--home", "other").stdout.strip()
    for name, words in (("all", ["export"]), ("proof", ["proof", "2"])):
        with pytest.raises(BadEnvelope, match="is not signed by"):
            run("verify", keep(name, *words), "--key", other)
    assert "was not checked" in run("verify", "all").stdout


def test_heads_of_two_places_are_compared(home: Path) -> None:
    first = keep("first", "head")
    use(home, "emmy")
    second = keep("second", "head")
    assert "same 3 entries" in run("compare", first, first).stdout
    said = json.loads(run("compare", first, second, "--home", "node", "--json").stdout)
    assert said["relation"] == "continues"
    forked = Path(first).read_text().splitlines()
    forked[2] = "A" * 43 + "="
    Path("forked").write_text("\n".join(forked) + "\n")
    with pytest.raises(Conflict, match="contradict each other"):
        run("compare", first, "forked")


def test_a_redacted_person_is_in_no_file_of_the_home(home: Path) -> None:
    damage(home, "PRAGMA wal_checkpoint(TRUNCATE)")
    assert any(b"grace" in path.read_bytes() for path in home.glob("node.db*"))
    run("redact", "2", "--reason", "erasure")
    assert not any(b"grace" in path.read_bytes() for path in home.glob("node.db*"))
    assert json.loads(run("verify", "--json").stdout)["entries"] == 4


def test_the_log_of_a_hub_is_audited_too(tmp_path: Path) -> None:
    init(HubConfig(tmp_path / "hub"))
    assert "0 entries" in run("verify", "--home", str(tmp_path / "hub")).stdout
    with pytest.raises(NotSetUp, match="no node, authority or hub"):
        run("verify", "--home", str(tmp_path))
