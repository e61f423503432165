"""Many requests from one file, and grids over any two fields. No torch.

A file is plain text (one prompt per line), CSV or TSV (a header of field names, one request per row) or JSON lines
(one object per line). A row says only what differs from the request given with it.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sdedge import sampler_options
from sdedge.errors import InvalidRequest
from sdedge.field_types import Integer
from sdedge.json_values import read_json
from sdedge.pass_parts import PartSettings, part_name, read_parts
from sdedge.request import Request
from sdedge.request_fields import ALIASES, FIELDS, SIZE
from sdedge.text import flags
from sdedge.text.clean import clean, shown

Overrides = dict[str, Any]

MAX_CELLS = 400
MAX_FILE = 64 << 20  # bytes of a file of prompts
_IGNORED_FLAGS = {"outpath_samples", "outpath_grids", "do_not_save_samples", "do_not_save_grid", "prompt_for_display"}
OPTION = "option."
"""Begins the name of a column or an axis that sets one option of the sampler: option.s_churn."""
_FLAG_NAMES = {**ALIASES, "scheduler": "schedule"}  # as the web UI's list of prompts has them


def read_requests(path: str | Path) -> list[Overrides]:
    """Reads the fields of each request in a file, by its ending: .csv, .tsv, .jsonl, .ndjson, .json, anything else is text.

    Raises InvalidRequest naming the line that is wrong.
    """
    path = Path(path)
    text = read_text(path, "prompts")
    ending = path.suffix.lower()
    if ending in (".csv", ".tsv"):
        rows = _csv(text, path, "\t" if ending == ".tsv" else None)
    elif ending in (".jsonl", ".ndjson", ".json"):
        rows = _json(text, path)
    else:
        rows = _lines(text, path)
    if not rows:
        raise InvalidRequest(f"{path} holds no requests; write one per line.")
    return rows


def requests(path: str | Path, base: Request, apart: int = 0) -> list[Request]:
    """Returns the requests of a file, each laid over `base`. Raises InvalidRequest naming the line that is wrong.

    A row without a seed of its own has that of `base`, counted up by `apart` from row to row, as one long series would.
    """
    laid = []
    for number, row in enumerate(read_requests(path)):
        seed = {} if base.seed is None else {"seed": base.seed + number * apart}
        with _at(f"request {number + 1} of {path}"):
            laid.append(base.overlaid(**{**seed, **row}))
    return laid


def read_text(path: Path, what: str) -> str:
    """Reads a person's text, cleaned; UTF-8, or UTF-16 with its mark. Raises InvalidRequest, also beyond MAX_FILE bytes."""
    try:
        with open(path, "rb") as file:  # which may well be a pipe: a shell's <(command)
            data = file.read(MAX_FILE + 1)
        wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidRequest(
            f"Cannot read {what} from {clean(str(path))} ({reason}); give a UTF-8 text file."
        ) from error
    if len(data) > MAX_FILE:
        raise InvalidRequest(f"{clean(str(path))} has more than {MAX_FILE >> 20} MB; split it.")
    return clean(text)


def _lines(text: str, path: Path) -> list[Overrides]:
    """Reads a prompt per line, or the web UI's flags: `--prompt "a cat" --steps 20 --n_iter 2` is two rows."""
    rows: list[Overrides] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not flags.has_flags(line):
            rows += [{"prompt": line.strip()}] if line.strip() else []
            continue
        with _at(f"line {number} of {path}"):
            named = flags.split(line, _FLAG_NAMES)
            count = _times(named.pop("n_iter", "1")) * _times(named.pop("batch_size", "1"))
            row = _flag_row(named)
            if count > MAX_CELLS:
                raise InvalidRequest(f"n_iter and batch_size ask for {count} pictures; ask for at most {MAX_CELLS}.")
            seed = row.get("seed")
            rows += [row if seed in (None, -1) else {**row, "seed": seed + i} for i in range(count)]
    return rows


def _flag_row(named: dict[str, str]) -> Overrides:
    """Raises InvalidRequest for a flag that there is none of here, unless it only says where the web UI saves."""
    settings = {name: value for name, value in named.items() if name not in _IGNORED_FLAGS}
    for name in settings:
        if name != SIZE.name and name not in FIELDS:
            raise InvalidRequest(
                f"The flag --{name[:60]} is not known; use those of the web UI for prompts and settings, or write the prompt "
                "as CSV or JSON lines if it is text."
            )
    return overrides(settings)


def _times(value: str) -> int:
    number = Integer(1, MAX_CELLS, "2").parse("n_iter", value)
    if not 1 <= number <= MAX_CELLS:
        raise InvalidRequest(f"n_iter or batch_size is {shown(value)}; choose from 1 to {MAX_CELLS}.")
    return number


