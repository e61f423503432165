"""Files and text from outside: dropped on the window, opened by the menu, the command line or a Mac's Finder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QMimeData, QObject, Signal
from PySide6.QtGui import QImage

from gui.shell.background import LatestRun, in_words
from gui.shell.pictures import Looked, keep_pasted, look_at_picture, short
from gui.shell.restoring import Restored, from_metadata
from sdedge.errors import SdedgeError

if TYPE_CHECKING:
    from gui.shell.studio import Studio

MODELS = (".safetensors", ".ckpt", ".pt", ".bin", ".pth", ".gguf")  # GGUF is refused, with what to use
LONGEST = 100_000  # characters of text that are looked at
LONGEST_NAME = 60  # characters of a name in a remark


@dataclass(frozen=True)
class Sorted:
    """Paths by what can be done with them."""

    pictures: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def sort_out(paths: Sequence[str]) -> Sorted:
    """Sorts by kind. Whether a picture is one shows only when it is read. A folder with `model_index.json` is a model."""
    kinds: dict[str, list[str]] = {"pictures": [], "models": [], "folders": [], "missing": []}
    for text in paths:
        path = Path(text)
        if path.is_dir():
            is_model = any((path / name).is_file() for name in ("model_index.json", "manifest.json"))
            kinds["models" if is_model else "folders"].append(text)
        elif not path.is_file():
            kinds["missing"].append(text)
        else:
            kinds["models" if path.suffix.lower() in MODELS else "pictures"].append(text)
    return Sorted(**{kind: tuple(files) for kind, files in kinds.items()})


@dataclass(frozen=True)
class _Read:
    picture: Looked
    restored: Restored | None
    """Its settings, if it has any that can be used."""


class Drops(QObject):
    """Says one thing about whatever comes, however much it is; the form changes only when a picture could be read."""

    looked = Signal(object)
    """A picture was read and the form starts from it."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._studio = studio
        self._reading = LatestRun(studio.bridge.background, self)
        studio.files_wanted.connect(self.take_files)

    @staticmethod
    def accepts(data: QMimeData) -> bool:
        """Returns whether there is anything to say about it."""
        return data.hasUrls() or data.hasText()

    def take(self, data: QMimeData) -> None:
        """Something was dropped."""
        local = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
        if local:
            self.take_files(local)
        elif data.hasUrls():
            self._studio.say(
                self.tr("sdedge opens no network addresses. Save the picture first and drop the file."), "warning"
            )
        elif data.hasText():
            self._take_text(data.text()[:LONGEST])

    def paste(self, data: QMimeData) -> None:
        """Something was pasted where no text is written: a file, a picture, or settings that another program has copied."""
        image = data.imageData() if data.hasImage() and not data.hasUrls() else None
        if isinstance(image, QImage) and not image.isNull():
            self._paste_image(image)
        elif self.accepts(data):
            self.take(data)
        else:
            self._studio.say_briefly(self.tr("There is nothing to paste."))

    def _paste_image(self, image: QImage) -> None:
        def fail(error: Exception) -> None:
            self._studio.say(in_words(error), "warning")

        self._studio.bridge.background.run(
            lambda: keep_pasted(image), lambda path: self.take_files([str(path)]), fail, self
        )

    def take_files(self, paths: list[str]) -> None:
        """Takes pictures to start from or to take settings from, models to add, or neither."""
        kinds = sort_out(paths)
        if kinds.models:
            self._studio.show_view("models")
            self._studio.models_wanted.emit(list(kinds.models))
        elif kinds.pictures:
            self._read(kinds.pictures[0], len(kinds.pictures))
        elif kinds.folders:
            text = self.tr("{0} is a folder without a model in it. Drop a picture, or the folder of a model.")
            self._studio.say(text.format(Path(kinds.folders[0]).name), "warning")
        elif kinds.missing:
            self._studio.say(self.tr("There is no file at {0} any more.").format(kinds.missing[0]), "warning")

    def _read(self, path: str, count: int) -> None:
        def read() -> _Read:
            picture = look_at_picture(path)
            return _Read(picture, from_metadata(picture.metadata) if picture.metadata.source else None)

        def fail(error: Exception) -> None:
            self._studio.say(in_words(error), "warning")

        self._reading.run(read, lambda done: self._start_from(done, count), fail)

    def _start_from(self, read: _Read, count: int) -> None:
        picture, name = read.picture, Path(read.picture.path).name
        before = self._studio.form.snapshot()
        self.looked.emit(picture)
        self._studio.start_from(picture.path)
        self._studio.show_view("create")
        more = self.tr("Only the first of %n pictures is used.", "", count) if count > 1 else ""
        restored = read.restored
        if restored is not None:
            text = self.tr("{0} says how it was made ({1}).").format(name, picture.metadata.source)

            def restore() -> None:
                now = self._studio.form.snapshot()
                self._studio.form.revert(before)
                self.restore(restored, now)

            self._studio.say(f"{text} {more}".strip(), "info", self.tr("Use its settings"), restore)
        elif more:
            self._studio.say(more)

    def restore(self, restored: Restored, before: Mapping[str, Any] | None = None) -> None:
        """Fills the form with a picture's settings; what was left out is said once, with a button to choose it oneself. Undo
        brings back the form as it was `before`, or as it is."""
        self._studio.use_request(restored.request, restored.keep, before)
        sentences = [*self._left_out(restored), *restored.notes]
        if restored.pictures:
            self._studio.say(
                " ".join(sentences), "info", self.tr("Choose the picture…"), self._studio.actions["open"].trigger
            )
        elif restored.model or restored.vae:
            show = partial(self._studio.show_view, "models")
            self._studio.say(" ".join(sentences), "warning", self.tr("Show the models"), show)
        elif sentences:
            self._studio.say(" ".join(sentences), "warning")

    def _left_out(self, restored: Restored) -> list[str]:
        sentences = []
        if restored.pictures:
            sentences.append(self.tr("It was drawn from another picture, which sdedge does not open by itself."))
        if restored.model:
            model = self.tr("Its model {0} is not installed; yours stays chosen.")
            sentences.append(model.format(short(restored.model, LONGEST_NAME)))
        if restored.vae:
            sentences.append(
                self.tr("Its VAE {0} is not installed and is left out.").format(short(restored.vae, LONGEST_NAME))
            )
        if restored.loras:
            names = ", ".join(short(path, LONGEST_NAME) for path in restored.loras[:3])
            sentences.append(self.tr("Paths of LoRAs are not followed, only their names looked up: {0}.").format(names))
        return sentences

    def _take_text(self, text: str) -> None:
        from sdedge.images.metadata import parse_parameters

        metadata = parse_parameters(text)
        if set(metadata.fields) - {"prompt", "negative"}:
            try:
                self.restore(from_metadata(metadata))
            except SdedgeError as error:
                self._studio.say(in_words(error), "warning")
        else:
            self._studio.say(self.tr("Drop text into the prompt, where it belongs."), "info")
