"""What the models view lists: the embedded model, the library's models and VAEs, LoRAs and embeddings. No Qt, no torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from gui.shell.advice import for_the_window
from sdedge.engines.open import locate
from sdedge.errors import ModelError
from sdedge.library import adapters
from sdedge.library.licences import LICENCE_PAGES
from sdedge.library.manifest import Manifest, is_bundle
from sdedge.library.model_notes import ModelNote, ModelNotes
from sdedge.library.models import EMBEDDED, Library, Model

_PIECE = 8 << 20  # bytes of a file that are read at a time

ROLES = ("model", "vae", "control", "upscaler", "detector", "lora", "embedding")


@dataclass(frozen=True)
class Item:
    """One thing that pictures can be made with. `role` is one of ROLES, `size` in bytes, `page` the licence's address."""

    name: str
    role: str
    kind: str
    path: Path
    size: int
    base: str = "v1"
    hash: str = ""
    licence: str = ""
    page: str = ""
    accepted: bool = True
    linked: bool = False
    source: str = ""
    added: str = ""
    default: bool = False
    here: bool = True
    embedded: bool = False
    notes: tuple[str, ...] = ()
    """What is wrong with it."""
    sizes: tuple[tuple[int, int], ...] = ()
    """Of a converted model, (width, height) in pixels: those it draws, or of a graph the least and the largest."""
    note: ModelNote = ModelNote()
    """What a person keeps beside it."""

    @property
    def usable(self) -> bool:
        return self.here and self.accepted


def read_items(folder: Path | None = None) -> list[Item]:
    """Returns everything there is, by role. Raises SdedgeError for a library that cannot be opened."""
    library = Library(folder)
    try:
        default = library.default
        models = [_item(library, model, default) for model in library.models()]
        notes = ModelNotes(library).all()
    finally:
        library.close()
    others = [
        Item(extra.name, extra.role, extra.path.suffix.lstrip("."), extra.path, extra.size)
        for extra in adapters.installed()
    ]
    models.sort(key=lambda item: ROLES.index(item.role))
    items = [_embedded(default == EMBEDDED), *models, *others]
    return [replace(item, note=notes.get((item.name, item.role), item.note)) for item in items]


class FileHashes:
    """SHA-256 of files, whose first ten digits web UIs show, each computed once; one that nobody wants any more is given up."""

    def __init__(self) -> None:
        self._known: dict[tuple[Path, int, int], str] = {}
        self._wanted: Path | None = None

    def want(self, path: Path | None) -> None:
        """Gives up every other file's that is being computed."""
        self._wanted = path

    def of(self, path: Path) -> str:
        """Returns that of a file, in a thread; "" where it was given up. Raises OSError."""
        state = path.stat()
        key, digest = (path, state.st_size, state.st_mtime_ns), hashlib.sha256()
        if key not in self._known:
            with open(path, "rb") as file:
                while data := file.read(_PIECE):
                    if self._wanted != path:
                        return ""
                    digest.update(data)
            self._known[key] = digest.hexdigest()
        return self._known[key]


def _embedded(default: bool) -> Item:
    path = locate(EMBEDDED)
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return Item(
        EMBEDDED, "model", "folder", path, size, "v1 topology", licence="Apache-2.0", source="sdedge",
        default=default, embedded=True,
    )  # fmt: skip


def _item(library: Library, model: Model, default: str) -> Item:
    sizes, notes = _sizes(model)
    return Item(
        name=model.name, role=model.role, kind=_kind(model), path=model.path, size=model.size, base=model.base,
        hash=model.sha256, licence=model.licence, page=LICENCE_PAGES.get(model.licence, ""),
        accepted=not library.needs_acceptance(model.licence), linked=model.linked, source=model.source,
        added=model.added[:10], default=model.name == default, here=model.path.exists(), sizes=sizes,
        notes=notes,
    )  # fmt: skip


def _kind(model: Model) -> str:
    return {"coreml": "Core ML"}.get(model.kind, model.kind)


def _sizes(model: Model) -> tuple[tuple[tuple[int, int], ...], tuple[str, ...]]:
    """Returns the sizes that a converted model draws, and what is wrong with it."""
    if not is_bundle(model.path):
        return (), ()
    try:
        return Manifest.read(model.path).sizes, ()
    except ModelError as error:
        return (), (for_the_window(str(error)),)
