"""Python's import statement, as it is without PySide6."""

from __future__ import annotations

import builtins


def keep_imports_plain() -> None:
    """Takes PySide6's switch of features out of the import statement, where it looks through the source of every module, one
    after another, for whether it asks for `__feature__`. Nothing here does. See https://doc.qt.io/qtforpython-6/considerations.html.
    """
    import PySide6  # noqa: F401  which puts it there

    builtins.__import__ = getattr(builtins, "__orig_import__", builtins.__import__)
