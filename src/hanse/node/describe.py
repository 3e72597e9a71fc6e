"""What a data manager writes about a dataset: `descriptions/NAME.yaml` in the node's home.

Read with lines, so that what is wrong is said as `breast.yaml, line 12: ...`; written with a comment for each member.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from hanse.core import plain, profile
from hanse.core.errors import BadEnvelope, BadInput
from hanse.core.profile import Facts, Finding
from hanse.core.record import Agent, Description, Period, Rights, english
from hanse.domains.catalogue import WORDS
from hanse.lib import files
from hanse.lib.marked import MAX_BYTES, Marked, Unreadable, read
from hanse.node.members import MEMBERS, Member, Shape

FOLDER = "descriptions"
SHOWN = 3  # findings in one message

Lines = Mapping[str, int]  # by path: `holder`, `holder.email`, `categories.2`


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was read: the description that it makes, the line of each member, and what has no right shape."""

    path: Path
    description: Description
    lines: Lines
    findings: tuple[Finding, ...] = ()

    def check(self, facts: Facts) -> tuple[Finding, ...]:
        """All that is wrong in the order of its lines, then all that is missing."""
        found = (*self.findings, *profile.check(self.description, facts, WORDS), *self._too_large())
        return tuple(sorted(found, key=lambda one: (not one.forbids, self._line(one) or 0)))

    def _too_large(self) -> Iterator[Finding]:
        """What the catalogue would not take, when nothing else is wrong."""
        try:
            plain.description_from_plain(plain.description_to_plain(self.description))
        except BadEnvelope as problem:
            if not profile.forbidding(profile.check(self.description, Facts(), WORDS)):
                yield Finding("", problem.detail, "shorten it", True)

    def place(self, finding: Finding) -> str:
        """`breast.yaml, line 12`: the line of a member, or of the nearest one above it that is there."""
        line = self._line(finding)
        return f"{self.path.name}, line {line}" if line else self.path.name

    def _line(self, finding: Finding) -> int | None:
        path = finding.member
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        return self.lines.get(path)


def path_of(home: Path, name: str) -> Path:
    """Where the description of a dataset lies."""
    return home / FOLDER / f"{name}.yaml"


def load(path: Path, name: str) -> Written:
    """What a file says about the dataset `name`. Raises `BadInput` when the file cannot be read at all."""
    try:
        with path.open("rb") as file:
            marked = read(file.read(MAX_BYTES + 1))
    except OSError as error:
        raise BadInput(
            f"{path}: {error.strerror}.", hint="hanse node describe NAME asks and writes it"
        ) from error
    except Unreadable as error:
        raise BadInput(
            f"{path.name}, line {error.line}: {error.words}.", hint="it is a YAML file: https://yaml.org"
        ) from None
    findings: list[Finding] = []
    lines: dict[str, int] = {}
    values: dict[str, Any] = {}
    for member, value in _members(marked, lines, findings).items():
        try:
            values[member] = _READERS[MEMBERS[member].shape](value)
        except _Misshapen as wrong:
            what = MEMBERS[member]
            findings.append(Finding(member, f"It is not {wrong}.", what.example_line, True))
    return Written(path, Description(**{"name": name, "title": {}, **values}), lines, tuple(findings))


def _members(marked: Marked, lines: dict[str, int], findings: list[Finding]) -> dict[str, Marked]:
    if not isinstance(marked.value, dict):
        findings.append(Finding("", "It is no list of members.", "title: Breast MR", True))
        return {}
    for name, one in marked.value.items():
        _mark(name, one, lines)
        if name not in MEMBERS:
            near = profile.nearest(name, MEMBERS)
            words = f"{near}, if you meant that" if near else f"one of {', '.join(MEMBERS)}"
            findings.append(Finding(name, f"There is no member {name!r}.", words, True))
    return {name: one for name, one in marked.value.items() if name in MEMBERS}


def _mark(path: str, marked: Marked, lines: dict[str, int]) -> None:
    lines[path] = marked.line
    if isinstance(marked.value, dict):
        for name, one in marked.value.items():
            _mark(f"{path}.{name}", one, lines)
    elif isinstance(marked.value, list):
        for place, one in enumerate(marked.value, 1):
            _mark(f"{path}.{place}", one, lines)


class _Misshapen(Exception):
    """What a value should have been, in words."""


