"""The tables of docs/permits.md are those of the code."""

from tests import permits_page


def test_the_tables_of_the_page_are_those_of_the_code() -> None:
    written = permits_page.PAGE.read_text(encoding="utf-8")
    assert written == permits_page.page(written), "run: python -m tests.permits_page"
    assert all(f"<!-- {name} -->" in written for name in permits_page.tables())
