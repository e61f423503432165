"""Open a Stable Diffusion v1 model from any layout: lazy tensors under diffusers names, and its configurations.

`open_checkpoint` reads no weights and executes nothing. `load_into` fills a module with what it found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdedge.errors import ModelError
from sdedge.weights import architecture, folders, keys
from sdedge.weights.diffusers_names import (
    complete,
    ldm_unet,
    report_unused,
    text_tensors,
    under,
    vae_tensors,
    without_added,
)
from sdedge.weights.files import LazyTensor, TensorSource, open_tensors
from sdedge.weights.header_metadata import embedded, says_v
from sdedge.weights.loading import find_broken, load_into
from sdedge.weights.scaled import unscaled

__all__ = ["Checkpoint", "find_broken", "is_vae", "load_into", "open_checkpoint", "open_vae"]


@dataclass(frozen=True)
class Checkpoint:
    """A v1 model, opened.

    `unet`, `vae` and `text_encoder` map diffusers keys to lazy tensors; the text encoder's keys begin with
    `text_model.`. `configs` has the entries unet, vae, text_encoder and scheduler. `tokenizer_files` is a folder or
    file of vocabulary found beside the model, `tokenizer_texts` the same by file name when it travels inside.
    `report` says in sentences what a person may want to know (which weights were used, what was repaired).
    """

    path: Path
    kind: str
    unet: dict[str, LazyTensor]
    vae: dict[str, LazyTensor]
    text_encoder: dict[str, LazyTensor]
    configs: dict[str, dict[str, Any]]
    report: list[str] = field(default_factory=list)
    tokenizer_files: Path | None = None
    tokenizer_texts: dict[str, str] = field(default_factory=dict)
    safety_checker: Path | None = None
    hints: dict[str, Any] = field(default_factory=dict)
    """What a single file of our own export has in place of a folder's `sdedge.json`; not checked yet."""

    @property
    def name(self) -> str:
        """What the folder is called, dots and all, or the file without its ending."""
        place = self.path.absolute()
        return place.name if place.is_dir() else place.stem

    @property
    def prediction_type(self) -> str:
        """'epsilon' for all of v1; 'v_prediction' for the fine-tunes that say so."""
        return self.configs["scheduler"].get("prediction_type", "epsilon")

    @property
    def in_channels(self) -> int:
        """4; 9 for an inpainting model, 8 for InstructPix2Pix."""
        return self.unet["conv_in.weight"].shape[1]

    @property
    def components(self) -> dict[str, dict[str, LazyTensor]]:
        return {"unet": self.unet, "vae": self.vae, "text_encoder": self.text_encoder}


def open_checkpoint(path: str | Path, *, ema: bool | None = None, vae: str | Path | None = None) -> Checkpoint:
    """Opens a v1 model: a diffusers folder, a Hugging Face cache folder or repository name, or an LDM single file.

    `ema` chooses between the averaged and the plain weights where a file has both; None takes the plain ones, as
    CompVis, diffusers and the web UIs do, unless only averages are there. `vae` replaces the model's own VAE with a
    file or folder. Raises ModelError naming what the file is when it is not v1, and what is missing when incomplete.
    """
    location = folders.locate(path)
    try:
        checkpoint = (_open_folder if location.is_dir() else _open_single)(location, ema, vae is not None)
        if vae is not None:
            checkpoint = _with_vae(checkpoint, Path(vae))
        architecture.check_v1(checkpoint.unet, checkpoint.vae, checkpoint.text_encoder)
    except ModelError as error:
        if str(location) in str(error):
            raise
        raise ModelError(f"Cannot load {location}: {error}", field=error.field, remedy=error.remedy) from None
    _describe_precision(checkpoint)
    return checkpoint


