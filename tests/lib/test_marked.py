"""YAML as plain texts with their lines."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.lib.marked import Marked, Unreadable, read


def test_every_scalar_is_the_text_that_stands_there() -> None:
    found = read(b"country: NO\nfrom: 2015-03\nyes: off\nnumber: 007\nnothing: ~\ntext: '~'\n").value
    assert {name: one.value for name, one in found.items()} == {
        "country": "NO",
        "from": "2015-03",
        "yes": "off",
        "number": "007",
        "nothing": "",
        "text": "~",
    }


def test_everything_knows_its_line() -> None:
    found = read(b"# a comment\ntitle:\n  en: A\n  fr: B\nwords:\n  - a\n  - b\n").value
    assert found["title"] == Marked({"en": Marked("A", 3), "fr": Marked("B", 4)}, 2)
    assert [one.line for one in found["words"].value] == [6, 7]


def test_an_empty_file_is_an_empty_mapping() -> None:
    assert read(b"# nothing\n") == Marked({}, 1)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (b"a: b\nc: 'd", 2, "end of stream"),
        (b"a: b\na: c", 2, "twice"),
        (b"a: &x b\nc: *x", 1, "write the value again"),
        (b"a: 1\nb: !!python/object/apply:os.system [ls]", 2, "tags"),
        (b"a: b\n\tc: d", 2, "cannot start any token"),
        (b"a: b: c", 1, "not allowed here"),
        (b"a\n---\nb", 3, "more than one document"),
        (b"a: \x01", 1, "no text file has"),
        (b"a: b\nc: \xff", 2, "not in UTF-8"),
        (b"- " * 2000 + b"a", 1, "nested too deeply"),
        (b"{[a]: b}", 1, "the name of a member"),
        (b"a: x" * (1 << 17), 1, "more than 256 kB"),
        (b'a: b\nc: "\\ud800"', 2, "stands for no character"),
        (b'a: "\\U00110000"', 1, "stands for no character"),
    ],
)
def test_what_is_not_read_is_named_by_its_line(text: bytes, line: int, words: str) -> None:
    with pytest.raises(Unreadable, match=words) as caught:
        read(text)
    assert caught.value.line == line


@given(st.text(max_size=60), st.binary(max_size=60))
@settings(max_examples=200)
def test_a_file_is_read_or_the_line_is_named_at_which_it_cannot_be(text: str, data: bytes) -> None:
    for one in (data, text.encode("utf-8", "surrogatepass")):
        assert 1 <= line_named(one) <= len(one.splitlines()) + 1


def line_named(file: bytes) -> int:
    """The line at which a file cannot be read; 1 for one that can."""
    try:
        read(file)
    except Unreadable as problem:
        return problem.line
    return 1
