"""An authority's pages: from an application to a permit that a passkey agreed to, and what must not pass."""

import html
import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import asdict, replace
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from tests import backups
from tests.authority.office import APPLICANT, COLLEAGUE, OPT_OUT, SPARE, THEIRS, WORKING, application, signed
from tests.core.permits import hash_of
from tests.desk.authenticator import Authenticator, text
from tests.desk.conftest import OFFICER, Sitting, challenge, hidden

from hanse.authority import permits
from hanse.authority.permits import Given
from hanse.authority.tables import OUTGOING
from hanse.cli.authority import authority as command
from hanse.core import permit as documents
from hanse.core import permit_words
from hanse.core import refusal as refusals
from hanse.core.application import Application
from hanse.core.errors import Damaged
from hanse.desk.sheet import PER_SHEET
from hanse.lib import accounts, assertions, jws, log, sql


@pytest.fixture
def asked(officer: Sitting) -> Application:
    """What two persons ask."""
    said = application(officer.office.settings.id)
    officer.office.take(signed(said))
    return said


def at(said: Application, page: str = "") -> str:
    return f"/en/applications/{hash_of(said)}{page}"


def compare(officer: Sitting, said: Application, person: int, heard: str) -> object:
    page = officer.get(at(said))
    fields = hidden(page, at(said)) | {"person": str(person), "fingerprint": heard}
    return officer.post(at(said), **fields)


def check_all(officer: Sitting, said: Application) -> None:
    for person, key in ((1, WORKING), (1, SPARE), (2, THEIRS)):
        assert compare(officer, said, person, jws.fingerprint(key.public.kid)).status_code == 303


def narrowed(said: Application, **changes: object) -> str:
    """The address of a draft; for what is not said, what was asked for."""
    scope = said.scope
    fields: dict[str, object] = {
        "narrow": 1,
        "dataset": range(len(scope.datasets)),
        "person": range(len(scope.persons)),
        "operation": list(scope.operations),
        "begins": f"{scope.begins:%Y-%m-%d}",
        "ends": f"{scope.ends:%Y-%m-%d}",
        **asdict(scope.limits),
        "exception": "",
        **{f"opt_out_{n}": OPT_OUT[one.dataset] for n, one in enumerate(scope.datasets)},
        **({"sealed": 1} if scope.sealed else {}),
    }
    pairs = []
    for name, value in (fields | changes).items():
        values = value if isinstance(value, (list, range, tuple)) else [value]
        pairs += [f"{name}={quote(str(one))}" for one in values]
    return at(said, "/draft?") + "&".join(pairs)


def bodies(officer: Sitting, *kinds: str) -> list[dict[str, object]]:
    with sql.read(officer.office.records) as connection:
        return [dict(one.body) for one in log.entries(connection) if one.kind in kinds]


def sent(officer: Sitting) -> list[str]:
    with sql.read(officer.office.records) as connection:
        return list(connection.scalars(sa.select(OUTGOING.c.token)))


def agreed(officer: Sitting) -> list[assertions.Agreed]:
    with sql.read(officer.office.records) as connection:
        return list(assertions.verify(connection))


def test_nothing_was_asked_yet(officer: Sitting) -> None:
    assert "Nothing was asked yet" in officer.get("/en/")
    assert "Nothing was permitted yet" in officer.get("/en/permits")


def test_a_restored_authority_says_so_where_its_officers_decide(officer: Sitting, asked: Application) -> None:
    words = "The records are an older copy"
    assert words not in officer.get("/en/applications")
    backups.leave_head(officer.office.settings.home)
    assert words in officer.get("/en/applications")


def test_from_an_application_to_a_permit_and_its_revocation(officer: Sitting, asked: Application) -> None:
    assert asked.project in officer.get("/en/")
    check_all(officer, asked)
    page = officer.get(narrowed(asked, minimum=50))
    assert officer.decide(page, at(asked, "/draft")).status_code == 303

    (token,) = [one for one in sent(officer) if jws.claimed_type(one) == documents.TYP]
    given = jws.read(token, officer.office.key.public, documents.TYP, documents.decode)
    assert given.document.scope.limits.minimum == 50
    (one,) = agreed(officer)
    assert (one.document, one.entry.body["who"]) == (given.hash, {"officer": OFFICER})

    place = f"/en/permits/{given.document.id}"
    assert "in force" in officer.get("/en/permits")
    page = officer.get(f"{place}?reason=A+breach.")
    assert officer.decide(page, place).status_code == 303
    assert "revoked" in officer.get(place)
    assert place in officer.get(at(asked))
    assert [one.typ for one in agreed(officer)] == [documents.TYP, "hanse-revocation+jws"]
    assert "agreed" in officer.get("/en/log")


