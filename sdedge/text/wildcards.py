"""Wildcards: `{red|green|blue}` and `__colour__` from a file, chosen by the picture's seed. No torch.

A resolved prompt holds no wildcards any more, so it is what gets recorded: resolving it again changes nothing.
A backslash keeps `\\{`, `\\}` and `\\__` literal; the prompt parser removes it. The tag of a LoRA is left as it is, so that
names with double underscores are found, unless its whole name is a wildcard or it holds braces.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sdedge.errors import InvalidRequest, ModelError
from sdedge.files import inside, open_regular

Lines = Callable[[str], Sequence[str]]
"""From the name of a wildcard to its choices; raises InvalidRequest for a name it does not know."""

MAX_DEPTH = 20
MAX_CHOICES = 1000
MAX_LENGTH = 20_000  # characters, as in a Request
MAX_SCANNED = MAX_DEPTH * MAX_LENGTH  # characters read in all: a text once for every depth it may stand at
MAX_FILE = 8 << 20  # bytes
_NAME = r"[^\W_][\w/\u0300-\u036f-]*?"
_TAG = rf"<(?:lora|lyco):(?!__{_NAME}__[:>])[^<>{{}}|]*>"
_TOKEN = re.compile(rf"\\.|{_TAG}|__({_NAME})__|[][{{}}|]|[^][\\_{{}}|<]+|[_<]|\\", re.S | re.I)
_OPENING = re.compile(rf"\\.|{_TAG}|\{{|__(?={_NAME}__)", re.S | re.I)


@dataclass(frozen=True)
class Choice:
    """One wildcard as it was written, and what took its place."""

    wildcard: str
    chosen: str


@dataclass(frozen=True)
class ResolvedText:
    """A prompt without wildcards, and the choices made, in reading order."""

    text: str
    choices: tuple[Choice, ...]


def escape(text: str) -> str:
    """Returns text from a program without wildcards, such that none are seen in it."""
    if "__" not in text and not ("{" in text and "|" in text):
        return text
    return _OPENING.sub(lambda match: match[0] if match[0][0] in "\\<" else "\\" + match[0], text)


def resolve(
    template: str, seed: int, lines: Lines | None = None, stream: str = "", keep: re.Pattern[str] | None = None
) -> ResolvedText:
    """Chooses every wildcard of `template`. The same seed and stream choose the same; no torch generator is touched.

    `stream` keeps the choices of the negative prompt apart from those of the prompt. Options may hold wildcards
    themselves, and so may the lines of a file. Braces without a bar are plain text, and so is what matches `keep`.

    Raises InvalidRequest for an unknown `__name__`, for wildcards that refer to themselves, and for a result of more
    than MAX_LENGTH characters. No more than MAX_SCANNED characters are read on the way.
    """
    # A string seeds Python's generator through SHA-512, and random() is promised never to change.
    draw = random.Random(f"{seed} {stream}").random
    choices: list[Choice] = []
    scanned = 0

    def choose(wildcard: str, options: Sequence[str], depth: int) -> str:
        if depth >= MAX_DEPTH or len(choices) >= MAX_CHOICES:
            raise InvalidRequest(f"The wildcard {wildcard[:60]!r} leads to itself or nests too deep; simplify it.")
        at = len(choices)
        choices.append(Choice(wildcard, ""))
        chosen = expand(options[int(draw() * len(options))], depth + 1)
        choices[at] = Choice(wildcard, chosen)
        return chosen

    def expand(text: str, depth: int) -> str:
        nonlocal scanned
        scanned += len(text)
        if scanned > MAX_SCANNED:
            raise InvalidRequest(f"The wildcards make a prompt of over {MAX_LENGTH} characters; keep it within that.")
        text = keep.sub(lambda match: escape(match[0]), text) if keep else text
        tokens = list(_TOKEN.finditer(text))
        closing = _closing([token[0] for token in tokens])
        parts: list[str] = []
        i = 0
        while i < len(tokens):
            token = tokens[i]
            options = _options(text, tokens, closing, i) if i in closing else None
            if options is not None:
                i = closing[i]
                parts.append(choose(text[token.start() : tokens[i].end()], options, depth))
            elif token[1]:
                parts.append(choose(token[0], _file_lines(lines, token[1]), depth))
            else:
                parts.append(token[0])
            i += 1
        return "".join(parts)

    text = expand(template, 0)
    if choices and has_wildcards(text):
        text = escape(text)  # pieces that only together look like a wildcard
    if len(text) > MAX_LENGTH:
        raise InvalidRequest(f"The wildcards make a prompt of {len(text)} characters; keep it within {MAX_LENGTH}.")
    return ResolvedText(text, tuple(choices))


def has_wildcards(text: str) -> bool:
    """Returns whether something of a text is still to be chosen."""
    tokens = list(_TOKEN.finditer(text))
    closing = _closing([token[0] for token in tokens])
    return any(token[1] for token in tokens) or any(_options(text, tokens, closing, i) is not None for i in closing)


def _closing(tokens: list[str]) -> dict[int, int]:
    """Returns the index of each opening brace that is closed -> index of its closing brace."""
    opened: list[int] = []
    closing: dict[int, int] = {}
    for i, token in enumerate(tokens):
        if token == "{":
            opened.append(i)
        elif token == "}" and opened:
            closing[opened.pop()] = i
    return closing


def _options(text: str, tokens: list[re.Match[str]], closing: dict[int, int], start: int) -> list[str] | None:
    """Returns the options between the braces that open at token `start`, or None where no bar divides them.

    A bar within square brackets is the prompt language's alternation and divides nothing here.
    """
    cuts, square, i = [tokens[start].end()], 0, start + 1
    while i < closing[start]:
        token = tokens[i][0]
        if token == "|" and not square:
            cuts += [tokens[i].start(), tokens[i].end()]
        elif token == "[":
            square += 1
        elif token == "]" and square:
            square -= 1
        i = closing.get(i, i) + 1
    cuts.append(tokens[closing[start]].start())
    return [text[a:b] for a, b in zip(cuts[::2], cuts[1::2])] if len(cuts) > 2 else None


def _file_lines(lines: Lines | None, name: str) -> Sequence[str]:
    if lines is None:
        raise InvalidRequest(
            f"There are no wildcard files for __{name[:60]}__; write \\__{name[:60]}__ for plain text."
        )
    return lines(name)


def from_folder(folder: str | Path) -> Lines:
    """Wildcards that are text files in a folder: `__animals/cats__` is a line of `animals/cats.txt`.

    Empty lines and lines that start with # do not count. Names are compared without regard to case and Unicode form
    where no file has the very name. A file is read once for all its uses. The function raises InvalidRequest for one
    that is missing, unreadable, no regular file, empty, over MAX_FILE bytes, or outside of the folder.
    """
    folder = Path(folder)

    def lines(name: str) -> Sequence[str]:
        try:
            path = _locate(folder, name)
            status = path.stat()
            choices = _read(path, status.st_mtime_ns, status.st_size)
        except (OSError, UnicodeDecodeError, ModelError) as error:
            reason = (
                error.strerror if isinstance(error, OSError) and error.strerror else "it is no UTF-8 text file in there"
            )
            known = ", ".join(sorted(_names(folder))[:20]) or "none"
            raise InvalidRequest(
                f"Cannot read the wildcard __{name[:60]}__ from {folder} ({reason}); known are {known}; "
                f"write \\__{name[:60]}__ for plain text."
            ) from error
        if not choices:
            raise InvalidRequest(f"The wildcard file {path} has no lines to choose from; write one choice per line.")
        return choices

    return lines


def _locate(folder: Path, name: str) -> Path:
    """Raises ModelError for a name that leads out of the folder."""
    path = inside(folder, f"{name}.txt")
    if path.is_file():
        return path
    return inside(folder, _names(folder).get(_plain(name), name) + ".txt")


def _names(folder: Path) -> dict[str, str]:
    """Returns every wildcard file's name, by the same without regard to case and form; of equal ones the first counts."""
    names: dict[str, str] = {}
    for path in sorted(folder.rglob("*.txt")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        names.setdefault(_plain(name), name)
    return names


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


@lru_cache(maxsize=64)
def _read(path: Path, changed: int, size: int) -> tuple[str, ...]:
    """Returns the lines of a file as it was when it was changed and of this size."""
    if size > MAX_FILE:
        raise OSError(0, f"it is over {MAX_FILE >> 20} MB")
    with open_regular(path) as file:
        data = file.read(MAX_FILE)
    text = data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))
