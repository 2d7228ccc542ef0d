"""vamba: ask questions of hour-long videos, offline, with true timestamps."""

__version__ = "0.1.0"
