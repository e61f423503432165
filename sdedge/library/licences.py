"""The licence that a model's own files name. No torch."""

from __future__ import annotations

import re
from pathlib import Path

from sdedge.errors import ModelError
from sdedge.files import open_regular
from sdedge.library.manifest import Manifest, is_bundle
from sdedge.text.clean import clean
from sdedge.weights.files import check_inside, open_tensors

OPENRAIL = "CreativeML OpenRAIL-M"
UNKNOWN = ""
"""What is recorded of a model that names none, until its owner says which it is."""
LICENCE_PAGES = {OPENRAIL: "https://huggingface.co/spaces/CompVis/stable-diffusion-license"}
"""Licences with conditions of use, which are accepted before the first picture, and where they can be read."""
COMMON = (OPENRAIL, "Apache-2.0", "MIT", "CC0-1.0", "CC-BY-4.0", "CC-BY-NC-4.0")
"""Names to choose from."""

LONGEST_TEXT = 1 << 16
"""Characters of a text that is read."""
LONGEST_NAME = 100
"""Characters of a name that is kept."""

_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE")
_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)\r?\n---", re.DOTALL)
_FIELD = re.compile(r"^(license|license_name)[ \t]*:(.*)$", re.MULTILINE | re.IGNORECASE)
_SENTENCE = re.compile(r"\blicen[cs]e\s*:\s*[\"']?([A-Za-z0-9][\w.+-]{1,60}\w)", re.IGNORECASE)
_TITLES = (
    (re.compile(r"creativeml\s+open\s*rail-?\s*m\b", re.IGNORECASE), OPENRAIL),
    (re.compile(r"apache license,?\s+version 2", re.IGNORECASE), "Apache-2.0"),
    (re.compile(r"\bmit license\b", re.IGNORECASE), "MIT"),
    (re.compile(r"cc0 1\.0 universal", re.IGNORECASE), "CC0-1.0"),
)


def licence_of(path: Path) -> str:
    """Returns the name of the licence that a model, VAE or bundle names itself, or UNKNOWN.

    Looked at are a LICENSE file, the header of a safetensors file (`modelspec.license`), and the model card, its front
    matter before its sentences; of a converted bundle, what its source named.
    """
    if is_bundle(path):
        named = Manifest.read(path).source.get("licence")
        return known_name(named) if isinstance(named, str) else UNKNOWN
    return (
        _title(licence_text(path))
        or known_name(header_texts(path).get("license", ""))
        or known_name(card_licence(path))
    )


def known_name(named: str) -> str:
    """Returns a licence's name as it is kept: that of v1's own in one spelling, others cut to LONGEST_NAME characters."""
    name = " ".join(clean(named).split())
    if re.fullmatch(r"(creativeml[-_ ])?open[-_ ]?rail[-_ ]?m", name, re.IGNORECASE):
        return OPENRAIL
    return next((own for own in COMMON if own.lower() == name.lower()), name[:LONGEST_NAME])


def licence_text(path: Path) -> str:
    """Returns the text of the licence file beside a folder's weights, or ""."""
    return next(filter(None, (_read(path, name) for name in _FILES)), "")


def header_texts(path: Path) -> dict[str, str]:
    """Returns `license` and `author` of a safetensors file's header, as the Model Spec standard names them."""
    if path.is_dir():
        return {}
    try:
        metadata = open_tensors(path).metadata
    except ModelError:
        return {}
    texts = {key: metadata.get(f"modelspec.{key}") for key in ("license", "author")}
    return {key: value[:LONGEST_TEXT] for key, value in texts.items() if isinstance(value, str)}


def card_licence(path: Path) -> str:
    """Returns the name that a folder's model card gives, in its front matter or else in a sentence, or ""."""
    card = _read(path, "README.md")
    if front := _FRONT_MATTER.match(card):
        fields = {match[1].lower(): match[2].strip().strip("\"'") for match in _FIELD.finditer(front[1])}
        named = fields.get("license", "")
        return fields.get("license_name", "") if named.lower() in ("", "other", "unknown") else named
    match = _SENTENCE.search(card)
    return match[1] if match else ""


def _title(text: str) -> str:
    """Returns the licence that a text is, by its title; that of an own text is its first line."""
    if not text:
        return UNKNOWN
    return next((name for title, name in _TITLES if title.search(text[:2000])), known_name(text.splitlines()[0]))


def _read(folder: Path, name: str) -> str:
    """Returns the beginning of a text in the folder; "" where there is none, or a link leads out of the folder."""
    try:
        check_inside(folder, folder / name)
        with open_regular(folder / name) as file:
            return file.read(LONGEST_TEXT).decode("utf-8", "replace").strip()
    except (OSError, ModelError):
        return ""