def test_long_lists_come_a_sheet_at_a_time(officer: Sitting) -> None:
    names = [f"Project {n:03d}" for n in range(PER_SHEET + 5)]
    for name in names:
        officer.office.take(signed(application(officer.office.settings.id, project=name)))
    first, second = (officer.get(f"/en/applications?waiting={n}") for n in (1, 2))
    assert [name for name in names if name in first] == names[:PER_SHEET]
    assert [name for name in names if name in second] == names[PER_SHEET:]
    assert "?waiting=2#waiting" in first
    for beyond in ("3", "0", "-1", "none", "9" * 400):
        officer.get(f"/en/applications?waiting={beyond}")
    newest = officer.get("/en/log")
    assert newest.count("application arrived") == PER_SHEET
    assert 0 < officer.get("/en/log?page=2").count("application arrived") < PER_SHEET


def test_a_refusal_is_signed_with_its_reason(officer: Sitting, asked: Application) -> None:
    page = officer.get(at(asked, "/refusal?reason=The+purpose+is+not+named."))
    assert officer.decide(page, at(asked, "/refusal")).status_code == 303
    (token,) = sent(officer)
    said = jws.read(token, officer.office.key.public, refusals.TYP, refusals.decode)
    assert (said.document.reason, said.document.officer) == ("The purpose is not named.", OFFICER)
    assert [one.document for one in agreed(officer)] == [said.hash]
    assert '<q dir="auto">The purpose is not named.</q>' in officer.get(at(asked))


def test_what_differs_from_what_was_asked_is_marked(officer: Sitting, asked: Application) -> None:
    check_all(officer, asked)
    same, other = officer.get(narrowed(asked)), officer.get(narrowed(asked, minimum=777))
    assert "<ins>stand for 777 persons at least</ins>" in other
    assert "persons at least</del>" in other
    assert "persons at least</ins>" not in same


def test_every_line_that_is_signed_is_shown(officer: Sitting, asked: Application) -> None:
    check_all(officer, asked)
    page = officer.get(narrowed(asked))
    payload = urlsafe_b64decode(form(officer, page, asked)["payload"])
    said = permit_words.say(payload, documents.TYP)
    shown = html.unescape(page)
    for line in (said.title, said.hash, *(line for one in said.sections for line in (one.title, *one.lines))):
        assert line in shown, line


def test_less_is_given_when_boxes_are_unticked(officer: Sitting, asked: Application) -> None:
    check_all(officer, asked)
    page = officer.get(narrowed(asked, person=[0], dataset=[1], operation=["count"], opt_out_0="", sealed=1))
    assert officer.decide(page, at(asked, "/draft")).status_code == 303
    scope = given(officer).permit.scope
    assert [one.name for one in scope.persons] == [APPLICANT]
    assert (len(scope.datasets), list(scope.operations), scope.sealed) == (1, ["count"], True)


def test_a_permit_gives_more_only_where_the_officer_says_so(officer: Sitting, asked: Application) -> None:
    check_all(officer, asked)
    page = officer.get(narrowed(asked, minimum=1))
    assert "more than was asked for" in page
    assert "Sign with passkey" not in page
    assert "Sign with passkey" not in officer.get(narrowed(asked, minimum=1, budget=10_000, more="minimum"))
    page = officer.get(narrowed(asked, minimum=1, more="minimum"))
    fields = hidden(page, at(asked, "/draft"))
    answer = officer.passkey.get(challenge(page))
    assert officer.post(at(asked, "/draft"), **fields | {"more": "", "answer": answer}).status_code == 403
    assert officer.decide(page, at(asked, "/draft")).status_code == 303


def given(officer: Sitting) -> Given:
    """The only permit, in its newest version."""
    with sql.read(officer.office.records) as connection:
        (one,) = permits.all_of(connection, officer.office.key)
    return one


def test_a_permit_is_changed_by_its_next_version(officer: Sitting, asked: Application) -> None:
    check_all(officer, asked)
    officer.decide(officer.get(narrowed(asked)), at(asked, "/draft"))
    first = given(officer)
    place = f"/en/permits/{first.permit.id}/draft"
    assert "Sign with passkey" not in officer.get(place)
    change = narrowed(asked).partition("?")[2]
    same = officer.get(f"{place}?{change}")
    assert "Nothing differs" in same
    assert "Sign with passkey" not in same
    change = narrowed(asked, minimum=99, person=[0]).partition("?")[2]
    page = officer.get(f"{place}?{change}")
    assert "<ins>stand for 99 persons at least</ins>" in page
    assert officer.decide(page, place).status_code == 303
    second = given(officer)
    assert (second.permit.version, second.permit.amends) == (2, first.hash)
    assert second.permit.scope.limits.minimum == 99
    assert [one.name for one in second.permit.scope.persons] == [APPLICANT]
    assert [one.entry.kind for one in agreed(officer)] == ["permit", "amend"]
    assert officer.decide(page, place).status_code == 409


