"""Hanse: health data stay where they are; questions, permits and computations travel."""

__version__ = "0.1.0"
