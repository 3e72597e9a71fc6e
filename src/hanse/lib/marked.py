"""YAML as texts, lists and mappings that know their line, and nothing else.

Every scalar is the text that stands there: `NO` is a country and not a falsehood, `2015-03` is no date of some other
kind. Anchors, aliases and tags are refused, so that a small file is small in memory too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

MAX_BYTES = 1 << 18
MAX_DEPTH = 6
_HALF = re.compile("[\ud800-\udfff]")  # half a letter, which nothing can write


@dataclass(frozen=True, slots=True)
class Marked:
    """A value and the line (from 1) on which it begins; of a mapping the members' lines are those of their names."""

    value: "str | list[Marked] | dict[str, Marked]"
    line: int


class Unreadable(Exception):
    """What is wrong with a text as YAML, and on which line."""

    def __init__(self, words: str, line: int) -> None:
        super().__init__(words)
        self.words, self.line = words, line


Plain = str | list["Plain"] | dict[str, "Plain"]


def plain(one: Marked) -> Plain:
    """The value without its lines, for files of which no line has to be named."""
    if isinstance(one.value, list):
        return [plain(item) for item in one.value]
    if isinstance(one.value, dict):
        return {name: plain(item) for name, item in one.value.items()}
    return one.value


def read(data: bytes) -> Marked:
    """The one document in a file; an empty file is an empty mapping. Raises `Unreadable`."""
    if len(data) > MAX_BYTES:
        raise Unreadable(f"the file has more than {MAX_BYTES // 1024} kB", 1)
    try:
        events = yaml.parse(data.decode("utf-8-sig"), Loader=yaml.SafeLoader)
        found = [_value(event, events, 0) for event in _content(events)]
    except yaml.MarkedYAMLError as error:
        place = error.problem_mark or error.context_mark
        raise Unreadable(f"{error.problem or error.context}", place.line + 1 if place else 1) from None
    except yaml.reader.ReaderError as error:
        line = data[: error.position].count(b"\n") + 1 if isinstance(error.position, int) else 1
        raise Unreadable("there is a character that no text file has", line) from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Unreadable("the file is not in UTF-8", line) from None
    except ValueError:  # of an escape such as "\U00110000"
        raise Unreadable("an escape with \\ stands for no character", 1) from None
    if len(found) > 1:
        raise Unreadable("there is more than one document", found[1].line)
    return found[0] if found else Marked({}, 1)


def _content(events: Iterator[Event]) -> Iterator[Event]:
    """The events that begin a document's value."""
    starts = (ScalarEvent, MappingStartEvent, SequenceStartEvent, AliasEvent)
    for event in events:
        if isinstance(event, StreamEndEvent):
            return
        if isinstance(event, starts):
            yield event


def _value(event: Event, events: Iterator[Event], depth: int) -> Marked:
    line = event.start_mark.line + 1
    if isinstance(event, AliasEvent) or event.anchor:
        raise Unreadable("names with & and * are not read; write the value again", line)
    if event.tag and event.tag != "!":
        raise Unreadable("tags with ! are not read", line)
    if depth >= MAX_DEPTH:
        raise Unreadable("it is nested too deeply", line)
    if isinstance(event, ScalarEvent):
        if _HALF.search(event.value):
            raise Unreadable("an escape with \\ stands for no character", line)
        empty = event.value in ("~", "null") and event.style is None
        return Marked("" if empty else event.value, line)
    if isinstance(event, SequenceStartEvent):
        return Marked([_value(one, events, depth + 1) for one in _until(events, SequenceEndEvent)], line)
    return Marked(_members(events, depth + 1), line)


def _members(events: Iterator[Event], depth: int) -> dict[str, Marked]:
    members: dict[str, Marked] = {}
    for event in _until(events, MappingEndEvent):
        line = event.start_mark.line + 1
        if not isinstance(event, ScalarEvent):
            raise Unreadable("the name of a member is a text", line)
        if event.value in members:
            raise Unreadable(f"{event.value!r} stands twice", line)
        members[event.value] = Marked(_value(next(events), events, depth).value, line)
    return members


def _until(events: Iterator[Event], end: type[Event]) -> Iterator[Event]:
    for event in events:
        if isinstance(event, end):
            return
        yield event
