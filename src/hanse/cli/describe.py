"""`hanse node describe`: what the catalogue says of a dataset, asked for, checked, and shown as a record."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from hanse.cli.home import home_option, next_step, store_of
from hanse.cli.paths import TO_WRITE
from hanse.core import profile
from hanse.core.errors import BadInput, NotSetUp
from hanse.core.policy import Policy
from hanse.core.profile import Facts, Finding
from hanse.core.record import Agent, Description, Period, Rights
from hanse.core.words import plural
from hanse.domains import VOCABULARY
from hanse.domains.catalogue import WORDS
from hanse.node import config, describe
from hanse.node.describe import Written
from hanse.node.members import MEMBERS, Member, Shape
from hanse.node.store import Store

FEW = 25  # choices that are shown when one is asked for
ASKED = (
    "title",
    "about",
    "keywords",
    "cancer_types",
    "country",
    "holder",
    "contact",
    "access_body",
    "categories",
    "conditions",
    "license",
    "provenance",
    "population",
    "collection",
    "collected",
    "link",
)


@click.command(name="describe")
@click.argument("name")
@click.option(
    "--file",
    "path",
    type=TO_WRITE,
    help="The description; descriptions/NAME.yaml in the node's home otherwise.",
)
@click.option("--check", "action", flag_value="check", help="Only say what is wrong or missing.")
@click.option("--turtle", "action", flag_value="turtle", help="Print the record as Turtle.")
@click.option("--json-ld", "action", flag_value="json-ld", help="Print the record as JSON-LD.")
@home_option
def describe_command(name: str, path: Path | None, action: str | None, home: Path) -> None:
    """Say what a dataset is: asks for what is missing, and writes it to a file that you can edit.

    \b
    Examples:
      hanse node describe lung-ct
      hanse node describe lung-ct --check
      hanse node describe lung-ct --turtle
    """
    store = store_of(home)
    path = path or describe.path_of(home, name)
    written = _written(store, path, name, asking=action is None)
    facts = _facts(store, written.description)
    if action == "check":
        _check(written, facts)
    elif action:
        describe.forbid(written, facts)
        click.echo(_document(store, written, action), nl=False)
    else:
        describe.forbid(replace(written, description=_titled(written.description)), facts)
        description = _ask(written.description, facts)
        describe.save(path, description)
        click.echo(f"Written to {path}.")
        _say_missing(describe.load(path, name), facts)
        next_step(f"edit the file as you like, then hanse node publish {name}")


def _written(store: Store, path: Path, name: str, *, asking: bool) -> Written:
    """What the file says; without a file what is published, or when one is asked nothing yet."""
    store.dataset_id(name)
    known = store.described(name)
    if path.exists() or not (known or asking):
        return describe.load(path, name)
    return Written(path, known[0] if known else Description(name, {}), {})


def _titled(said: Description) -> Description:
    """The description as it would be with a title: that there is none yet is why one is asked."""
    return said if said.title else replace(said, title={"en": said.name})


def _facts(store: Store, said: Description) -> Facts:
    live = [one for one in store.live() if one.manifest.name == said.name]
    policy, columns = (live[0].policy, live[0].manifest.columns) if live else (Policy(), ())
    return facts_of(said, policy, columns)


def facts_of(said: Description, policy: Policy, columns: Iterable[str] = ()) -> Facts:
    """What a check needs to know of a dataset with this policy and these fields; before there are any it has images."""
    kinds = frozenset(name.partition(".")[0] for name in columns)
    return Facts(said.rights or Rights.under(policy.access), kinds or Facts().kinds)


def _check(written: Written, facts: Facts) -> None:
    findings = written.check(facts)
    for finding in findings:
        kind = "wrong" if finding.forbids else "missing"
        click.echo(f"{kind}: {written.place(finding)}: {describe.sentence(finding)}")
    wrong = profile.forbidding(findings)
    if wrong:
        raise BadInput(
            f"{plural(len(wrong), 'thing')} to mend in {written.path.name}.", hint="nothing was published"
        )
    click.echo("Nothing is wrong." if findings else "Nothing is wrong, and nothing is missing.", err=True)
    next_step(f"hanse node publish {written.description.name}")


def _say_missing(written: Written, facts: Facts) -> None:
    missing = [one.member for one in written.check(facts) if not one.forbids]
    if missing:
        click.echo(f"A full record of health data lacks {', '.join(missing)}.", err=True)


def _document(store: Store, written: Written, format: str) -> bytes:
    """The record as the catalogue would have it now: with what the gate releases of the data, if there are any."""
    from hanse.core import dcat
    from hanse.core.space import Space
    from hanse.lib import rdf
    from hanse.node.gate import Gate
    from hanse.node.portrait import unpublished

    said = written.description
    known = [one for one in Gate(store, VOCABULARY, store.home / "cache").records() if one.name == said.name]
    record = known[0] if known else unpublished(store.dataset_id(said.name), said)
    node, hub = _settings(store.home)
    space = Space(hub, "Hanse", VOCABULARY, WORDS)
    return rdf.write(dcat.dataset(replace(record, said=said), node, space), rdf.FORMATS[format])


def _settings(home: Path) -> tuple[str, str]:
    """The name of the node and the address of its hub; stand-ins before there are such."""
    try:
        settings = config.read(home)
    except NotSetUp:
        return "This node", "https://hub.example.org"
    return settings.name, settings.hub.rstrip("/")


def _ask(said: Description, facts: Facts) -> Description:
    """The description with what was missing and is now said. An empty answer leaves a member out."""
    click.echo("Enter leaves out what you do not want to say.", err=True)
    languages = tuple(said.title) or _languages()
    for name in ASKED:
        if not getattr(said, name):
            said = _ask_member(MEMBERS[name], said, languages, facts)
    return said


def _languages() -> tuple[str, ...]:
    while True:
        answer = (
            _prompt("In which languages do you write? For example: en fr", "en").replace(",", " ").split()
        )
        unknown = [one for one in answer if one not in WORDS["language"].codes]
        if not unknown:
            return tuple(dict.fromkeys(answer)) or ("en",)
        click.echo(f"  {unknown[0]!r} is no language: two letters, as in en or fr.", err=True)


def _ask_member(member: Member, said: Description, languages: tuple[str, ...], facts: Facts) -> Description:
    """Asks until the answer fits, or is empty."""
    click.echo(f"\n{member.about}{_example(member)}", err=True)
    _show_choices(member)
    while True:
        value = _ANSWERS[member.shape](member, languages)
        candidate = describe.merged(said, {member.name: value}) if value else said
        wrong = [one for one in profile.check(candidate, facts, WORDS) if _about(one, member)]
        if not wrong:
            return candidate
        for one in wrong:
            click.echo(f"  {describe.sentence(one)}", err=True)


def _about(finding: Finding, member: Member) -> bool:
    return finding.forbids and finding.member.partition(".")[0] == member.name


def _example(member: Member) -> str:
    if member.shape not in (Shape.LINE, Shape.LIST):
        return ""
    example = ", ".join(_split(member.example))
    several = ", several with commas" if member.shape is Shape.LIST else ""
    return f" For example {example}{several}."


def _show_choices(member: Member) -> None:
    codes = WORDS[member.codes].codes if member.codes else {}
    if 0 < len(codes) <= FEW:
        width = max(map(len, codes))
        for code in codes.values():
            click.echo(f"    {code.code:<{width}}  {code.label['en']}", err=True)


def _prompt(words: str, default: str = "") -> str:
    answer: str = click.prompt(words, default=default, show_default=bool(default), err=True)
    return answer.strip()


def _line(member: Member, languages: tuple[str, ...]) -> str:
    return _prompt(f"  {member.name}")


def _list(member: Member, languages: tuple[str, ...]) -> tuple[str, ...]:
    return _split(_prompt(f"  {member.name}"))


def _split(answer: str) -> tuple[str, ...]:
    return tuple(one for part in answer.strip("[]").split(",") if (one := part.strip(" '\"")))


def _text(member: Member, languages: tuple[str, ...]) -> Mapping[str, str]:
    labels = {language: WORDS["language"].codes[language].label["en"] for language in languages}
    answers = {language: _prompt(f"  {member.name}, {label}") for language, label in labels.items()}
    return {language: answer for language, answer in answers.items() if answer}


def _words(member: Member, languages: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    answers = _text(member, languages)
    return {language: words for language, answer in answers.items() if (words := _split(answer))}


def _agent(member: Member, languages: tuple[str, ...]) -> Agent | None:
    name = _prompt("  its name")
    if not name:
        return None
    email = _fitting("  its e-mail address", "email")
    page = "" if email else _fitting("  a page where one can write to it", "page")
    return Agent(
        name, email, page, _fitting("  its homepage", "homepage"), _fitting("  its country", "country")
    )


def _fitting(words: str, part: str) -> str:
    """An answer that may stand in that part of an organisation, or an empty one."""
    form = profile.AGENT_FORMS[part]
    while (answer := _prompt(words)) and not form.fits(answer, WORDS):
        click.echo(f"  {answer!r} is not {form.what}. Write: {form.write}.", err=True)
    return answer


def _period(member: Member, languages: tuple[str, ...]) -> Period | None:
    period = Period(_prompt("  from (2015 or 2015-03)"), _prompt("  to"))
    return period if period.start or period.end else None


_ANSWERS: Mapping[Shape, Any] = {
    Shape.LINE: _line,
    Shape.LIST: _list,
    Shape.TEXT: _text,
    Shape.WORDS: _words,
    Shape.AGENT: _agent,
    Shape.PERIOD: _period,
}
