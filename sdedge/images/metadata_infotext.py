"""The A1111 web UI's `parameters` text, read: prompt, negative prompt, settings, whatever shape it came in. No torch.

The web UI itself reads the last line as settings if it holds at least three `key: value` pairs. Here a line of settings is
known by its keys, so that a prompt's last line with three weights stays prompt; and it need not be the last line, nor a line
of its own: extensions write after it, and sites join all lines. Every function looks at each character a fixed number of times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sdedge.images.metadata_a1111 import KEYS, NEGATIVE, unquote
from sdedge.request_fields import SIZE

MAX_TEXT = 200_000  # characters
MAX_PAIRS = 500  # settings of one text
MAX_KEY = 100  # characters
MAX_STARTS = 8  # places in one line that are tried as the beginning of its settings
MAX_JSON = 8  # values in one line that are tried as JSON
MAX_DEPTH = 30  # of such a value
KNOWN = frozenset((
    *(key.key for key in KEYS.values()), SIZE.key, "Distilled CFG Scale", "Image CFG scale", "Face restoration", "Model hash",
    "VAE hash", "ENSD", "Token merging ratio", "Init image hash", "Hires upscale", "Hires steps", "Hires upscaler",
    "Lora hashes", "TI hashes", "Version", "Guidance", "Scheduler", "Created Date", "Civitai resources", "Civitai metadata",
    "Batch size", "Pipeline", "Hashes", "App", "Parser", "Backend", "Operations",
))  # fmt: skip
_NUMBERS = {"Steps", "CFG scale", "Seed", "Guidance"}
_NUMBER = re.compile(r"[+-]?\d{1,30}(?:[.,]\d{0,30})?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d{1,30},\d{1,30}(?=\s{0,20}(?:,\s|$))")
_SIZE = re.compile(r"\d{1,6}x\d{1,6}")
_RUN = re.compile(r"\w[\w \-/]*+")
_QUOTED = re.compile(r'"(?:\\.|[^\\"])++"', re.S)
BRACKET = re.compile(r'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+([\[\]{}])', re.S)
_START = re.compile(r"(?<![^\s,.;])(?:Steps|Sampler|CFG scale|Seed|Size|Model):")
_AFTER = re.compile(r"(Negative Template|Template):", re.I)


@dataclass(frozen=True)
class Pair:
    """One `key: value`, by where it stands; `joined` says that nothing but space lies between it and the pair before."""

    key: str
    value: str
    start: int
    joined: bool


@dataclass(frozen=True)
class Infotext:
    """A `parameters` text taken apart. `after` is what stood behind the settings, by its label, "" for none."""

    prompt: str = ""
    negative: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)


def parse(text: str) -> Infotext:
    """Takes a text apart and never raises. Values keep their spelling, unquoted; text beyond MAX_TEXT is not looked at."""
    lines = text[:MAX_TEXT].strip().split("\n")
    at, start, pairs = _find_settings(lines)
    if at is None:
        return Infotext(*_split_negative([line.strip() for line in lines], len(lines) == 1))
    before, rest = lines[:at], lines[at][:start].strip()
    if pairs and before and not rest:
        before, pairs = _with_line_above(before, pairs)
    if rest:
        before = [*before, _without_stop(rest)]
    prompt, negative = _split_negative([line.strip() for line in before], bool(rest))
    settings = {pair.key: unquote(pair.value) for pair in reversed(pairs)}  # of a key given twice, the first counts
    return Infotext(prompt, negative, dict(reversed(settings.items())), _labelled(lines[at + 1 :]))


def pairs_of(line: str, start: int = 0) -> Iterator[Pair]:
    """Yields the `key: value` pairs from `start` on: keys of two or more characters, values quoted or up to a comma."""
    position, end, tries = start, start, MAX_JSON
    for _ in range(MAX_PAIRS):
        while (run := _RUN.search(line, position)) and not (
            line.startswith(":", run.end()) and 2 <= len(run[0]) <= MAX_KEY
        ):
            position = run.end()
        if run is None:
            return
        value_start = run.end() + 1
        while value_start < len(line) and line[value_start].isspace():
            value_start += 1
        quoted = _QUOTED.match(line, value_start)
        stop = quoted.end() if quoted else -1
        while quoted and stop < len(line) and line[stop].isspace():
            stop += 1
        if not quoted or (stop < len(line) and line[stop] != ","):
            stop = line.find(",", number.end() if (number := _DECIMAL_COMMA.match(line, value_start)) else value_start)
            stop = len(line) if stop < 0 else stop
        if tries and line[value_start : value_start + 1] in ("[", "{"):
            tries, stop = tries - 1, max(stop, _json_end(line, value_start))
        joined = not line[end : run.start()].strip(" \t,")
        yield Pair(run[0].strip(), line[value_start:stop].strip(), run.start(), joined)
        position = end = stop + 1


def _json_end(line: str, start: int) -> int:
    """Returns where the JSON list or object that begins at `start` ends, if a comma or the end of the line follows; else -1."""
    depth, position = 0, start
    while match := BRACKET.match(line, position):
        position = match.end()
        depth += 1 if match[1] in "[{" else -1
        if depth == 0:
            rest = line[position : position + 20].lstrip()
            return position if not rest or rest[0] == "," else -1
        if depth > MAX_DEPTH:
            return -1
    return -1


def _find_settings(lines: Sequence[str]) -> tuple[int | None, int, list[Pair]]:
    """Returns (line, where in it settings begin, their pairs) of the last line that has any; (None, 0, []) without."""
    for at in range(len(lines) - 1, -1, -1):
        line = lines[at]
        if line.count(":") < 3:
            continue
        pairs = list(pairs_of(line))
        if _are_settings(pairs) and not line[: pairs[0].start].strip() and (_begins(pairs) or _are_nothing_else(pairs)):
            return at, 0, pairs
        starts = [match.start() for match in _START.finditer(line)]
        if len(starts) > MAX_STARTS:
            starts = starts[: MAX_STARTS // 2] + starts[-MAX_STARTS // 2 :]
        tails = [
            (start, tail) for start in starts if _are_settings(tail := list(pairs_of(line, start))) and _begins(tail)
        ]
        unbroken = [(start, tail) for start, tail in tails if all(pair.joined for pair in tail)]
        if tails:
            by_steps = [tail for tail in tails if tail[1][0].key == "Steps"]  # where a value holds commas
            return at, *(unbroken or by_steps[::-1] or tails)[0]
    return None, 0, []


def _are_settings(pairs: Sequence[Pair]) -> bool:
    """Returns whether there are three pairs, two with keys that programs write, one with such a key's number or size."""
    known = [pair for pair in pairs if pair.key in KNOWN]
    return len(pairs) >= 3 and len(known) >= 2 and any(_fits(pair) for pair in known)


