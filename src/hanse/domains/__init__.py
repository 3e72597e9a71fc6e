"""The kinds of data that Hanse knows, and the one vocabulary they make together."""

from pathlib import Path

from hanse.core.fields import Vocabulary, read_vocabulary

VOCABULARY_VERSION = "2026.11"
DOMAINS = ("clinical", "imaging")


def _read() -> Vocabulary:
    here = Path(__file__).parent
    return read_vocabulary(VOCABULARY_VERSION, [here / name for name in DOMAINS])


VOCABULARY = _read()
