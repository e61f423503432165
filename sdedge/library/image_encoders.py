"""The image encoder that an IP-Adapter reads pictures by, where it may be on this machine. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sdedge.errors import MissingModel, ModelError, Remedy
from sdedge.library.models import Library
from sdedge.models.config import IPAdapterConfig
from sdedge.weights.folders import locate
from sdedge.weights.image_encoder import KIND, ImageEncoderModel, holds_image_encoder, open_image_encoder

FOLDER = "image_encoder"
"""Its folder beside an IP-Adapter, as the authors published both."""
PUBLISHED = "the folder models/image_encoder of https://huggingface.co/h94/IP-Adapter"
_CACHED = (("h94/IP-Adapter", f"models/{FOLDER}"), ("laion/CLIP-ViT-H-14-laion2B-s32B-b79K", "."))


def find_image_encoder(adapter: Path, name: str, config: IPAdapterConfig) -> ImageEncoderModel:
    """Returns the image encoder for an IP-Adapter's file, whose model people call `name`: beside it, installed, or in the
    Hugging Face cache. No weights are read.

    Raises ModelError where there is none, or none that gives as many values as the adapter reads.
    """
    unfit: ImageEncoderModel | None = None
    for place in _places(adapter):
        if holds_image_encoder(place):
            encoder = open_image_encoder(place)
            if config.encoding == (encoder.pooled if config.reads_pooled else encoder.width):
                return encoder
            unfit = unfit or encoder
    wanted = f"{config.encoding} values {'for a picture' if config.reads_pooled else 'for each part of a picture'}"
    if unfit is not None:
        raise ModelError(
            f"The IP-Adapter {name} reads {wanted}, and the image encoder {unfit.path} gives "
            f"{unfit.pooled if config.reads_pooled else unfit.width}; {Remedy.ADD_IMAGE_ENCODER}, CLIP ViT-H/14.",
            field="controls",
            remedy=Remedy.ADD_IMAGE_ENCODER,
        )
    raise MissingModel(
        f"The IP-Adapter {name} reads its picture by the image encoder CLIP ViT-H/14, which is not here: put its config.json and "
        f"model.safetensors ({PUBLISHED}) into {(adapter.parent / FOLDER).absolute()}, or {Remedy.ADD_IMAGE_ENCODER}.",
        field="controls",
        remedy=Remedy.ADD_IMAGE_ENCODER,
    )


def _places(adapter: Path) -> Iterator[Path]:
    """Yields the folders in which an encoder may be, in the order in which they count."""
    yield adapter.parent / FOLDER
    library = Library()
    try:
        for model in library.models():
            if model.kind == KIND:
                yield library.locate(model.name)
    finally:
        library.close()
    for repository, folder in _CACHED:
        with suppress(ModelError):  # it is not in the cache
            yield locate(repository) / folder
