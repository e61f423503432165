"""Properties that tell when they change, for models that are tested without a window. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")
Watcher = Callable[[], None]


class Observed(Generic[T]):
    """A property of an `Observable`. Setting an equal value changes nothing and tells nobody."""

    def __init__(self, default: T) -> None:
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, owner: None, kind: type) -> Observed[T]: ...
    @overload
    def __get__(self, owner: Observable, kind: type) -> T: ...
    def __get__(self, owner: Observable | None, kind: type) -> Any:
        return self if owner is None else owner.__dict__.get(self.name, self.default)

    def __set__(self, owner: Observable, value: T) -> None:
        if value != self.__get__(owner, type(owner)) or type(value) is not type(self.__get__(owner, type(owner))):
            owner.__dict__[self.name] = value
            owner.notify(self.name)


class Observable:
    """Has `Observed` properties, and watchers that are called after some of them changed."""

    def __init__(self) -> None:
        self._watchers: list[tuple[frozenset[str], Watcher]] = []
        self._grouping = 0
        self._changed: set[str] = set()

    def watch(self, watcher: Watcher, *names: str) -> Callable[[], None]:
        """Calls `watcher` after a change of any of the named properties, of any at all without names.

        Returns what ends it.
        """
        entry = (frozenset(names), watcher)
        self._watchers.append(entry)
        return lambda: self._watchers.remove(entry) if entry in self._watchers else None

    @contextmanager
    def grouped(self) -> Iterator[None]:
        """Within: changes are told once, at the end."""
        self._grouping += 1
        try:
            yield
        finally:
            self._grouping -= 1
            if not self._grouping:
                self._tell()

    def notify(self, name: str) -> None:
        """Says that a property has changed."""
        self._changed.add(name)
        if not self._grouping:
            self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, set()
        if changed:
            for names, watcher in list(self._watchers):
                if not names or names & changed:
                    watcher()
