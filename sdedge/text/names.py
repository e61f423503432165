"""Names of files as prompts spell them: how they are compared, and where embeddings' names stand in a text. No torch."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

_PIECE = re.compile(r"[^\W_]+|[^\w\s]|_")
_COMFY = re.compile(r"embedding:(?:[^\s,:()\[\]]*[/\\])?")  # ComfyUI's spelling, with folders
_SUFFIX = re.compile(r"\.(?:pt|bin|safetensors|png)(?!\w)")


def composed(name: str) -> str:
    """Returns a name in the Unicode form that keyboards give; file systems of the Mac give another."""
    return unicodedata.normalize("NFC", name)


def folded(name: str) -> str:
    """Returns a name without regard to case, width of letters, and what no file system keeps: spaces around it, dots at its
    end.
    """
    parts = unicodedata.normalize("NFKC", name).casefold().split("/")
    return unicodedata.normalize("NFKC", "/".join(part.strip().rstrip(". ") for part in parts))


def loose(name: str) -> str:
    """Returns a name as `folded` does, with any run of spaces and underscores as one underscore."""
    return re.sub(r"[\s_]+", "_", folded(name))


def _lowered(text: str) -> str:
    """Returns a text in lower case, as long as it was: the few letters that become two stay as they are."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)


@dataclass(frozen=True)
class NameMatch:
    """A name that stands in a text from `start` to `stop`."""

    start: int
    stop: int
    name: str


class Names:
    """Names of embeddings, to be found in texts as whole words: without regard to case, and for any run of spaces a space.

    Of two names at one place the longer counts. `embedding:folder/name.pt`, as ComfyUI has it, and
    `<name>`, as diffusers' examples have it, are found as well.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._by_piece: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
        for name in sorted(names, key=len, reverse=True):
            plain = _lowered(composed(name)).split()
            if plain and (first := _PIECE.match(plain[0])):
                spelled = r"\s+".join(map(re.escape, plain))
                self._by_piece.setdefault(first[0], []).append((name, re.compile(spelled)))
                self._by_piece.setdefault("<", []).append((name, re.compile(f"<{spelled}>")))

    def __bool__(self) -> bool:
        return bool(self._by_piece)

    def find(self, text: str) -> list[NameMatch]:
        """Returns the names in reading order, none over another.

        `text` is in composed form (`composed`); positions are places in it.
        """
        lowered, matches, position = _lowered(text), [], 0
        while piece := _PIECE.search(lowered, position):
            position = piece.end()
            comfy = _COMFY.match(lowered, piece.start()) if piece[0] == "embedding" else None
            match = (comfy and self._at(lowered, comfy.end(), comfy=True)) or self._at(lowered, piece.start())
            if match is not None:
                matches.append(NameMatch(piece.start(), match.stop, match.name))
                position = match.stop
        return matches

    def _at(self, lowered: str, start: int, comfy: bool = False) -> NameMatch | None:
        piece = _PIECE.match(lowered, start)
        for name, pattern in self._by_piece.get(piece[0], ()) if piece else ():
            match = pattern.match(lowered, start)
            if match is None or not _borders(lowered, start, match.end()):
                continue
            suffix = _SUFFIX.match(lowered, match.end()) if comfy else None
            return NameMatch(start, suffix.end() if suffix else match.end(), name)
        return None


def _borders(text: str, start: int, stop: int) -> bool:
    """Returns whether no word goes on over an end of the span."""
    before, after = text[start - 1 : start], text[stop : stop + 1]
    return not (text[start].isalnum() and before.isalnum()) and not (text[stop - 1].isalnum() and after.isalnum())


def alike(word: str, names: Collection[str]) -> str | None:
    """Returns the one of the names that a misspelt word probably stands for, its own letters first; None where none is near."""
    word = word.casefold()
    same = [name for name in names if sorted(name) == sorted(word)]
    return next(iter(same or get_close_matches(word, names, 1, 0.7)), None)