@contextmanager
def _at(where: str) -> Iterator[None]:
    """Lets errors that are raised within say where they belong."""
    try:
        yield
    except InvalidRequest as error:
        raise InvalidRequest(f"In {where}: {error}") from error


def _csv(text: str, path: Path, delimiter: str | None) -> list[Overrides]:
    header = text.partition("\n")[0]
    # Spreadsheets write ; where the comma is the decimal sign.
    delimiter = delimiter or max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    try:
        with _at(f"line 1 of {path}"):
            _check_names(reader.fieldnames or ())
        for row in reader:
            with _at(f"line {reader.line_num} of {path}"):
                if None in row:
                    raise InvalidRequest(
                        f"There are more cells than in the header; quote texts that hold {delimiter!r}."
                    )
                rows.append(overrides({name: cell for name, cell in row.items() if cell not in (None, "")}))
    except csv.Error as error:
        raise InvalidRequest(f"{path} is not CSV ({error}); check the quotes near line {reader.line_num}.") from error
    return [row for row in rows if row]


def _check_names(names: Iterable[str | None]) -> None:
    """Raises InvalidRequest for a name that stands twice, of which the reader would keep the last value alone."""
    seen: set[str] = set()
    for name in names:
        if name and name in seen:
            raise InvalidRequest(f"The name {shown(name)} stands twice; leave one out.")
        seen.add(name or "")


def _json(text: str, path: Path) -> list[Overrides]:
    if path.suffix.lower() == ".json":
        with _at(str(path)):
            values = _parsed(text)
        entries = list(enumerate(values if isinstance(values, list) else [values], 1))
        return [_record(value, f"entry {number} of {path}") for number, value in entries]
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            where = f"line {number} of {path}"
            with _at(where):
                value = _parsed(line)
            rows.append(_record(value, where))
    return rows


def _parsed(text: str) -> Any:
    return read_json(text, "This", MAX_FILE, InvalidRequest, "write one object of request fields", unique_keys=True)


def _record(value: Any, where: str) -> Overrides:
    with _at(where):
        if isinstance(value, str):
            return {"prompt": value}
        if not isinstance(value, dict):
            raise InvalidRequest(f"{shown(value)} is not an object of request fields; write one in braces.")
        return overrides(value)


def overrides(record: Mapping[str, Any]) -> Overrides:
    """Reads request fields from names and values as people write them: "CFG scale": "7.5", "size": "512x768".

    Texts become what the field needs; other values stay. Raises InvalidRequest for an unknown name or a text that is
    not a value, and for a field that is given twice under two names.
    """
    _check_once(record)
    values: Overrides = {}
    implied: Overrides = {}
    parts = {part: value for key, value in record.items() if (part := part_name(key))}
    for key, value in record.items():
        if part_name(key):
            continue
        name, value = _entry(key, value, record)
        if name == SIZE.name:
            values |= dict(zip(SIZE.sets, SIZE.parse(str(value)), strict=True))
            continue
        type = FIELDS[name].type
        spread = type.spread(name, value) if isinstance(value, str) else {name: type.from_json(value)}
        own = spread.pop(name)
        values[name] = type.lay(values[name], own) if name in values and type.repeated else own
        implied |= spread
    if parts:
        values["passes"] = FIELDS["passes"].type.lay(values.get("passes"), read_parts(parts))
    return {**implied, **values}


def _entry(key: str, value: Any, record: Mapping[str, Any]) -> tuple[str, Any]:
    """Returns the field of a name and value, `option.s_churn` being a part of the options."""
    if not _is_option(key):
        return _field(key, record), value
    option = key.strip().removeprefix(OPTION)
    return "options", {option: sampler_options.read(option, value.strip()) if isinstance(value, str) else value}


def _is_option(key: object) -> bool:
    return str(key).strip().startswith(OPTION)


def _check_once(record: Mapping[str, Any]) -> None:
    """Raises InvalidRequest for two values of one field: which is meant is not for us to choose."""
    named: dict[str, str] = {}
    for key in record:
        if part := part_name(key):
            if part in named:
                raise InvalidRequest(
                    f"{part} is given twice, by {shown(named[part])} and {shown(key)}; give it once.", field="passes"
                )
            named[part] = key
            continue
        if _is_option(key) or (name := _field(key, record)) == "options":
            continue
        for field in SIZE.sets if name == SIZE.name else (name,):
            if field in named:
                both = shown(named[field]) if named[field] == key else f"{shown(named[field])} and {shown(key)}"
                raise InvalidRequest(f"The {field} is given twice, by {both}; give it once.", field=field)
            named[field] = key