@pytest.mark.parametrize("change", [{"minimum": "x"}, {"begins": "soon"}, {"person": []}, {"operation": []}])
def test_a_form_that_cannot_be_used_says_why(officer: Sitting, asked: Application, change: dict) -> None:
    check_all(officer, asked)
    answer = officer.client.get(narrowed(asked, **change))
    assert answer.status_code >= 400
    assert 'role="alert"' in answer.text


def test_a_form_says_what_is_missing_once_it_was_sent(officer: Sitting, asked: Application) -> None:
    check_all(officer, asked)
    assert "Say first how persons who opted out are treated" in officer.get(at(asked, "/draft"))
    answer = officer.client.get(narrowed(asked, opt_out_0=""))
    assert answer.status_code == 400
    assert "opt-out commitment for each" in answer.text


def test_a_key_that_nobody_checked_gets_no_permit(officer: Sitting, asked: Application) -> None:
    assert compare(officer, asked, 1, jws.fingerprint(WORKING.public.kid)).status_code == 303
    answer = officer.client.get(narrowed(asked))
    assert answer.status_code == 403
    assert "not checked" in answer.text
    assert "Sign with passkey" not in answer.text


def test_another_fingerprint_is_refused_and_stands_in_the_log(officer: Sitting, asked: Application) -> None:
    answer = compare(officer, asked, 1, "0000 0000 0000 0000 0000 0000 0000 0000")
    assert answer.status_code == 403
    assert [one["how"] for one in bodies(officer, "check")] == ["call differs"]
    assert "another fingerprint was read out" in officer.get("/en/log")


@pytest.fixture
def page(officer: Sitting, asked: Application) -> Iterator[str]:
    """A draft that could be signed; whatever a test does with it, nothing may be decided."""
    check_all(officer, asked)
    yield officer.get(narrowed(asked))
    assert bodies(officer, "permit", "refuse") == []
    assert sent(officer) == []


def form(officer: Sitting, page: str, said: Application) -> dict[str, str]:
    return hidden(page, at(said, "/draft"))


def test_an_assertion_for_other_bytes_is_refused(officer: Sitting, asked: Application, page: str) -> None:
    other = officer.get(narrowed(asked, minimum=50))
    fields = form(officer, page, asked) | {"answer": officer.passkey.get(challenge(other))}
    assert officer.post(at(asked, "/draft"), **fields).status_code == 403


def test_an_assertion_to_sign_in_decides_nothing(officer: Sitting, asked: Application, page: str) -> None:
    answer = officer.passkey.get(challenge(officer.get("/en/enter")))
    fields = form(officer, page, asked) | {"answer": answer}
    assert officer.post(at(asked, "/draft"), **fields).status_code == 403


def test_a_decision_without_a_passkey_is_none(officer: Sitting, asked: Application, page: str) -> None:
    for answer in ("", "{}"):
        fields = form(officer, page, asked) | {"answer": answer}
        assert officer.post(at(asked, "/draft"), **fields).status_code == 401


def test_another_officers_passkey_decides_nothing_here(
    officer: Sitting, asked: Application, page: str
) -> None:
    own = officer.passkey
    officer.passkey = Authenticator()
    officer.enrol("Third Officer")
    fields = form(officer, page, asked) | {"answer": officer.passkey.get(challenge(page))}
    assert officer.post(at(asked, "/draft"), **fields).status_code == 403
    officer.passkey = own


def test_a_page_elsewhere_on_this_machine_gets_no_decision(
    officer: Sitting, asked: Application, page: str
) -> None:
    officer.passkey.origin = "http://localhost:9999"
    assert officer.decide(page, at(asked, "/draft")).status_code == 403


def test_an_officer_decides_nothing_about_their_own_application(officer: Sitting) -> None:
    mine = application(officer.office.settings.id)
    persons = (replace(mine.scope.persons[0], name=OFFICER), *mine.scope.persons[1:])
    mine = replace(mine, scope=replace(mine.scope, persons=persons))
    officer.office.take(signed(mine))
    page = officer.get(at(mine))
    assert "You are one of those who ask" in page
    assert "Draft a permit" not in page
    fields = hidden(page, "/en/leave") | {"person": "1", "fingerprint": jws.fingerprint(WORKING.public.kid)}
    assert officer.post(at(mine), **fields).status_code == 403
    assert officer.client.get(at(mine, "/refusal?reason=No.")).status_code == 403


