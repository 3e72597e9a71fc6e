"""Pages that are read: help, guides, glossary, rules with their versions, the accessibility statement. Their texts are
Markdown in `content/`, one file for each language."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hanse.core.errors import NotFound
from hanse.hub.app import Hub
from hanse.web.language import N_, current
from hanse.web.language import gettext as _
from hanse.web.render import render

_CONTENT = Path(__file__).parent / "content"
# HTML in a text stays text; links of schemes other than http, https and mailto are no links.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")

# The guides, in the order of the help page: for whom, and what for.
GUIDES = {
    "researchers": (N_("Researchers"), N_("Find datasets, count a cohort, and take the question to Python.")),
    "data-holders": (
        N_("Data holders"),
        N_("Join with a node, publish a dataset, and stay in control of it."),
    ),
    "everyone": (
        N_("Patients and the public"),
        N_("What is kept where, what is told, and what rights you have."),
    ),
    "programs": (N_("Programs"), N_("Python, command line, HTTP, and harvesting the catalogue.")),
    "operators": (N_("Operators"), N_("Let nodes in, and look after the hub.")),
}


@dataclass(frozen=True, slots=True)
class Text:
    """A text: its title, the parts that a table of contents names, and all of it below the title as HTML."""

    title: str
    parts: tuple[tuple[str, str], ...]  # anchor and heading
    html: Markup


def routes(hub: Hub) -> list[Route]:
    """Help, rules and the accessibility statement."""
    return [
        Route("/help", _help),
        Route("/help/glossary", _glossary),
        Route("/help/{guide}", _guide),
        Route("/rules", _rules),
        Route("/rules/{version}", _rules),
        Route("/accessibility", _accessibility),
    ]


async def _help(request: Request) -> Response:
    return render(request, "reading/help.html", guides=GUIDES)


async def _guide(request: Request) -> Response:
    guide = request.path_params["guide"]
    if guide not in GUIDES:
        raise NotFound(N_("There is no such guide."))
    return render(request, "reading/text.html", text=read(guide, current()), above=[(_("Help"), "/help")])


async def _glossary(request: Request) -> Response:
    return render(
        request, "reading/text.html", text=read("glossary", current()), above=[(_("Help"), "/help")]
    )


async def _accessibility(request: Request) -> Response:
    return render(request, "reading/text.html", text=read("accessibility", current()), above=[])


async def _rules(request: Request) -> Response:
    known = versions()
    version = request.path_params.get("version", known[-1])
    since = request.query_params.get("since", "")
    if version not in known or since not in ("", *known):
        raise NotFound(N_("There is no such version of the rules."))
    changes = list(differences(rules(since, current()), rules(version, current()))) if since else None
    text = parsed(rules(version, current()), current())
    return render(
        request,
        "reading/rules.html",
        text=text,
        shown=version,
        since=since,
        versions=known,
        changes=changes,
    )


def versions() -> Sequence[str]:
    """The versions of the rules, oldest first."""
    found = {path.name.rsplit(".", 2)[0] for path in (_CONTENT / "rules").glob("*.md")}
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")])


def rules(version: str, language: str) -> str:
    """The rules as Markdown."""
    return (_CONTENT / "rules" / f"{version}.{language}.md").read_text(encoding="utf-8")


@cache
def read(name: str, language: str) -> Text:
    """A text of `content/`."""
    return parsed((_CONTENT / language / f"{name}.md").read_text(encoding="utf-8"), language)


@cache
def parsed(markdown: str, language: str) -> Text:
    """A Markdown text whose first heading is its title. Links that begin with `/` lead to pages of the language."""
    tokens = _MARKDOWN.parse(markdown)
    title, parts = "", []
    for heading, inline in pairwise(tokens):
        if heading.type == "heading_open" and heading.tag == "h1":
            title = inline.content
        elif heading.type == "heading_open" and heading.tag == "h2":
            anchor = re.sub(r"\W+", "-", inline.content.lower()).strip("-")
            heading.attrSet("id", anchor)
            parts.append((anchor, inline.content))
    for token in _all(tokens):
        if token.type == "link_open" and str(token.attrGet("href")).startswith("/"):
            token.attrSet("href", f"/{language}{token.attrGet('href')}")
    body = tokens[3:] if title else tokens  # a heading is three tokens: its start, its text, its end
    return Text(title, tuple(parts), Markup(_MARKDOWN.renderer.render(body, _MARKDOWN.options, {})))


def _all(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or ())


def differences(before: str, after: str) -> Iterator[tuple[str, Markup]]:
    """What became of each line of a text: `same`, `new`, `gone`, `changed` or `heading`, and the line with its changes
    marked."""
    old, new = ([line for line in text.splitlines()[1:] if line.strip()] for text in (before, after))
    for act, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if act == "equal":
            yield from (("heading" if line[0] == "#" else "same", _plain(line)) for line in new[c:d])
            continue
        pairs = min(b - a, d - c)
        yield from (("changed", _words(one, other)) for one, other in zip(old[a:b], new[c:d], strict=False))
        yield from (("gone", Markup("<del>{}</del>").format(_plain(line))) for line in old[a + pairs : b])
        yield from (("new", Markup("<ins>{}</ins>").format(_plain(line))) for line in new[c + pairs : d])


def _plain(line: str) -> Markup:
    return escape(line.lstrip("#- "))


def _words(before: str, after: str) -> Markup:
    """The line with what changed marked: words, each with the space behind it, and signs."""
    old, new = (re.findall(r"\w+\s*|[^\w\s]\s*", text.lstrip("#- ")) for text in (before, after))
    same = difflib.SequenceMatcher(
        None, [one.strip() for one in old], [one.strip() for one in new], autojunk=False
    )
    said = Markup("")
    for act, a, b, c, d in same.get_opcodes():
        gone, came = "".join(old[a:b]), "".join(new[c:d])
        if act == "equal":
            said += escape(came)
            continue
        said += Markup("<del>{}</del>").format(gone) if gone else Markup("")
        said += Markup("<ins>{}</ins>").format(came) if came else Markup("")
    return said
