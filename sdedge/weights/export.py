"""Write any opened model as a diffusers folder or as one LDM `.safetensors`, tensor by tensor."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdedge.errors import ModelError, OutputError
from sdedge.files import atomic_write
from sdedge.weights import keys
from sdedge.weights.checkpoint import Checkpoint
from sdedge.weights.files import ALIGNMENT, ITEM_SIZES, LazyTensor, check_inside
from sdedge.weights.folders import read_config
from sdedge.weights.header_metadata import METADATA
from sdedge.weights.headers import DTYPES

if TYPE_CHECKING:
    import torch

_CODES = {name: code for code, (name, _) in DTYPES.items()}
_FOLDER_FILES = {
    "unet": "diffusion_pytorch_model.safetensors", "vae": "diffusion_pytorch_model.safetensors",
    "text_encoder": "model.safetensors",
}  # fmt: skip
_POSITION_IDS = "text_model.embeddings.position_ids"
CLIP_TOKENS = 49408
HINTS = "sdedge.json"


def export_single(
    checkpoint: Checkpoint, path: str | Path, dtype: str | None = None, tokenizer: Path | None = None,
    origin: Mapping[str, str] | None = None,
) -> Path:  # fmt: skip
    """Writes one `.safetensors` with LDM names, as the web UIs read it. `dtype` ('float16', ...) converts the floating
    tensors; None keeps every bit. Configurations that shapes do not tell, a vocabulary that is not CLIP's, hints, and `origin`,
    what it was made of, go into the header. Raises OutputError, and ModelError for hints that are none."""
    tensors = {name: (tensor, dtype) for name, tensor in ldm_tensors(checkpoint).items()}
    metadata = {"format": "pt", METADATA + "configs": json.dumps(checkpoint.configs), **(origin or {})}
    texts = _own_vocabulary(checkpoint, tokenizer)
    if texts:
        metadata[METADATA + "tokenizer"] = json.dumps(texts)
    if hints := _hints(checkpoint):
        metadata[METADATA + "hints"] = json.dumps(hints)
    extra = {keys.TEXT_PREFIX + _POSITION_IDS: list(range(77))}
    with atomic_write(path) as file:
        _write_safetensors(file, tensors, metadata, extra)
    return Path(path)


def _hints(checkpoint: Checkpoint) -> dict[str, Any]:
    """Returns the guidance and preview that suit a model, where it says so. Raises ModelError for a file that is none."""
    file = checkpoint.path / HINTS
    return read_config(file, checkpoint.path) if file.is_file() else checkpoint.hints


def export_folder(
    checkpoint: Checkpoint, folder: str | Path, dtype: str | None = None, tokenizer: Path | None = None
) -> Path:
    """Writes a diffusers folder that diffusers itself loads. The folder appears complete or not at all.

    `tokenizer` is a vocabulary folder or CLIP's BPE file. Raises OutputError, and ModelError for hints that are none.
    """
    with _new_folder(Path(folder)) as new:
        for name, tensors in checkpoint.components.items():
            with atomic_write(new / name / _FOLDER_FILES[name]) as file:
                _write_safetensors(file, {n: (t, dtype) for n, t in tensors.items()}, {"format": "pt"})
            _write_json(new / name / "config.json", checkpoint.configs[name])
        _write_json(new / "scheduler" / "scheduler_config.json", checkpoint.configs["scheduler"])
        _copy_tokenizer(tokenizer, new / "tokenizer")
        if checkpoint.safety_checker is not None:
            _copy_inside(checkpoint.path, checkpoint.safety_checker, new / "safety_checker")
            _write_json(
                new / "feature_extractor" / "preprocessor_config.json", _preprocessor(checkpoint.safety_checker)
            )
        if hints := _hints(checkpoint):
            _write_json(new / HINTS, hints)
        _write_json(new / "model_index.json", _model_index(checkpoint))
    return Path(folder)


def ldm_tensors(checkpoint: Checkpoint) -> dict[str, LazyTensor]:
    """Returns the tensors under LDM names and shapes."""
    unet = keys.invert(keys.unet_table(keys.unet_layout(checkpoint.unet)))
    vae = keys.invert(keys.vae_table(keys.vae_layout(checkpoint.vae)))
    named = {keys.TEXT_PREFIX + name: tensor for name, tensor in checkpoint.text_encoder.items()}
    for prefix, table, tensors in ((keys.UNET_PREFIX, unet, checkpoint.unet), (keys.VAE_PREFIX, vae, checkpoint.vae)):
        for name, tensor in tensors.items():
            theirs = keys.rename(name, table)
            if theirs is None:
                raise ModelError(
                    f"{checkpoint.path} has the weight {name}, which LDM has no name for; export a folder instead."
                )
            if prefix == keys.VAE_PREFIX and ".attn_1." in theirs and len(tensor.shape) == 2:
                tensor = tensor.reshaped((*tensor.shape, 1, 1))
            named[prefix + theirs] = tensor
    return named


def _write_safetensors(
    file: Any, tensors: Mapping[str, tuple[LazyTensor, str | None]], metadata: dict[str, str],
    integers: Mapping[str, list[int]] | None = None,
) -> None:  # fmt: skip
    """Writes the header, then the tensors one after another. Those of whole cache lines come first, so that all of them are
    aligned and can be used in place; the rest follows by width, which keeps each aligned to its own elements."""
    integers = integers or {}
    plan = {name: (_stored_as(tensor, dtype), list(tensor.shape)) for name, (tensor, dtype) in tensors.items()}
    plan |= {name: ("int64", [len(values)]) for name, values in integers.items()}
    sizes = {name: ITEM_SIZES[dtype_name] * _product(shape) for name, (dtype_name, shape) in plan.items()}
    order = sorted(plan, key=lambda name: (sizes[name] % ALIGNMENT != 0, -ITEM_SIZES[plan[name][0]], name))
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name in order:
        dtype_name, shape = plan[name]
        begin, end = end, end + sizes[name]
        header[name] = {"dtype": _CODES[dtype_name], "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    file.write(len(text).to_bytes(8, "little") + text)
    for name in order:
        if name in integers:
            file.write(b"".join(value.to_bytes(8, "little") for value in integers[name]))
        else:
            _write_tensor(file, tensors[name][0], plan[name][0])


def _stored_as(tensor: LazyTensor, dtype: str | None) -> str:
    return dtype if dtype and tensor.dtype_name.startswith(("float", "bfloat")) else tensor.dtype_name


def _write_tensor(file: Any, lazy: LazyTensor, dtype_name: str) -> None:
    import torch

    target: torch.dtype = getattr(torch, dtype_name)
    value = lazy.copy(target)
    file.write(value.view(-1).view(torch.uint8).numpy().data if value.numel() else b"")


def _product(shape: list[int]) -> int:
    result = 1
    for extent in shape:
        result *= extent
    return result


def _own_vocabulary(checkpoint: Checkpoint, tokenizer: Path | None) -> dict[str, str]:
    """Returns the vocabulary's texts when it is not CLIP's, which everybody has."""
    if checkpoint.text_encoder["text_model.embeddings.token_embedding.weight"].shape[0] == CLIP_TOKENS:
        return {}
    if tokenizer is None or not tokenizer.is_dir():
        return dict(checkpoint.tokenizer_texts)
    names = ("vocab.json", "merges.txt", "tokenizer.json")
    return {name: (tokenizer / name).read_text("utf-8") for name in names if (tokenizer / name).is_file()}


def _copy_tokenizer(source: Path | None, target: Path) -> None:
    if source is None:
        return
    from sdedge.text.tokenizer import Tokenizer

    tokenizer = Tokenizer.from_folder(source) if source.is_dir() else Tokenizer.from_bpe_file(source)
    tokenizer.save(target)


def _copy_inside(root: Path, source: Path, target: Path) -> None:
    """Copies the regular files of a folder, none by a link that leads out of the model."""
    for path in sorted(source.rglob("*")):
        if path.is_file():
            check_inside(root, path)
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def _preprocessor(checker: Path) -> dict[str, Any]:
    """Returns what transformers' CLIPImageProcessor needs to prepare pictures as `sdedge.models.safety.prepare` does."""
    from sdedge.models.safety import MEAN, STD

    config = read_config(checker / "config.json", checker.parent)
    vision = config.get("vision_config") or config.get("vision_config_dict") or {}
    side = vision.get("image_size", 224) if isinstance(vision, dict) else 224
    return {
        "image_processor_type": "CLIPImageProcessor", "do_convert_rgb": True,
        "do_resize": True, "size": {"shortest_edge": side}, "resample": 3,
        "do_center_crop": True, "crop_size": {"height": side, "width": side},
        "do_rescale": True, "rescale_factor": 1 / 255,
        "do_normalize": True, "image_mean": MEAN.astype(float).tolist(), "image_std": STD.astype(float).tolist(),
    }  # fmt: skip