def _begins(pairs: Sequence[Pair]) -> bool:
    """Returns whether settings may begin so: with a known key that does not come again, as where the first is prompt."""
    first, *others = pairs
    known = first.key in KNOWN and _fits(first) is not False
    return known and not any(pair.key == first.key and _fits(pair) for pair in others)


def _are_nothing_else(pairs: Sequence[Pair]) -> bool:
    """Returns whether pairs of a whole line are settings though the first one's value is none: four known keys, none twice."""
    keys = [pair.key for pair in pairs if pair.key in KNOWN]
    return pairs[0].key in KNOWN and len(keys) >= 4 and len(set(keys)) == len(keys) and all(p.joined for p in pairs)


def _fits(pair: Pair) -> bool | None:
    """Returns whether the value is the number or size that its key stands for; None for other keys."""
    pattern = _SIZE if pair.key == "Size" else _NUMBER if pair.key in _NUMBERS else None
    return pattern and pattern.fullmatch(pair.value) is not None


def _with_line_above(before: list[str], pairs: list[Pair]) -> tuple[list[str], list[Pair]]:
    """Joins settings that were broken into two lines: the line above is theirs if it is one of settings and shares no key."""
    above = list(pairs_of(before[-1]))
    known = [pair for pair in above if pair.key in KNOWN]
    shared = {pair.key for pair in above} & {pair.key for pair in pairs}
    complete = len(known) >= 2 and len(known) == len(above) and all(pair.joined for pair in above)
    return (before[:-1], [*above, *pairs]) if complete and not shared else (before, pairs)


def _split_negative(lines: Sequence[str], one_line: bool) -> tuple[str, str]:
    """Returns prompt and negative prompt. Where settings stood on the last line with them, that line may hold both."""
    if one_line and lines:
        head, label, tail = lines[-1].partition(NEGATIVE)
        if label and not any(line.startswith(NEGATIVE) for line in lines):
            lines = [*lines[:-1], *([head.rstrip()] if head.strip() else []), NEGATIVE + tail]
    for i, line in enumerate(lines):
        if line.startswith(NEGATIVE):
            # Later lines that start the same way have their label removed as well, as there.
            rest = [line_below.removeprefix(NEGATIVE).strip() for line_below in lines[i:]]
            return "\n".join(lines[:i]), "\n".join(rest)
    return "\n".join(lines), ""


def _without_stop(rest: str) -> str:
    return rest[:-1].rstrip() if rest.endswith((",", ".", ";")) else rest


def _labelled(lines: Sequence[str]) -> dict[str, str]:
    """Returns the lines behind the settings, such as sd-dynamic-prompts' templates, by label."""
    texts: dict[str, list[str]] = {}
    label = ""
    for line in lines:
        if match := _AFTER.match(line):
            label, line = match[1], line[match.end() :]
        texts.setdefault(label, []).append(line.strip())
    return {label: text for label, rows in texts.items() if (text := "\n".join(rows).strip())}
