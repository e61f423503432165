"""What plain float32 on a CPU makes of the canary's blocks and its small picture: sketches that travel with the package.

`python -m sdedge.process.canary_reference` makes them anew, as is needed when the embedded model is another one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np

from sdedge.errors import ModelError
from sdedge.files import atomic_write
from sdedge.library.models import EMBEDDED
from sdedge.machine.canary_checks import PICTURE, Sketch

Reference = tuple[Mapping[str, Sketch], str]
"""Sketches by name, and the hash of the model that drew the picture."""
MODEL = "model"
"""The key of the embedded model's hash among the arrays."""
WEIGHTS = (
    "text_encoder/model.safetensors", "unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors",
)  # fmt: skip


def embedded_model() -> Path:
    """Returns the folder of the embedded model."""
    return Path(str(files("sdedge.resources"))) / "models" / EMBEDDED


def reference_file() -> Path:
    return embedded_model() / "canary.npz"


def model_hash() -> str:
    """Returns a hash of the embedded model's weights; "" where they are not there."""
    digest = hashlib.sha256()
    for name in WEIGHTS:
        try:
            digest.update((embedded_model() / name).read_bytes())
        except OSError:
            return ""
    return digest.hexdigest()


def read_reference() -> Reference:
    """Returns the reference that travels with the package. Raises ModelError where there are none."""
    try:
        with np.load(BytesIO(reference_file().read_bytes()), allow_pickle=False) as arrays:
            by_name = {name: arrays[name] for name in arrays.files}
        drawn_by = bytes(by_name.pop(MODEL)).decode("ascii")
        return {name: Sketch(array[..., 1:], array[..., 0]) for name, array in by_name.items()}, drawn_by
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ModelError(
            f"The canary's reference {reference_file()} cannot be read ({error}); install sdedge again."
        ) from error


def write_reference(sketches: Mapping[str, Sketch], drawn_by: str, path: Path) -> None:
    """Writes what `read_reference` reads. Raises OutputError."""
    arrays = {name: np.concatenate([each.means[..., None], each.values], -1) for name, each in sketches.items()}
    with atomic_write(path) as file:
        np.savez_compressed(file, **arrays, **{MODEL: np.frombuffer(drawn_by.encode("ascii"), np.uint8)})  # type: ignore[arg-type]


def main() -> None:
    """Computes the reference on this machine and writes it into the tree."""
    from sdedge.engines.canary_blocks import BLOCKS
    from sdedge.engines.torch.block_runs import reference_block
    from sdedge.machine.canary_checks import sketch
    from sdedge.process.canary_trial import small_picture

    sketches = {name: sketch(reference_block(name).numpy()) for name in BLOCKS}
    sketches[PICTURE] = sketch(small_picture("cpu float32"))
    write_reference(sketches, model_hash(), reference_file())
    print(f"{reference_file()}: {reference_file().stat().st_size} bytes")


if __name__ == "__main__":
    main()
