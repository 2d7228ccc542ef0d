"""Every error that a user can cause or meet.

A message says what is wrong, the value that was given, what is allowed and what to do next. The command
line maps each class to one exit code; the library raises them and knows nothing of exit codes.
"""


class VambaError(Exception):
    """Base of all errors that vamba raises on purpose."""


class UsageError(VambaError):
    """An argument, setting, preset or question that is not allowed."""


class MediaError(VambaError):
    """The input is missing, is not a video, or not one frame of it can be decoded."""


class MemoryBudgetError(VambaError):
    """The work does not fit into the memory that it may use."""


class ModelError(VambaError):
    """Weights, a tokenizer or a dependency are missing, broken, or of a kind that is not implemented."""


class LockHeldError(VambaError):
    """Another run is under way, and this one was told not to run beside it."""


class VerificationError(VambaError):
    """A model was checked against reference results and lies outside their tolerance."""
