"""Who gets in: with a link that works once, and a passkey that was made on it."""

import json
from datetime import timedelta

import pytest
from tests.desk.authenticator import ORIGIN, PRESENT, Authenticator
from tests.desk.conftest import OFFICER, Sitting, challenge, hidden

from hanse.core import clock
from hanse.lib import accounts, log, sql


def invited(sitting: Sitting, name: str = OFFICER, ago: timedelta = timedelta()) -> str:
    with sql.begin(sitting.office.records) as connection:
        return accounts.invite(connection, name, clock.now() - ago)


def test_an_officer_makes_a_passkey_signs_in_and_out(officer: Sitting) -> None:
    page = officer.get("/en/")
    assert OFFICER in page
    assert officer.post("/en/leave", **hidden(page, "/en/leave")).status_code == 303
    assert officer.client.get("/en/", follow_redirects=False).headers["location"] == "/en/enter"


def test_who_is_not_signed_in_sees_nothing(sitting: Sitting) -> None:
    for path in ("/en/", "/fr/"):
        answer = sitting.client.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{path}enter")


def test_the_first_officer_is_told_which_command_lets_them_in(sitting: Sitting) -> None:
    assert "hanse authority officer add" in sitting.get("/en/enter")


def test_a_link_works_once(sitting: Sitting) -> None:
    secret = invited(sitting)
    asked = challenge(sitting.get(f"/en/passkey?pass={secret}"))
    first = sitting.post("/en/passkey", **{"pass": secret}, answer=sitting.passkey.create(asked))
    again = sitting.post("/en/passkey", **{"pass": secret}, answer=Authenticator().create(asked))
    assert (first.status_code, again.status_code) == (303, 403)
    assert sitting.client.get(f"/en/passkey?pass={secret}").status_code == 403


def test_a_link_expires(sitting: Sitting) -> None:
    secret = invited(sitting, ago=accounts.LINK_LIFE)
    assert sitting.client.get(f"/en/passkey?pass={secret}").status_code == 403
    assert sitting.client.get("/en/passkey?pass=").status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "http://localhost:9999"},
        {"origin": "https://hub.example.org"},
        {"flags": PRESENT},  # the person was not verified
        {"framed": True},
    ],
)
def test_a_passkey_counts_only_when_this_page_asked_and_the_person_was_verified(
    sitting: Sitting, wrong: dict[str, object]
) -> None:
    secret = invited(sitting)
    asked = challenge(sitting.get(f"/en/passkey?pass={secret}"))
    other = Authenticator(**wrong)
    assert sitting.post("/en/passkey", **{"pass": secret}, answer=other.create(asked)).status_code == 403
    sitting.enrol()
    for name, value in wrong.items():
        setattr(sitting.passkey, name, value)
    assert sitting.sign_in().status_code == 403


def test_a_sign_in_that_is_sent_again_is_refused(sitting: Sitting) -> None:
    sitting.enrol()
    page = sitting.get("/en/enter")
    fields = hidden(page, "/en/enter") | {"answer": sitting.passkey.get(challenge(page))}
    assert sitting.post("/en/enter", **fields).status_code == 303
    assert sitting.post("/en/enter", **fields).status_code == 403


def test_a_sign_in_for_another_challenge_is_refused(sitting: Sitting) -> None:
    sitting.enrol()
    first, second = sitting.get("/en/enter"), sitting.get("/en/enter")
    fields = hidden(first, "/en/enter") | {"answer": sitting.passkey.get(challenge(second))}
    assert sitting.post("/en/enter", **fields).status_code == 403


def test_a_passkey_that_counts_backwards_is_refused(officer: Sitting) -> None:
    officer.passkey.counter = 0
    answer = officer.sign_in()
    assert answer.status_code == 403
    assert "somebody may have a copy" in answer.text


def test_a_passkey_that_never_counts_is_accepted(sitting: Sitting) -> None:
    sitting.enrol()
    for _ in range(2):
        sitting.passkey.counter = -1  # what it says is 0 again
        assert sitting.sign_in().status_code == 303


def test_a_stranger_with_a_passkey_of_their_own_is_refused(sitting: Sitting) -> None:
    sitting.enrol()
    sitting.passkey = Authenticator()
    assert sitting.sign_in().status_code == 403


def test_no_answer_breaks_the_page(sitting: Sitting) -> None:
    sitting.enrol()
    response = {"clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA"}
    for answer in ("", "[]", "{", "null", json.dumps({"rawId": "AA", "response": response}), "[" * 9000):
        page = sitting.get("/en/enter")
        sent = sitting.post("/en/enter", **hidden(page, "/en/enter") | {"answer": answer})
        assert sent.status_code in (401, 403), answer
    assert sitting.post("/en/enter", challenge="é", answer="").status_code == 403


def test_a_removed_officer_is_out_at_once_and_does_not_come_back(officer: Sitting) -> None:
    page = officer.get("/en/enter")
    with sql.begin(officer.office.records) as connection:
        accounts.remove(connection, OFFICER, clock.now())
    assert officer.client.get("/en/", follow_redirects=False).status_code == 303
    assert officer.decide(page, "/en/enter").status_code == 403


def test_the_log_tells_who_was_let_in_with_which_passkey_and_who_was_removed(officer: Sitting) -> None:
    with sql.begin(officer.office.records) as connection:
        accounts.remove(connection, OFFICER, clock.now())
        told = [one.body for one in log.entries(connection) if one.kind == accounts.ENTRY]
    assert [one["act"] for one in told] == ["add", "passkey", "remove"]
    assert {one["who"]["officer"] for one in told} == {OFFICER}
    assert len(told[1]["key"]) == 64


def test_the_records_hold_no_secret_that_could_be_used(officer: Sitting) -> None:
    secret = invited(officer)
    kept = b"".join(path.read_bytes() for path in officer.office.settings.home.glob("authority.db*"))
    session = officer.client.cookies["hanse_desk_8090"]
    assert secret.encode() not in kept
    assert session.encode() not in kept


def test_the_cookie_is_for_this_page_only(sitting: Sitting) -> None:
    sitting.enrol()
    said = sitting.sign_in().headers["set-cookie"].lower()
    assert said.startswith("hanse_desk_8090=")
    assert "httponly" in said
    assert "samesite=strict" in said
    assert "domain" not in said
    assert ORIGIN.endswith(":8090")