def test_a_decision_that_is_sent_again_is_refused(officer: Sitting, asked: Application) -> None:
    check_all(officer, asked)
    page = officer.get(narrowed(asked))
    fields = form(officer, page, asked) | {"answer": officer.passkey.get(challenge(page))}
    first = officer.post(at(asked, "/draft"), **fields)
    again = officer.post(at(asked, "/draft"), **fields)
    assert (first.status_code, again.status_code) == (303, 409)
    assert len(bodies(officer, "permit")) == 1


def test_bytes_that_no_page_made_are_not_signed(officer: Sitting, asked: Application, page: str) -> None:
    for payload in ("", "e30=", "not base64 at all"):
        fields = form(officer, page, asked) | {
            "payload": payload,
            "answer": officer.passkey.get(challenge(page)),
        }
        assert officer.post(at(asked, "/draft"), **fields).status_code in (401, 403)


def test_what_an_application_says_becomes_no_markup(officer: Sitting) -> None:
    hostile = '<script>alert(1)</script><img src=x onerror=alert(1)>" onload="x'
    long = "W" * 190
    mine = application(officer.office.settings.id)
    first, second = mine.scope.persons
    persons = (replace(first, name=hostile, organisation=hostile), replace(second, name=long))
    datasets = tuple(replace(one, name=hostile) for one in mine.scope.datasets)
    scope = replace(mine.scope, persons=persons, datasets=datasets)
    mine = replace(mine, project=hostile, reasons=(hostile, long, "مرحبا"), scope=scope)
    officer.office.take(signed(mine))
    check_all(officer, mine)
    pages = ("/en/", "/fr/", at(mine), narrowed(mine), at(mine, "/refusal?reason=<script>x"), "/en/log")
    for path in pages:
        shown = officer.get(path)
        assert "<script>" not in shown.replace('<script type="module"', ""), path
        assert "<img" not in shown, path
        assert '" onload="' not in shown, path
    assert html.escape(hostile, quote=False)[:30] in officer.get("/en/").replace("&#34;", '"')
    assert officer.decide(officer.get(narrowed(mine)), at(mine, "/draft")).status_code == 303
    assert "<img" not in officer.get("/en/permits")


def test_marks_that_turn_the_direction_of_writing_make_no_application(officer: Sitting) -> None:
    """They never reach the page: such a text is no text of a document."""
    mine = replace(application(officer.office.settings.id), project="Project \u202etxt.exe")
    with pytest.raises(Exception, match="printable"):
        officer.office.take(signed(mine))


def test_the_command_lists_which_passkey_agreed(officer: Sitting, asked: Application) -> None:
    officer.decide(officer.get(at(asked, "/refusal?reason=No.")), at(asked, "/refusal"))
    home = str(officer.office.settings.home)
    listed = CliRunner().invoke(command, ["decisions", "--json", "--home", home])
    (one,) = json.loads(listed.stdout)
    assert (one["kind"], one["passkey"]) == ("refuse", text(officer.passkey.credential))


def test_an_auditor_finds_an_assertion_that_was_changed_or_taken_away(
    officer: Sitting, asked: Application
) -> None:
    check_all(officer, asked)
    officer.decide(officer.get(narrowed(asked)), at(asked, "/draft"))
    assert len(agreed(officer)) == 1
    for change in (
        {"payload": b"{}"},
        {"signature": "AAAA"},
        {"origin": "http://localhost:9999"},
        {"typ": refusals.TYP},
    ):
        with sql.begin(officer.office.records) as connection:
            before = connection.execute(sa.select(assertions.ASSERTION)).one()
            connection.execute(assertions.ASSERTION.update().values(**change))
        with pytest.raises(Damaged):
            agreed(officer)
        with sql.begin(officer.office.records) as connection:
            connection.execute(assertions.ASSERTION.update().values(**before._mapping))
    with sql.begin(officer.office.records) as connection:
        connection.execute(assertions.ASSERTION.delete())
    with pytest.raises(Damaged):
        agreed(officer)


def test_an_auditor_finds_a_passkey_that_was_put_in_anothers_place(
    officer: Sitting, asked: Application
) -> None:
    check_all(officer, asked)
    officer.decide(officer.get(narrowed(asked)), at(asked, "/draft"))
    officer.passkey = Authenticator()
    officer.enrol(COLLEAGUE)
    with sql.begin(officer.office.records) as connection:
        keys = connection.execute(sa.select(accounts.PASSKEY).order_by(accounts.PASSKEY.c.added)).all()
        connection.execute(
            accounts.PASSKEY.update()
            .where(accounts.PASSKEY.c.credential == keys[0].credential)
            .values(key=keys[1].key)
        )
    with pytest.raises(Damaged):
        agreed(officer)
