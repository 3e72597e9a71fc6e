"""A node whose records are an older copy does not know what its holder decided since: it refuses until it is told."""

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests import backups
from tests.federation import until
from tests.node.permitted import STRANGER, Node, allow, make, order, ordered, permit_for, publish

from hanse.cli.node import node as command
from hanse.core import bodies, clock, envelope
from hanse.core.envelope import Kind
from hanse.core.errors import Problem
from hanse.core.permit import Permit
from hanse.core.policy import Access, Policy
from hanse.lib import log, sql
from hanse.node import agent, config


def restored(home: Path) -> tuple[Node, Permit]:
    """A node whose holder approved a permit, made a backup, and stopped the permit afterwards; then `node.db` was lost
    and taken from the backup."""
    node = make(home)
    config.write(node.config)
    publish(node.store, "asked", 200, 500, Policy(Access.PROTECTED))
    said = allow(node, permit_for(node))
    backup = backups.copy(home / "node.db")
    node.permits.forbid(said.id, "A data manager", "the project changed")
    node.store.records.dispose()
    backups.restore(home / "node.db", backup)
    return node.restarted(), said


def refused(node: Node, token: str) -> Problem:
    with pytest.raises(Problem) as caught:
        node.gate.use(token)
    return caught.value


def resume(node: Node) -> str:
    words = ["resume", "--reason", "The disk failed.", "--officer", "A data manager"]
    done = CliRunner().invoke(command, [*words, "--home", str(node.home)])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_restored_node_refuses_every_order_until_its_holder_resumes_it(tmp_path: Path) -> None:
    node, said = restored(tmp_path / "node")
    problem = refused(node, ordered(order(node, said)))
    assert problem.more["rule"] == "restored"
    assert "older copy" in problem.detail
    assert "made its decisions again" in problem.hint
    node = node.restarted()  # it does not forget by that
    assert refused(node, ordered(order(node, said))).more["rule"] == "restored"
    assert "Resumed by A data manager" in resume(node)
    assert node.gate.use(ordered(order(node, said)))  # in the process that runs
    with sql.read(node.store.records) as connection:
        (entry,) = log.latest(connection, ("resume",), 10)
    assert (entry.body["who"], entry.body["reason"]) == ({"officer": "A data manager"}, "The disk failed.")


def test_the_owner_is_told_aloud_when_it_starts_and_by_the_command_that_shows_how_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "LOOK_EVERY_S", 0.05)
    node, _ = restored(tmp_path / "node")
    shown = CliRunner().invoke(command, ["status", "--home", str(node.home)])
    assert agent.RESTORED in shown.stderr
    stop = threading.Event()
    settings = replace(node.config, hub="http://127.0.0.1:1")
    config.write(settings)
    serving = threading.Thread(target=agent.run, args=(settings, stop), daemon=True)
    serving.start()
    until(lambda: agent.RESTORED in caplog.text)
    threading.Event().wait(1)  # it looks many times
    stop.set()
    serving.join(30)
    assert caplog.text.count(agent.RESTORED) == 1
    resume(node)
    assert "OLDER COPY" not in CliRunner().invoke(command, ["status", "--home", str(node.home)]).stderr


def test_what_is_decided_again_before_counts_from_the_first_order_on(tmp_path: Path) -> None:
    node, said = restored(tmp_path / "node")
    node.permits.forbid(said.id, "A data manager", "the project changed")
    resume(node)
    assert refused(node, ordered(order(node, said))).more["rule"] == "veto"


def test_a_stranger_is_not_told_that_a_node_was_restored(tmp_path: Path) -> None:
    node, said = restored(tmp_path / "node")
    told = refused(node, ordered(order(node, said), STRANGER)).as_dict()
    resume(node)
    assert refused(node, ordered(order(node, said), STRANGER)).as_dict() == told
    assert told["rule"] == "permit"


def test_an_order_that_is_at_work_gives_nothing_once_it_shows_that_the_records_are_old(
    tmp_path: Path,
) -> None:
    node = make(tmp_path / "node")
    said = allow(node, permit_for(node))
    token = ordered(order(node, said))
    admitted = node.uses.admit(token, "", node.store.live())
    backups.leave_head(node.home)
    with pytest.raises(Problem) as caught:
        node.uses.answer(admitted, {"persons": 200})
    assert caught.value.more["rule"] == "restored"


def test_nothing_protected_is_answered_from_restored_records(tmp_path: Path) -> None:
    node, _ = restored(tmp_path / "node")
    asked = bodies.Question("search_1", "person.sex = 'female'", (), 10.0, "anybody").as_dict()
    life = timedelta(seconds=10)
    message = envelope.new(Kind.QUESTION, "hub_1", node.config.id, asked, at=clock.now(), life=life)

    def answer() -> tuple[Kind, object]:
        reply = agent.answer(node.config, node.gate, message, node.uses.restored)
        return reply.kind, reply.body.get("rule")

    assert answer() == (Kind.PROBLEM, "restored")
    resume(node)
    assert answer() == (Kind.ANSWER, None)