def _model_index(checkpoint: Checkpoint) -> dict[str, Any]:
    kind = {9: "Inpaint", 8: "InstructPix2Pix"}.get(checkpoint.in_channels, "")
    checked = checkpoint.safety_checker is not None
    safety = ["stable_diffusion", "StableDiffusionSafetyChecker"] if checked else [None, None]
    extractor = ["transformers", "CLIPImageProcessor"] if checked else [None, None]
    return {
        "_class_name": f"StableDiffusion{kind}Pipeline", "_diffusers_version": "0.6.0",
        "feature_extractor": extractor, "requires_safety_checker": False, "safety_checker": safety,
        "scheduler": ["diffusers", checkpoint.configs["scheduler"].get("_class_name", "PNDMScheduler")],
        "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", checkpoint.configs["vae"].get("_class_name", "AutoencoderKL")],
    }  # fmt: skip


def _write_json(path: Path, value: Any) -> None:
    with atomic_write(path) as file:
        file.write((json.dumps(value, indent=2, sort_keys=True) + "\n").encode())


@contextmanager
def _new_folder(target: Path) -> Iterator[Path]:
    """Yields a temporary folder beside `target` that becomes it on success and disappears otherwise."""
    if target.exists():
        raise OutputError(f"{target} is there already; choose another folder or remove it.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name[:40]}."))
    except OSError as error:
        raise OutputError(f"Cannot write {target}: {error.strerror or error}; choose another folder.") from None
    try:
        yield new
        new.chmod(0o755)
        os.replace(new, target)
    except OSError as error:
        raise OutputError(f"Cannot write {target}: {error.strerror or error}; free some space.") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
