"""What keeps other names, other sites and other pages of this machine away."""

import pytest
from starlette.testclient import TestClient
from tests.desk.authenticator import ORIGIN
from tests.desk.conftest import Sitting, hidden

from hanse.authority.home import Home
from hanse.desk import authority
from hanse.desk.site import listening, make_desk

REBOUND = (
    "evil.example:8090",
    "localhost",
    "localhost:8091",
    "localhost.evil.example:8090",
    "LOCALHOST.:8090",
    "",
)


@pytest.mark.parametrize("host", REBOUND)
def test_another_name_that_leads_here_is_refused(officer: Sitting, host: str) -> None:
    """DNS rebinding: a page of another name has the browser ask this machine."""
    for method in ("GET", "POST"):
        answer = officer.client.request(method, "/en/", headers={"Host": host}, follow_redirects=False)
        assert answer.status_code == 421
        assert "Applications" not in answer.text


@pytest.mark.parametrize("number", ["127.0.0.1:8090", "[::1]:8090"])
def test_a_number_is_led_to_the_name(sitting: Sitting, number: str) -> None:
    answer = sitting.client.get("/en/enter?made=1", headers={"Host": number}, follow_redirects=False)
    assert answer.headers["location"] == f"{ORIGIN}/en/enter?made=1"
    assert sitting.client.post("/en/enter", headers={"Host": number, "Origin": ORIGIN}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {},  # no browser sends a form without saying from where
        {"Origin": "http://127.0.0.1:8080"},  # a hub on this machine
        {"Origin": "https://hub.example.org"},
        {"Origin": "http://localhost:8091"},  # another program's page
        {"Origin": "null"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_site_is_refused(officer: Sitting, headers: dict[str, str]) -> None:
    fields = hidden(officer.get("/en/"), "/en/leave")
    assert officer.client.post("/en/leave", data=fields, headers=headers).status_code == 403
    officer.get("/en/")  # still signed in


def test_another_site_may_link_here_and_embed_nothing(officer: Sitting) -> None:
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert officer.client.get("/en/", headers=elsewhere).status_code == 200
    assert officer.client.get("/en/", headers=elsewhere | {"Sec-Fetch-Mode": "no-cors"}).status_code == 403


def test_a_form_that_no_page_of_this_session_made_is_refused(officer: Sitting) -> None:
    for form in ("", "0" * 64):
        assert officer.post("/en/leave", form=form).status_code == 403


def test_every_answer_says_what_a_browser_must_not_do(officer: Sitting) -> None:
    for path in ("/en/", "/en/enter", "/fr/nothing-there"):
        headers = officer.client.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"], path
        assert headers["cache-control"] == "no-store", path
        assert headers["referrer-policy"] == "same-origin", path
        assert headers["x-content-type-options"] == "nosniff", path


def test_a_form_without_end_is_not_read(officer: Sitting) -> None:
    assert officer.post("/en/leave", form="x" * 600_000).status_code == 413
    assert officer.post("/en/leave", **{f"f{n}": "1" for n in range(1500)}).status_code == 413


def test_a_session_of_one_desk_opens_no_other(officer: Sitting) -> None:
    home = Home(officer.office.settings, officer.office.key, officer.office.records)
    other = make_desk(authority.desk(home, 8099), authority.pages(home))
    with TestClient(other, base_url="http://localhost:8099", cookies=dict(officer.client.cookies)) as client:
        assert client.get("/en/", follow_redirects=False).headers["location"] == "/en/enter"


def test_a_desk_listens_on_this_machine_only() -> None:
    made = listening(0)
    try:
        assert {one.getsockname()[0] for one in made} <= {"127.0.0.1", "::1"}
    finally:
        for one in made:
            one.close()
