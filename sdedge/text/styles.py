"""Styles: named pieces of prompt, with an optional `{prompt}` slot, in the A1111 web UI's styles.csv. No torch."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sdedge.errors import InvalidRequest

SLOT = "{prompt}"


@dataclass(frozen=True)
class Style:
    """What a style adds to the prompt and to the negative prompt; a slot says where the person's own text goes."""

    name: str
    prompt: str = ""
    negative: str = ""


def merge(text: str, style: str) -> str:
    """The person's text in the style's slot, or followed by the style."""
    if SLOT in style:
        return style.replace(SLOT, text)
    return ", ".join(part for part in (text.strip(), style.strip()) if part)


def apply(prompt: str, negative: str, names: Iterable[str], styles: Mapping[str, Style]) -> tuple[str, str]:
    """Prompt and negative prompt with the named styles, one after another. Raises InvalidRequest for an unknown one."""
    for name in names:
        if name not in styles:
            raise InvalidRequest(
                f"Unknown style {name!r}; choose one of {', '.join(styles) or 'none, the list is empty'}."
            )
        prompt, negative = merge(prompt, styles[name].prompt), merge(negative, styles[name].negative)
    return prompt, negative


def read(path: str | Path) -> dict[str, Style]:
    """Styles of a CSV file with the columns name, prompt and negative_prompt. Raises InvalidRequest."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequest(f"Cannot read styles from {path} ({error}); give a UTF-8 CSV file.") from error
    if rows and "name" not in rows[0]:
        raise InvalidRequest(f"{path} has no column called name; its columns are name, prompt and negative_prompt.")
    named = [row for row in rows if row["name"]]
    # Old files call the second column text.
    return {
        row["name"]: Style(row["name"], row.get("prompt") or row.get("text") or "", row.get("negative_prompt") or "")
        for row in named
    }