def open_vae(path: str | Path) -> tuple[dict[str, LazyTensor], dict[str, Any]]:
    """Opens a VAE by itself: a bare file under LDM or diffusers names, a diffusers VAE folder (a tiny one such as TAESD, too),
    or a whole model's.

    Returns its tensors under diffusers keys and its configuration. Raises ModelError for another family's model, but for
    Stable Diffusion 2, whose VAE has v1's latents.
    """
    location = folders.locate(path)
    if location.is_dir():
        folder = location / "vae" if (location / "vae").is_dir() else location
        tensors: Mapping[str, LazyTensor] = folders.open_component(folder, None, location).tensors
        config = folders.read_config(folder / "config.json", location)
    else:
        source = open_tensors(location)
        if (family := architecture.other_family(source)) not in (None, architecture.V2):
            raise ModelError(f"{location} is {family}, whose VAE has other latents; name a VAE file or a model of v1.")
        tensors = source
        own = embedded(source, "configs").get("vae")
        config = own if isinstance(own, dict) else {}
    if config.get("_class_name") == architecture.TINY_VAE:
        return dict(tensors), config
    renamed = vae_tensors(tensors, [])
    if not renamed:
        what = architecture.unsupported_architecture(tensors) or "not a VAE"
        raise ModelError(f"{location} is {what}; name a VAE file or a model with one.")
    architecture.check_vae(renamed)
    return renamed, config or architecture.infer_vae(renamed)


def is_vae(path: Path) -> bool:
    """Returns whether an existing file or folder is a VAE by itself, as opposed to a whole model or anything else."""
    if path.is_dir():
        return not (path / "unet").is_dir() and ((path / "vae").is_dir() or "latent_channels" in _config_of(path))
    source = open_tensors(path)
    if any(name.startswith((keys.UNET_PREFIX, keys.TEXT_PREFIX)) for name in source):
        return False
    return architecture.unsupported_architecture(source) is None and bool(vae_tensors(source, []))


def _config_of(folder: Path) -> dict[str, Any]:
    return folders.read_config(folder / "config.json") if (folder / "config.json").is_file() else {}


# Layouts

_WANTED = "a Stable Diffusion v1 model"
_ADDED_CLASSES = {"ControlNetModel": architecture.CONTROLNET, "T2IAdapter": architecture.T2I_ADAPTER}


def _open_folder(folder: Path, ema: bool | None, has_vae: bool) -> Checkpoint:
    report: list[str] = []
    if what := _ADDED_CLASSES.get(str(_config_of(folder).get("_class_name"))):
        raise architecture.wrong_kind(folder, what, _WANTED, "model")
    if (folder / "adapter_model.safetensors").is_file():
        raise architecture.wrong_kind(folder / "adapter_model.safetensors", "a LoRA", _WANTED, "model")
    folders.check_pipeline(folder)
    parts: dict[str, dict[str, LazyTensor]] = {"vae": {}}
    configs: dict[str, dict[str, Any]] = {}
    for name in ("unet", "text_encoder") if has_vae else ("unet", "vae", "text_encoder"):
        if folders.is_switched_off(folder, name):
            raise ModelError(f"{folder} has its {name} switched off in model_index.json; get a whole model.")
        component = folders.open_component(folder / name, ema, folder)
        configs[name] = folders.read_config(folder / name / "config.json", folder)
        parts[name] = without_added(component.tensors, report)
        report += component.report
    scheduler = folder / "scheduler" / "scheduler_config.json"
    configs["scheduler"] = (
        folders.read_config(scheduler, folder) if scheduler.exists() else dict(architecture.SCHEDULER)
    )
    is_tiny = configs.get("vae", {}).get("_class_name") == architecture.TINY_VAE  # as SDXS has it
    if not has_vae and not is_tiny:
        parts["vae"] = complete(vae_tensors(parts["vae"], report), "vae")
    return Checkpoint(
        folder, "diffusers folder", complete(parts["unet"], "unet"), parts["vae"],
        complete(text_tensors(parts["text_encoder"], report), "text_encoder"), configs, report,
        tokenizer_files=folders.find_tokenizer(folder), safety_checker=_safety_folder(folder, report),
    )  # fmt: skip


def _safety_folder(folder: Path, report: list[str]) -> Path | None:
    """Returns the folder of the model's safety checker; None where it is switched off, or has come without weights."""
    safety = folder / "safety_checker"
    if not safety.is_dir() or folders.is_switched_off(folder, safety.name):
        return None
    if not any(path.suffix in (".safetensors", ".bin") for path in safety.iterdir()):
        report.append("safety_checker: there are no weights, so it is left out")
        return None
    return safety


