"""The formats in which the catalogue is given: by the ending of an address, or by what a reader accepts."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence

from hanse.core.errors import NotFound
from hanse.core.record import spoken
from hanse.hub.card import Card
from hanse.lib import rdf

HTML, JSON, CSV = "html", "json", "csv"
RDF: Mapping[str, rdf.Format] = {one.ending: one for one in rdf.FORMATS.values()}
MEDIA_TYPES: Mapping[str, str] = {
    HTML: "text/html",
    JSON: "application/json",
    CSV: "text/csv",
    **{ending: one.media_type for ending, one in RDF.items()},
}


def by_ending(ending: str, offered: Iterable[str]) -> str:
    """The ending itself; `NotFound` when it is not offered."""
    offered = list(offered)
    if ending not in offered:
        raise NotFound(
            f"There is no such format here: {ending[:20]}.", hint=f"There are {', '.join(offered)}."
        )
    return ending


def by_accept(accept: str, offered: Iterable[str]) -> str:
    """The ending of the offered format that an `Accept` header likes best (RFC 9110, 12.5.1): among equals the first
    offered, which is also the answer to a header that names none of them."""
    wishes = [_wish(part) for part in accept.lower().split(",")[:50]]
    offered = list(offered)

    def liked(ending: str) -> float:
        kind = MEDIA_TYPES[ending]
        ranges = (kind, kind.partition("/")[0] + "/*", "*/*")
        found = [[weight for wish, weight in wishes if wish == one] for one in ranges]
        return next((weights[0] for weights in found if weights), 0.0)

    return max(offered, key=liked)


def _wish(part: str) -> tuple[str, float]:
    kind, *parameters = (one.strip() for one in part.split(";"))
    weight = next((one.removeprefix("q=") for one in parameters if one.startswith("q=")), "1")
    try:
        return kind, min(max(float(weight), 0.0), 1.0)
    except ValueError:
        return kind, 0.0


COLUMNS: Mapping[str, Callable[[Card], object]] = {
    "id": lambda card: card.id,
    "name": lambda card: card.name,
    "title": lambda card: spoken(card.title),
    "node": lambda card: card.source.name,
    "holder": lambda card: card.holder,
    "country": lambda card: card.country,
    "rights": lambda card: card.rights,
    "tier": lambda card: card.tier,
    "persons": lambda card: card.counts.persons,
    "studies": lambda card: card.counts.studies,
    "series": lambda card: card.counts.series,
    "rule": lambda card: card.counts.rule,
    "threshold": lambda card: card.counts.threshold,
    "rounding": lambda card: card.counts.rounding,
    "cancer_types": lambda card: " ".join(card.cancer_types),
    "modalities": lambda card: " ".join(card.modalities),
    "body_parts": lambda card: " ".join(card.body_parts),
    "license": lambda card: card.license,
    "synthetic": lambda card: "yes" if card.synthetic else "no",
    "version": lambda card: card.version,
    "created": lambda card: card.created,
}


def table(cards: Sequence[Card]) -> bytes:
    """The datasets as CSV (RFC 4180) in UTF-8; a number that was not released is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([defused(read(card)) for read in COLUMNS.values()] for card in cards)
    return text.getvalue().encode()


def defused(value: object) -> object:
    """A cell that no spreadsheet takes for a formula (https://owasp.org/www-community/attacks/CSV_Injection)."""
    if isinstance(value, str) and value[:1] in tuple("=+-@\t\r\n"):
        return "'" + value
    return value
