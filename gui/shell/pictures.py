"""Picture files for the screen and for masks, read off the main thread."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QSize, Qt
from PySide6.QtGui import QImage

from gui.languages.texts import tr
from sdedge.files import atomic_write, make_private_folder, open_regular
from sdedge.places import data_folder

if TYPE_CHECKING:
    from sdedge.images.metadata_fields import Metadata

SHOWN = 2048  # pixels of the longer side are enough to look at and to paint a mask on


@dataclass(frozen=True)
class Looked:
    """A picture of any origin: how it looks, its real size, what it says about its making, remarks."""

    path: str
    image: QImage
    size: tuple[int, int]
    metadata: Metadata
    notes: tuple[str, ...] = ()


def look_at_picture(path: str | Path) -> Looked:
    """Reads any picture as one to start from. Raises InvalidRequest for what is missing, damaged, too large or none."""
    from sdedge.images.metadata import read
    from sdedge.images.source import flatten, load  # brings numpy, which the first paint need not wait for

    opened = load(path)
    flat = flatten(opened.image)
    size = flat.size
    flat.thumbnail((SHOWN, SHOWN))
    rgb = flat.tobytes()
    image = QImage(rgb, flat.width, flat.height, 3 * flat.width, QImage.Format.Format_RGB888).copy()
    return Looked(str(path), image, size, read(path), opened.notes)


def keep_pasted(image: QImage) -> Path:
    """Writes a picture of the clipboard under the hash of its content, readable by its owner alone; raises OutputError."""
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return keep_private("pasted", bytes(data.data()))


def keep_private(kind: str, png: bytes) -> Path:
    """Writes a PNG into the data folder's folder `kind` under the hash of its content, so that a waiting job keeps its
    own; its owner alone can read it. Raises OutputError."""
    path = data_folder() / kind / f"{hashlib.sha256(png).hexdigest()[:16]}.png"
    if not path.is_file():
        with suppress(OSError):  # said when it is written
            make_private_folder(path.parent)
        with atomic_write(path) as file:
            file.write(png)
    return path


def shrink(image: QImage, side: int) -> QImage:
    """Returns a picture of at most `side` pixels."""
    if max(image.width(), image.height()) <= side:
        return image
    mode = Qt.TransformationMode.SmoothTransformation
    return image.scaled(QSize(side, side), Qt.AspectRatioMode.KeepAspectRatio, mode)


def short(name: str, length: int) -> str:
    """Returns a file name cut in the middle, so that its beginning and its ending stay readable."""
    if len(name) <= length:
        return name
    tail = length // 3
    return f"{name[: length - tail - 1]}…{name[-tail:]}"


def finished(path: str | Path) -> QImage:
    """Returns a picture of ours, at full size. Raises OSError when it is gone or damaged."""
    with open_regular(path) as file:
        image = QImage.fromData(file.read())
    if image.isNull():
        raise OSError(0, tr("the picture is gone or damaged"), str(path))
    return image