def _field(key: str, record: Mapping[str, Any] = MappingProxyType({})) -> str:
    """Returns the request's field of a name. A "scheduler" beside a sampler is its schedule, as in the web UI and ComfyUI."""
    name = _plain(key)
    if name == "scheduler" and any(_plain(name_beside) in ("sampler", "sampler_name") for name_beside in record):
        name = "schedule"
    name = ALIASES.get(name, name)
    if name not in FIELDS and name != SIZE.name:
        raise InvalidRequest(f"Unknown field {shown(key)}; the fields are {SIZE.name}, {', '.join(sorted(FIELDS))}.")
    return name


def _plain(key: str) -> str:
    return re.sub(r"[\s-]+", "_", str(key).strip().lower())


# Grids


@dataclass(frozen=True)
class Axis:
    """One field and its values along one side of a grid."""

    field: str
    values: tuple[Overrides, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """Requests row by row, with the labels of both sides."""

    rows: tuple[tuple[Request, ...], ...]
    x: Axis
    y: Axis | None

    @property
    def requests(self) -> list[Request]:
        """Returns all cells in reading order."""
        return [request for row in self.rows for request in row]

    @property
    def labels(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Returns the labels of the columns and of the rows, of which a grid of one axis has none."""
        return self.x.labels, self.y.labels if self.y else ()


def axis(text: str) -> Axis:
    """Reads an axis from "steps=10,20,30", "sampler=Euler a,DDIM", "size=512x512,512x768" or "seed=1-4".

    Values are separated by commas, and quoted where they hold one. For whole numbers "1-4" is 1, 2, 3, 4 and
    "10-50+20" is 10, 30, 50. Raises InvalidRequest.
    """
    name, equals, listed = text.partition("=")
    if not equals:
        raise InvalidRequest(f"The axis {shown(text)} has no values; write one such as steps=10,20,30.")
    name = name.strip() if _is_option(name) else part_name(name) or _field(name)
    try:
        values = next(csv.reader([listed], skipinitialspace=True, strict=True), [])
    except csv.Error as error:
        raise InvalidRequest(f"The axis {shown(text)} cannot be read ({error}); check its quotes.") from error
    values = [value.strip() for value in values]
    if name in FIELDS and isinstance(FIELDS[name].type, Integer):
        values = [number for value in values for number in _range(value)]
    if not values or not all(values):
        raise InvalidRequest(f"The axis {shown(text)} has an empty value; write one such as steps=10,20,30.")
    return Axis(name, tuple(overrides({name: value}) for value in values), tuple(f"{name}: {v}" for v in values))


def _range(value: str) -> list[str]:
    match = re.fullmatch(r"(\d{1,19})\s*-\s*(\d{1,19})(?:\s*\+\s*(\d{1,19}))?", value, re.A)
    if not match:
        return [value]
    span = range(int(match[1]), int(match[2]) + 1, max(int(match[3] or 1), 1))
    if not 0 < len(span) <= MAX_CELLS:
        raise InvalidRequest(f"The range {shown(value)} has {len(span)} values; choose from 1 to {MAX_CELLS}.")
    return [str(number) for number in span]


def grid(base: Request, x: Axis, y: Axis | None = None) -> Grid:
    """Lays every pair of values over `base`, x along the rows. Raises InvalidRequest for cells that are not valid.

    A seed that is left to chance should be fixed in `base` first, so that the cells differ only in what is compared.
    """
    if y is not None and (x.field == y.field or set(x.values[0]) & set(y.values[0]) - {"options", "passes"}):
        raise InvalidRequest(f"Both axes set {x.field}; choose two different fields.")
    downs = y.values if y is not None else ({},)
    if len(x.values) * len(downs) > MAX_CELLS:
        raise InvalidRequest(f"The grid has {len(x.values) * len(downs)} cells; keep it to {MAX_CELLS}.")
    rows = tuple(tuple(_laid(base, across, down) for across in x.values) for down in downs)
    return Grid(rows, x, y)


def _laid(base: Request, across: Overrides, down: Overrides) -> Request:
    """Returns a cell; options and passes of both sides and of the base come together."""
    across, down = dict(across), dict(down)
    changes = {**across, **down}
    if "options" in across and "options" in down:
        changes["options"] = {**across["options"], **down["options"]}
    settings = [side.pop("passes") for side in (across, down) if "passes" in side]
    changes = {name: value for name, value in changes.items() if name != "passes"}
    for each in sorted(settings, key=lambda passes: isinstance(passes, PartSettings)):  # whole ones first
        base = base.overlaid(passes=each)
    return base.overlaid(**changes)
