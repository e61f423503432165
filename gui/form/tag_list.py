"""A person's list of tags, as A1111's tag completion reads it: a CSV of tag, kind, count and other names. No Qt.

Each line is `long_hair,0,4350743,"longhair,very_hair"`, the most used first; all but the tag may be missing.
"""

from __future__ import annotations

import csv
import io
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from gui.languages.texts import mark, tr
from sdedge.errors import InvalidRequest
from sdedge.files import read_at_most
from sdedge.text.clean import clean, shown

MAX_FILE = 64 << 20  # bytes
MAX_TAGS = 500_000
LONGEST = 200  # characters of a tag
_UNREAD = mark("Cannot read tags from {0} ({1}); choose a CSV of tags.")
_LETTERS = re.compile(r"[^\W\d_]{2}")


@dataclass(frozen=True)
class Tag:
    """A tag as its file has it; `count` is in its words, such as 4350743 or "Quality tag"."""

    name: str
    count: str = ""

    @property
    def in_prompt(self) -> str:
        """The tag as a prompt has it: spaces for underscores, but for faces such as ^_^, and brackets that are no weight."""
        spaced = self.name.replace("_", " ") if _LETTERS.search(self.name) else self.name
        return re.sub(r"([()])", r"\\\1", spaced)

    @property
    def spoken_count(self) -> str:
        """The count as people read it: 4.4M, 12k."""
        if not self.count.isdecimal():
            return self.count
        number = int(self.count)
        return f"{number / 1e6:.1f}M" if number >= 1e6 else f"{number // 1000}k" if number >= 1000 else str(number)


class TagList:
    """Tags in the order of their file, and where in all of their names something stands."""

    def __init__(self, rows: Iterable[tuple[Tag, tuple[str, ...]]]) -> None:
        self.tags: list[Tag] = []
        aliases: list[tuple[str, int]] = []
        for number, (tag, others) in enumerate(islice(rows, MAX_TAGS)):
            self.tags.append(tag)
            aliases += [(alias, number) for alias in others]
        self._names, self._starts = _joined(tag.name for tag in self.tags)
        self._aliases, self._alias_starts = _joined(alias for alias, _ in aliases)
        self._meant = [number for _, number in aliases]

    def __len__(self) -> int:
        return len(self.tags)

    def matches(self, typed: str, limit: int) -> list[tuple[Tag, str]]:
        """Returns tags that begin so, then those with a word that does, then those by another name of theirs, which is
        returned beside; the most used first."""
        wanted = typed.casefold().replace(" ", "_")
        if not wanted:
            return []
        names = chain(
            _places(self._names, f"\n{wanted}"), _places(self._names, f"_{wanted}"), _places(self._names, f"({wanted}")
        )
        rows: dict[int, str] = {}
        for place in names:
            rows.setdefault(bisect_right(self._starts, place) - 1, "")
            if len(rows) == limit:
                break
        for place in _places(self._aliases, f"\n{wanted}") if len(rows) < limit else ():
            at = bisect_right(self._alias_starts, place) - 1
            rows.setdefault(self._meant[at], self._aliases[place + 1 : self._aliases.index("\n", place + 1)])
            if len(rows) == limit:
                break
        return [(self.tags[number], alias) for number, alias in rows.items()]


def read_tags(path: str | Path) -> TagList:
    """Reads a CSV of tags. Raises InvalidRequest for a file that is missing, too long, no text, or without any tag."""
    try:
        data = read_at_most(path, MAX_FILE)
        if len(data) > MAX_FILE:
            text = tr("{0} has more than {1} MB; choose a shorter list of tags.")
            raise InvalidRequest(text.format(path, MAX_FILE >> 20))
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else tr("it is not UTF-8")
        raise InvalidRequest(tr(_UNREAD).format(path, reason)) from error
    if "\0" in text:
        raise InvalidRequest(tr("{0} is no text; choose a CSV of tags.").format(shown(str(path))))
    try:
        tags = TagList(_rows(text))
    except csv.Error as error:
        raise InvalidRequest(tr(_UNREAD).format(path, error)) from error
    if not tags.tags:
        raise InvalidRequest(tr("There is no tag in {0}; its lines are a tag, its kind and its count.").format(path))
    return tags


def _rows(text: str) -> Iterator[tuple[Tag, tuple[str, ...]]]:
    for number, row in enumerate(csv.reader(io.StringIO(text, newline=""))):
        name = clean(row[0]).strip() if row else ""
        is_heading = (
            number == 0 and len(row) > 1 and bool(row[1].strip()) and not row[1].strip().lstrip("-").isdecimal()
        )
        if not name or len(name) > LONGEST or is_heading or "\n" in name:
            continue
        aliases = clean(row[3]).replace("\n", ",").split(",") if len(row) > 3 and row[3] else ()
        count = clean(row[2]).strip()[:40] if len(row) > 2 else ""
        yield Tag(name, count), tuple(alias.strip() for alias in aliases if 0 < len(alias.strip()) <= LONGEST)


def _joined(names: Iterable[str]) -> tuple[str, list[int]]:
    """Returns names in one text, each behind a line's end, to be searched at once, and where each begins."""
    starts, parts, length = [], [], 0
    for name in names:
        folded = "\n" + name.casefold().replace(" ", "_")
        starts.append(length)
        parts.append(folded)
        length += len(folded)
    return "".join([*parts, "\n"]), starts


def _places(text: str, wanted: str) -> Iterator[int]:
    at = text.find(wanted)
    while at >= 0:
        yield at
        at = text.find(wanted, at + 1)
