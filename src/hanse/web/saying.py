"""Numbers, dates and names as the language of the page writes them (CLDR)."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_decimal, format_percent

from hanse.core import clock
from hanse.core.answer import Counts
from hanse.web.language import current
from hanse.web.language import gettext as _

NONE = "–"  # where there is no number to say


def number(value: float | None) -> str:
    """`1,204` in English, `1 204` in French; an en dash for None."""
    return NONE if value is None else _decimal(value, current())


@lru_cache(maxsize=20_000)  # a page writes hundreds of numbers, most of them those of the page before
def _decimal(value: float, language: str) -> str:
    return str(format_decimal(value, locale=language))


def count(counts: Counts, unit: str = "persons") -> str:
    """A count as `core.words.number` says it: `~120` when rounded, `< 10` when withheld."""
    value: int | None = getattr(counts, unit)
    if value is not None:
        return f"~{number(value)}" if counts.rounding else number(value)
    return f"< {counts.threshold}" if unit == "persons" and counts.threshold else NONE


def percent(share: float) -> str:
    """`0.25` is `25%`."""
    return str(format_percent(share, locale=current()))


def size(count: float) -> str:
    """A number of bytes in the largest decimal unit that leaves at least 1."""
    units = ("B", "kB", "MB", "GB", "TB", "PB")
    power = 0
    while count >= 1000 and power < len(units) - 1:
        count, power = count / 1000, power + 1
    return f"{format_decimal(round(count, 1 if power else 0), locale=current())} {units[power]}"


def day(text: str | None) -> str:
    """`2026-11-22` as the language writes a day; `2026-11` and `2026` as months and years; other texts as they are."""
    for form, shown in (("%Y-%m-%d", "long"), ("%Y-%m", "MMMM y"), ("%Y", "y")):
        try:
            said = datetime.strptime((text or "")[:10], form)
        except ValueError:
            continue
        return str(format_date(said, shown, locale=current()))
    return text or NONE


def moment(text: str | None) -> str:
    """A point in time, in UTC, to the minute."""
    if not text:
        return NONE
    return f"{format_datetime(clock.read(text), 'medium', locale=current())} UTC"


def ago(text: str | None) -> str:
    """How long ago something was: `3 minutes ago`."""
    if not text:
        return _("never")
    return str(format_timedelta(clock.read(text) - clock.now(), add_direction=True, locale=current()))


def country(code: str) -> str:
    """The name of a country by its two letters; the letters where there is none."""
    return str(Locale(current()).territories.get(code.upper(), code))


def tongue(code: str) -> str:
    """The name of a language by its BCP 47 tag; the tag where there is none."""
    try:
        return Locale.parse(code, sep="-").get_display_name(current()) or code
    except (ValueError, UnknownLocaleError):
        return code


def spoken(text: Mapping[str, str]) -> str:
    """A text of several languages in that of the page, else in English, else in any."""
    return spoken_in(text)[1]


def told(text: str) -> tuple[str, str]:
    """A text that was written outside the portal, in the language of the page where a translation is known and else in
    English, with the language that it is in."""
    said = _(text) if text else ""
    return (current() if said != text else "en"), said


def spoken_in(text: Mapping[str, str]) -> tuple[str, str]:
    """The language in which `spoken` says a text, and the text."""
    for language in (current(), "en"):
        if text.get(language):
            return language, text[language]
    return next(((language, one) for language, one in text.items() if one), ("", ""))
