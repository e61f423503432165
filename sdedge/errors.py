"""Errors meant for people: one sentence that says what is wrong, with what value, and what to do."""

from __future__ import annotations


class SdedgeError(Exception):
    """Something the user can act on. The command line prints the message without a traceback and exits with 1."""


class InvalidRequest(SdedgeError):
    """A request, option or input that cannot be carried out as asked. The command line exits with 2."""


class ModelError(SdedgeError):
    """A model folder, checkpoint or vocabulary that is missing, damaged, or not Stable Diffusion v1."""


class OutputError(SdedgeError):
    """A result that could not be written: unwritable folder, full disk, file in the way."""


class OutOfMemory(SdedgeError):
    """Too little memory for what was asked, before it began or in the middle of it."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception of Python, torch or a driver says that an allocation failed."""
    text = str(error).lower()
    told = ("out of memory", "can't allocate memory", "not enough memory", "insufficient memory")
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(words in text for words in told))
