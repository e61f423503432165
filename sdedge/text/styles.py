"""Styles: named pieces of prompt, with an optional `{prompt}` slot, in the A1111 web UI's styles.csv. No torch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sdedge.errors import InvalidRequest
from sdedge.files import read_at_most
from sdedge.text.clean import clean, shown

SLOT = "{prompt}"
MAX_LENGTH = 20_000  # characters of a prompt, as in a Request
MAX_FILE = 8 << 20  # bytes


@dataclass(frozen=True)
class Style:
    """What a style adds to the prompt and to the negative prompt; a slot says where the person's own text goes."""

    name: str
    prompt: str = ""
    negative: str = ""


def merge(text: str, style: str) -> str:
    """Returns the person's text in the style's slot, or followed by the style.

    Raises InvalidRequest for more than a prompt holds.
    """
    if len(text) + len(style) + style.count(SLOT) * len(text) > MAX_LENGTH:
        raise InvalidRequest(
            f"With the style {shown(style, 30)} the prompt grows beyond {MAX_LENGTH} characters; shorten it."
        )
    if SLOT in style:
        return style.replace(SLOT, text)
    return ", ".join(part for part in (text.strip(), style.strip()) if part)


def apply(prompt: str, negative: str, names: Iterable[str], styles: Mapping[str, Style]) -> tuple[str, str]:
    """Returns prompt and negative prompt with the named styles, one after another. Raises InvalidRequest for an unknown one."""
    for name in names:
        if name not in styles:
            raise InvalidRequest(
                f"Unknown style {shown(name)}; choose one of {_first_names(styles) or 'none, the list is empty'}."
            )
        prompt, negative = merge(prompt, styles[name].prompt), merge(negative, styles[name].negative)
    return prompt, negative


def _first_names(names: Iterable[str]) -> str:
    listed = [name[:40].replace("\n", " ") for name in names]
    return ", ".join(listed[:20]) + (" …" if len(listed) > 20 else "")


def read_styles(path: str | Path) -> dict[str, Style]:
    """Styles of a CSV file with the columns name, prompt and negative_prompt; rows whose name begins with # are remarks.

    Raises InvalidRequest.
    """
    text = _text(Path(path))
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True))
    except csv.Error as error:
        raise InvalidRequest(f"Cannot read styles from {path} ({error}); give a UTF-8 CSV file.") from error
    if rows and "name" not in rows[0]:
        raise InvalidRequest(f"{path} has no column called name; its columns are name, prompt and negative_prompt.")
    named = [row for row in rows if row["name"] and not row["name"].startswith("#")]
    # Old files call the second column text.
    return {
        row["name"]: Style(row["name"], row.get("prompt") or row.get("text") or "", row.get("negative_prompt") or "")
        for row in named
    }


def _text(path: Path) -> str:
    try:
        data = read_at_most(path, MAX_FILE)
        if len(data) > MAX_FILE:
            raise InvalidRequest(f"{path} has more than {MAX_FILE >> 20} MB; keep fewer styles in it.")
        return clean(data.decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidRequest(f"Cannot read styles from {path} ({reason}); give a UTF-8 CSV file.") from error