def _open_single(path: Path, ema: bool | None, has_vae: bool) -> Checkpoint:
    source = open_tensors(path)
    unsupported = architecture.unsupported_architecture(source)
    if unsupported:
        raise architecture.wrong_kind(path, unsupported, _WANTED, "model")
    report: list[str] = []
    stored, source = source, unscaled(source)
    if source is not stored:
        report.append("The weights are scaled fp8")
    unet = ldm_unet(source, ema, report)
    text = text_tensors({n[len(keys.TEXT_PREFIX) :]: t for n, t in under(source, keys.TEXT_PREFIX).items()}, report)
    vae = {} if has_vae else vae_tensors(source, report)
    _require(path, unet, vae or has_vae, text)
    report_unused(source, report)
    if not has_vae:
        architecture.check_vae(vae)
    return Checkpoint(
        path, f"ldm {source.container}", unet, vae, text, _single_configs(source, unet, vae, text, report), report,
        tokenizer_files=folders.find_tokenizer(path),
        tokenizer_texts={name: text for name, text in embedded(source, "tokenizer").items() if isinstance(text, str)},
        hints=embedded(source, "hints"),
    )  # fmt: skip


def _require(path: Path, unet: Any, vae: Any, text: Any) -> None:
    if not unet and vae and not text:
        raise ModelError(f"{path} holds only a VAE; choose it as the VAE of a model.")
    lacking = [n for n, part in (("a UNet", unet), ("a VAE", vae), ("a text encoder", text)) if not part]
    if len(lacking) == 3:
        raise ModelError(f"{path} holds no Stable Diffusion v1 weights; check that it is the right file.")
    if lacking == ["a VAE"]:
        raise ModelError(f"{path} holds no VAE; name one to use with it (a VAE file, or any v1 model).")
    if lacking:
        raise ModelError(f"{path} lacks {' and '.join(lacking)}; get the whole checkpoint.")


def _with_vae(checkpoint: Checkpoint, path: Path) -> Checkpoint:
    tensors, config = open_vae(path)
    report = [*checkpoint.report, f"VAE replaced by {path}"]
    scaling = config.get("scaling_factor", 0.18215)
    own = checkpoint.configs.get("vae", {}).get("scaling_factor", 0.18215)
    if not all(isinstance(value, (int, float)) for value in (scaling, own)):
        raise ModelError(f"The VAE {path} or the model scales latents by something that is no number; get it again.")
    if config.get("_class_name") == architecture.TINY_VAE:
        report.append("It is a tiny autoencoder: faster, with less detail")  # and reads scaled latents
    elif abs(scaling - own) > 1e-6:
        report.append(f"The VAE was made for latents scaled by {scaling}, the model for {own}; colours may be wrong")
    values = {**vars(checkpoint), "vae": tensors, "configs": {**checkpoint.configs, "vae": config}, "report": report}
    return Checkpoint(**values)


def _single_configs(
    source: TensorSource, unet: dict[str, LazyTensor], vae: dict[str, LazyTensor], text: dict[str, LazyTensor],
    report: list[str],
) -> dict[str, dict[str, Any]]:  # fmt: skip
    configs: dict[str, dict[str, Any]] = {
        "unet": architecture.infer_unet(unet), "text_encoder": architecture.infer_text_encoder(text),
        "scheduler": dict(architecture.SCHEDULER),
    }  # fmt: skip
    if vae:
        configs["vae"] = architecture.infer_vae(vae)
    if "v_pred" in source or says_v(source.metadata):
        configs["scheduler"]["prediction_type"] = "v_prediction"
        report.append("The file says that it predicts v")
    if "ztsnr" in source:
        configs["scheduler"]["rescale_betas_zero_snr"] = True
    for name, config in embedded(source, "configs").items():
        if name in configs and isinstance(config, dict):
            configs[name] = config
    return configs


def _describe_precision(checkpoint: Checkpoint) -> None:
    counts = Counter(t.dtype_name for part in checkpoint.components.values() for t in part.values())
    text = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    checkpoint.report.append(f"Mixed precision: {text} tensors" if len(counts) > 1 else f"Stored as {text.split()[-1]}")
