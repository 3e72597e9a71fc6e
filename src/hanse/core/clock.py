"""Time in one place: aware UTC, written as RFC 3339 with a `Z`.

The database and the other side of a link never supply the time; pure functions take `at`.
"""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment of this machine, aware and in UTC."""
    return datetime.now(UTC)


def text(at: datetime) -> str:
    """`2026-11-22T06:30:00.000Z`: milliseconds, so that texts sort as their times do."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def read(value: str) -> datetime:
    """The aware time that `text` wrote; `ValueError` for a time without a zone."""
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError(f"the time {value!r} names no zone")
    return at.astimezone(UTC)
