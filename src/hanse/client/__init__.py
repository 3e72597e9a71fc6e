"""The Python client: `from hanse.client import Hanse`. It speaks HTTP with a hub and knows nothing else of it."""

from hanse.client.answer import Answer
from hanse.client.http import Hanse

__all__ = ["Answer", "Hanse"]