def _line(marked: Marked) -> str:
    if not isinstance(marked.value, str):
        raise _Misshapen("one text")
    return marked.value.strip()


def _list(marked: Marked) -> tuple[str, ...]:
    if isinstance(marked.value, list):
        return tuple(filter(None, map(_line, marked.value)))
    return (one,) if (one := _line(marked)) else ()


def _text(marked: Marked) -> Mapping[str, str]:
    if isinstance(marked.value, dict):
        return {language: text for language, one in marked.value.items() if (text := _line(one))}
    return english(_line(marked))


def _words(marked: Marked) -> Mapping[str, tuple[str, ...]]:
    if isinstance(marked.value, dict):
        return {language: words for language, one in marked.value.items() if (words := _list(one))}
    return {"en": words} if (words := _list(marked)) else {}


def _parts(kind: type[Any]) -> Callable[[Marked], Any]:
    """A reader of a dataclass of texts; of nothing at all None."""
    names = tuple(kind.__dataclass_fields__)

    def read_parts(marked: Marked) -> Any:
        if not marked.value:
            return None
        if not isinstance(marked.value, dict) or not set(marked.value) <= set(names):
            raise _Misshapen(f"something with the members {', '.join(names)}")
        parts = {name: _line(one) for name, one in marked.value.items()}
        return kind(**{"name": "", **parts} if "name" in names else parts) if any(parts.values()) else None

    return read_parts


def _truth(marked: Marked) -> bool:
    known = {"yes": True, "true": True, "no": False, "false": False, "": False}
    if (word := _line(marked).lower()) not in known:
        raise _Misshapen("yes or no")
    return known[word]


def _rights(marked: Marked) -> Rights | None:
    word = _line(marked)
    if word and word not in list(Rights):
        raise _Misshapen(f"one of {', '.join(Rights)}")
    return Rights(word) if word else None


_READERS: Mapping[Shape, Callable[[Marked], Any]] = {
    Shape.LINE: _line,
    Shape.LIST: _list,
    Shape.TEXT: _text,
    Shape.WORDS: _words,
    Shape.AGENT: _parts(Agent),
    Shape.PERIOD: _parts(Period),
    Shape.TRUTH: _truth,
    Shape.RIGHTS: _rights,
}


def save(path: Path, description: Description) -> None:
    """Writes a description, whole or not at all, with a comment above each member; what is empty as a comment."""
    head = f"# What the catalogue says of the dataset {description.name}: hanse node describe {description.name}\n"
    files.make_folder(path.parent)
    members = [_written(member, getattr(description, member.name)) for member in MEMBERS.values()]
    files.write(path, "\n".join([head, *members]).encode())


def _written(member: Member, value: Any) -> str:
    comment = f"# {member.about}\n"
    if not value or value == {}:
        return comment + "".join(f"# {line}\n" for line in member.example_line.splitlines())
    return comment + dump(member.name, value)


def dump(name: str, value: Any) -> str:
    """One member as YAML."""
    body = asdict(value) if isinstance(value, Agent | Period) else value
    if isinstance(body, Mapping):
        body = {key: list(one) if isinstance(one, tuple) else one for key, one in body.items() if one}
    plain_value = list(body) if isinstance(body, tuple) else str(body) if isinstance(body, Rights) else body
    return yaml.safe_dump({name: plain_value}, allow_unicode=True, sort_keys=False, width=100)


def forbid(written: Written, facts: Facts) -> None:
    """Raises `BadInput` when something that the file says is wrong, with the first places."""
    wrong = profile.forbidding(written.check(facts))
    if wrong:
        said = [f"{written.place(one)}: {sentence(one)}" for one in wrong[:SHOWN]]
        more = f" And {len(wrong) - SHOWN} more." if len(wrong) > SHOWN else ""
        raise BadInput(
            " ".join(said) + more,
            hint=f"`hanse node describe {written.description.name} --check` lists everything",
        )


def sentence(finding: Finding) -> str:
    """`holder.email: 'x' is not an e-mail address. Write an address such as ...`."""
    member = f"{finding.member}: " if finding.member else ""
    return f"{member}{finding.detail} Write: {finding.hint}."


def merged(said: Description, change: Mapping[str, Any]) -> Description:
    """The description with these members, of the texts by language only these languages."""
    both = {
        name: {**getattr(said, name), **value} if isinstance(value, Mapping) else value
        for name, value in change.items()
    }
    return replace(said, **both)
