"""The languages of the portal. English is the source of every text; `locale/*.po` holds the others, read at start.

`python -m hanse.web.language` takes the texts out of code and templates, brings the `.po` files up to date, and says
what is not yet translated.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

from babel.messages import pofile
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo

from hanse.core import errors, words
from hanse.core.permit import KINDS
from hanse.core.scope import OPERATIONS, PURPOSES
from hanse.core.view import FACETS
from hanse.hub.shelf import FIXED

SOURCE = "en"
LANGUAGES: Mapping[str, str] = {"en": "English", "fr": "Français"}  # each under its own name

_WEB = Path(__file__).parent
_FOLDERS = (_WEB, _WEB.parent / "desk")  # whose texts are translated
_LOCALE = _WEB / "locale"
_SPOKEN: ContextVar[str] = ContextVar("language", default=SOURCE)


def current() -> str:
    """The language of the page that is being made."""
    return _SPOKEN.get()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Within the block, texts are in this language, one of `LANGUAGES`."""
    before = _SPOKEN.set(language)
    try:
        yield
    finally:
        _SPOKEN.reset(before)


def gettext(text: str) -> str:
    """The text in the language of the page."""
    return _translations(current()).gettext(text)


def ngettext(one: str, many: str, count: int) -> str:
    """The text that fits the number, in the language of the page."""
    return _translations(current()).ngettext(one, many, count)


def N_(text: str) -> str:
    """Marks a text of a table for translation; where it is shown, it passes `gettext`."""
    return text


def address(path: str, **query: str | int | None) -> str:
    """The address of a page in the language of this one: `/datasets` is `/en/datasets`. Empty values are left out."""
    asked = urlencode({name: value for name, value in query.items() if value not in (None, "")})
    return f"/{current()}{path}" + (f"?{asked}" if asked else "")


def preferred(accepted: str) -> str:
    """The language that an `Accept-Language` header likes best among ours (RFC 9110, 12.5.4)."""
    wishes = []
    for place, part in enumerate(accepted.split(",")[:20]):
        tag, _, weight = part.strip().partition(";q=")
        try:
            wishes.append((-float(weight or 1), place, tag.partition("-")[0].lower()))
        except ValueError:
            continue
    found = (tag for weight, _, tag in sorted(wishes) if weight < 0 and tag in LANGUAGES)
    return next(found, SOURCE)


@cache
def _translations(language: str) -> NullTranslations:
    if language == SOURCE:
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, catalogue(language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def catalogue(language: str) -> Catalog:
    """What `locale/LANGUAGE.po` holds; empty when there is no such file yet."""
    path = _LOCALE / f"{language}.po"
    with BytesIO(path.read_bytes() if path.exists() else b"") as file:
        return pofile.read_po(file, locale=language)


# Texts that stand in tables outside `web/`, and are translated where a page shows them.
TABLES = {
    "core/view.py": tuple(FACETS.values()),
    "hub/card.py": tuple(label for labels in FIXED.values() for label in labels.values()),
    "core/permit.py": tuple(KINDS.values()),
    "core/scope.py": (*PURPOSES.values(), *(one.words for one in OPERATIONS.values())),
    "core/words.py": (*words.STATES.values(), *words.RULES.values(), *words.CRITERIA.values()),
    "core/errors.py": tuple(
        kind.title for kind in errors.kinds().values() if kind.__module__ == errors.__name__
    ),
}
_OPTIONS = {"silent": "false", "trimmed": "true", "newstyle_gettext": "true"}
_KEYWORDS = {"_": None, "gettext": None, "N_": None, "ngettext": (1, 2)}


def source() -> Catalog:
    """Every text of the portal and the desks that can be translated, with the files in which it stands."""
    found = Catalog()
    for where, texts in TABLES.items():
        for text in texts:
            found.add(text, locations=[(where, 0)])
    for path in sorted(
        one for folder in _FOLDERS for ending in ("py", "html") for one in folder.rglob(f"*.{ending}")
    ):
        method = "jinja2.ext:babel_extract" if path.suffix == ".html" else "python"
        where = path.relative_to(_WEB if path.is_relative_to(_WEB) else _WEB.parent).as_posix()
        for _line, text, _comments, context in extract_from_file(method, path, _KEYWORDS, (), _OPTIONS):
            found.add(text, locations=[(where, 0)], context=context)
    return found


def updated(language: str) -> Catalog:
    """The catalogue of a language with the texts of today; translations that nothing needs any more are kept aside."""
    old = catalogue(language)
    known = {message.id: message for message in (*old.obsolete.values(), *old) if message.id}
    written = datetime(2026, 1, 1, tzinfo=UTC)  # a date of today would make every run a change
    new = Catalog(language, project="Hanse", version="", creation_date=written, revision_date=written)
    new.header_comment = (
        f"# {LANGUAGES[language]} texts of the portal. Written by `python -m hanse.web.language`."
    )
    for message in source():
        if message.id:
            before = known.pop(message.id, None)
            new.add(message.id, before.string if before else None, message.locations, message.flags)
    new.obsolete |= {str(id): message for id, message in known.items()}
    return new


def missing(language: str) -> list[Message]:
    """The texts that have no translation yet."""
    return [message for message in updated(language) if message.id and not _complete(message)]


def _complete(message: Message) -> bool:
    return all(message.string) if isinstance(message.string, (tuple, list)) else bool(message.string)


def main() -> int:
    """Brings all `.po` files up to date; the exit code says whether something is missing."""
    left = 0
    for language in (one for one in LANGUAGES if one != SOURCE):
        catalog = updated(language)
        with (_LOCALE / f"{language}.po").open("wb") as file:
            pofile.write_po(file, catalog, width=110, sort_output=True, include_lineno=False)
        for message in missing(language):
            left += 1
            print(f"{language}: {message.locations[0][0]}: {message.id!r}")
    print(f"{left} missing")
    return min(left, 1)


if __name__ == "__main__":
    sys.exit(main())
