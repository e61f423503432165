"""Image encoders for IP-Adapters, opened: folders of CLIP's vision tower with its projection, as transformers writes them.

No weights are read and torch is not imported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdedge.errors import ModelError
from sdedge.models.operations import vision_operations
from sdedge.weights.files import LazyTensor
from sdedge.weights.folders import open_component, read_config

KIND = "image-encoder"
"""Of an image encoder among the installed control models."""
_CLASSES = ("CLIPVisionModelWithProjection", "CLIPModel")
_TOWER = re.compile(r"^(?:vision_model\.)+")
_PARTS = ("vision_model.", "visual_projection.")
_WIDEST = 16384


@dataclass(frozen=True)
class ImageEncoderModel:
    """A folder's image encoder: its config, that of a `CLIPVisionModelWithProjection`, and its tensors, still in their file."""

    path: Path
    config: Mapping[str, Any]
    tensors: Mapping[str, LazyTensor]

    @property
    def pooled(self) -> int:
        """Returns how many values the encoding of a picture has, projected."""
        return self._number("projection_dim", 512)

    @property
    def width(self) -> int:
        """Returns how many values a token has."""
        return self._number("hidden_size", 768)

    @property
    def side(self) -> int:
        """Returns the height and width of the pictures that it reads, in pixels."""
        return self._number("image_size", 224)

    @property
    def tokens(self) -> int:
        """Returns how many tokens it makes of a picture: one for each patch, and one for all of it."""
        return 1 + (self.side // self._number("patch_size", 32)) ** 2

    @property
    def changed(self) -> int:
        """Returns when its files were last changed, in nanoseconds."""
        files = {tensor.file.path for tensor in self.tensors.values()}
        return max(path.stat().st_mtime_ns for path in (self.path / "config.json", *files))

    @property
    def numel(self) -> int:
        """Returns how many parameters it has."""
        return sum(tensor.numel for tensor in self.tensors.values())

    @property
    def operations(self) -> int:
        """Returns how many operations it takes for one picture."""
        return vision_operations(
            self.side, self._number("patch_size", 32), self.width, self._number("intermediate_size", 3072),
            self._number("num_hidden_layers", 12), self.pooled,
        )  # fmt: skip

    def _number(self, name: str, usual: int) -> int:
        value = self.config.get(name, usual)
        if type(value) is not int or not 1 <= value <= _WIDEST:
            raise ModelError(
                f"{self.path / 'config.json'} has {name}={repr(value)[:40]}, which no image encoder has; get it again."
            )
        return value


def holds_image_encoder(location: Path) -> bool:
    """Returns whether a folder is a CLIP vision tower with its projection, alone or with its text encoder."""
    config = location / "config.json"
    if not config.is_file():
        return False
    classes = read_config(config, location).get("architectures")
    return isinstance(classes, list) and any(name in classes for name in _CLASSES)


def open_image_encoder(folder: Path) -> ImageEncoderModel:
    """Opens the folder of an image encoder. Raises ModelError for one that is incomplete or damaged."""
    config = read_config(folder / "config.json", folder)
    vision = config.get("vision_config")
    if isinstance(vision, dict):  # of a whole CLIP
        config = {**vision, "projection_dim": config.get("projection_dim", 512)}
    tensors = open_component(folder, None, folder).tensors
    own = {
        f"clip.{_TOWER.sub('vision_model.', name)}": tensor
        for name, tensor in tensors.items()
        if name.startswith(_PARTS) and not name.endswith(".position_ids")
    }
    return ImageEncoderModel(folder, config, own)
