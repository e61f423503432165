"""What a prompt becomes: with a style of the person's list, and with the wildcards that a seed chooses. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from gui.shell.advice import for_the_window
from sdedge.errors import InvalidRequest
from sdedge.places import data_folder
from sdedge.text import styles
from sdedge.text.clean import clean

LONGEST = 600  # characters that are shown
FILE = "styles.csv"


@dataclass(frozen=True)
class Becomes:
    """A prompt with its wildcards chosen; `choices` is 0 where it has none, and `fault` says why it cannot be read."""

    text: str = ""
    choices: int = 0
    fault: str = ""


def becomes(prompt: str, seed: int) -> Becomes:
    """Returns what a picture of this seed is drawn from."""
    from sdedge.library.adapters import wildcards_chosen

    if "__" not in prompt and "{" not in prompt:
        return Becomes(prompt)
    try:
        chosen = wildcards_chosen(clean(prompt), seed)
    except InvalidRequest as error:
        return Becomes(fault=for_the_window(str(error)))
    return Becomes(chosen.text, len(chosen.choices))


def read_styles() -> tuple[dict[str, styles.Style], str]:
    """Returns the styles of the person's list, and what is wrong with it; no list is no fault."""
    path = data_folder() / FILE
    try:
        return (styles.read_styles(path), "") if path.exists() else ({}, "")
    except InvalidRequest as error:
        return {}, for_the_window(str(error))


def styled(prompt: str, negative: str, style: styles.Style) -> tuple[str, str]:
    """Returns both prompts with a style around them. Raises InvalidRequest for more than a prompt holds."""
    return styles.apply(prompt, negative, [style.name], {style.name: style})


def cut(text: str) -> str:
    """Returns as much of a long prompt as is shown."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
