"""Open a Stable Diffusion v1 model from any layout: lazy tensors under diffusers names, and its configurations.

`open_checkpoint` reads no weights and executes nothing. `load_into` fills a module with what it found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from sdedge.errors import ModelError
from sdedge.json_values import read_json
from sdedge.weights import architecture, folders, keys
from sdedge.weights.files import LazyTensor, TensorSource, open_tensors
from sdedge.weights.headers import MAX_HEADER
from sdedge.weights.loading import find_broken, listing, load_into

__all__ = ["Checkpoint", "find_broken", "is_vae", "load_into", "open_checkpoint", "open_vae"]

# LDM keys outside the three networks that every loader ignores: the schedule, the averages, training leftovers.
_IGNORED = (
    "alphas_cumprod*", "betas", "log_one_minus_alphas_cumprod", "posterior_*", "sqrt_*", "logvar", "scale_factor",
    "model_ema.*", "loss.*", "*.loss.*", "lvlb_weights", "cond_stage_model.logit_scale",
    "cond_stage_model.text_projection*", "cond_stage_model.transformer.text_projection*", "v_pred", "ztsnr",
)  # fmt: skip
# Layers that trainers and tools hang into a network; the network is whole without them.
_ADDED = re.compile(
    r"(?:^|[._])(?:lora|loha|lokr|hada|dora|lycoris)(?:[._]|$)|_ip\.|\.processor\.|ip_adapter|hypernet|embedding_manager"
)
METADATA = "sdedge."  # prefix of what our own exports keep in a safetensors header


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

    @property
    def prediction_type(self) -> str:
        """'epsilon' for all of v1; 'v_prediction' for the fine-tunes that say so."""
        return self.configs["scheduler"].get("prediction_type", "epsilon")

    @property
    def in_channels(self) -> int:
        """4, or 9 for an inpainting model."""
        return self.unet["conv_in.weight"].shape[1]

    @property
    def components(self) -> dict[str, dict[str, LazyTensor]]:
        return {"unet": self.unet, "vae": self.vae, "text_encoder": self.text_encoder}


def open_checkpoint(path: str | Path, *, ema: bool | None = None, vae: str | Path | None = None) -> Checkpoint:
    """Open a v1 model: a diffusers folder, a Hugging Face cache folder or repository name, or an LDM single file.

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
    """A VAE by itself: a bare file under LDM or diffusers names, a diffusers VAE folder (a tiny one such as TAESD, too),
    or a whole model's.

    Returns its tensors under diffusers keys and its configuration.
    """
    location = folders.locate(path)
    if location.is_dir():
        folder = location / "vae" if (location / "vae").is_dir() else location
        tensors: Mapping[str, LazyTensor] = folders.open_component(folder, None, location).tensors
        config = folders.read_config(folder / "config.json", location)
    else:
        source = open_tensors(location)
        tensors = source
        embedded = _embedded(source, "configs").get("vae")
        config = embedded if isinstance(embedded, dict) else {}
    if config.get("_class_name") == architecture.TINY_VAE:
        return dict(tensors), config
    renamed = _vae_tensors(tensors, [])
    if not renamed:
        what = architecture.unsupported_architecture(tensors) or "not a VAE"
        raise ModelError(f"{location} is {what}; name a VAE file or a model with one.")
    architecture.check_vae(renamed)
    return renamed, config or architecture.infer_vae(renamed)


def is_vae(path: Path) -> bool:
    """Whether an existing file or folder is a VAE by itself, as opposed to a whole model or anything else."""
    if path.is_dir():
        return not (path / "unet").is_dir() and ((path / "vae").is_dir() or "latent_channels" in _config_of(path))
    source = open_tensors(path)
    if any(name.startswith((keys.UNET_PREFIX, keys.TEXT_PREFIX)) for name in source):
        return False
    return architecture.unsupported_architecture(source) is None and bool(_vae_tensors(source, []))


def _config_of(folder: Path) -> dict[str, Any]:
    return folders.read_config(folder / "config.json") if (folder / "config.json").is_file() else {}


# Layouts


def _open_folder(folder: Path, ema: bool | None, has_vae: bool) -> Checkpoint:
    report: list[str] = []
    folders.check_pipeline(folder)
    parts: dict[str, dict[str, LazyTensor]] = {"vae": {}}
    configs: dict[str, dict[str, Any]] = {}
    for name in ("unet", "text_encoder") if has_vae else ("unet", "vae", "text_encoder"):
        if folders.is_switched_off(folder, name):
            raise ModelError(f"{folder} has its {name} switched off in model_index.json; get a whole model.")
        component = folders.open_component(folder / name, ema, folder)
        configs[name] = folders.read_config(folder / name / "config.json", folder)
        parts[name] = _without_added(component.tensors, report)
        report += component.report
    scheduler = folder / "scheduler" / "scheduler_config.json"
    configs["scheduler"] = (
        folders.read_config(scheduler, folder) if scheduler.exists() else dict(architecture.SCHEDULER)
    )
    return Checkpoint(
        folder, "diffusers folder", _complete(parts["unet"], "unet"),
        _complete(_vae_tensors(parts["vae"], report), "vae") if parts["vae"] or not has_vae else {},
        _complete(_text_tensors(parts["text_encoder"], report), "text_encoder"), configs, report,
        tokenizer_files=folders.find_tokenizer(folder), safety_checker=_safety_folder(folder),
    )  # fmt: skip


def _safety_folder(folder: Path) -> Path | None:
    safety = folder / "safety_checker"
    return safety if safety.is_dir() and not folders.is_switched_off(folder, "safety_checker") else None


def _open_single(path: Path, ema: bool | None, has_vae: bool) -> Checkpoint:
    source = open_tensors(path)
    unsupported = architecture.unsupported_architecture(source)
    if unsupported:
        raise ModelError(f"{path} is {unsupported}, not a Stable Diffusion v1 model.")
    report: list[str] = []
    unet = _ldm_unet(source, ema, report)
    text = _text_tensors({n[len(keys.TEXT_PREFIX) :]: t for n, t in _under(source, keys.TEXT_PREFIX).items()}, report)
    vae = {} if has_vae else _vae_tensors(source, report)
    _require(path, unet, vae or has_vae, text)
    _report_unused(source, report)
    if not has_vae:
        architecture.check_vae(vae)
    return Checkpoint(
        path, f"ldm {source.container}", unet, vae, text, _single_configs(source, unet, vae, text, report), report,
        tokenizer_files=folders.find_tokenizer(path),
        tokenizer_texts={name: text for name, text in _embedded(source, "tokenizer").items() if isinstance(text, str)},
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


# LDM single files


def _under(source: Mapping[str, LazyTensor], prefix: str) -> dict[str, LazyTensor]:
    return {name: tensor for name, tensor in source.items() if name.startswith(prefix)}


def _ldm_unet(source: TensorSource, ema: bool | None, report: list[str]) -> dict[str, LazyTensor]:
    plain = {name[len(keys.UNET_PREFIX) :]: tensor for name, tensor in _under(source, keys.UNET_PREFIX).items()}
    averages = _under(source, keys.EMA_PREFIX + "diffusion_model")
    if averages and not plain:
        raise ModelError("It has averaged (EMA) weights only, whose names cannot be read without the plain ones.")
    if averages:
        plain = _choose_ema(plain, averages, ema, report)
    elif ema and plain:
        raise ModelError("It has no averaged (EMA) weights; load it without asking for them.")
    plain = _without_added(plain, report)
    if not plain:
        return {}
    return _renamed(plain, keys.unet_table(keys.ldm_unet_layout(plain)), "UNet")


def _choose_ema(
    plain: dict[str, LazyTensor], averages: dict[str, LazyTensor], ema: bool | None, report: list[str]
) -> dict[str, LazyTensor]:
    named = {name: keys.ema_name(name) for name in plain}
    absent = [name for name, average in named.items() if average not in averages]
    if not ema:
        report.append("Plain weights used; averaged (EMA) ones are in the file too")
        return plain
    if absent:
        raise ModelError(
            f"Its averaged (EMA) weights are incomplete: {listing('missing', absent)}; load the plain ones."
        )
    report.append("Averaged (EMA) weights used")
    return {name: averages[average] for name, average in named.items()}


def _vae_tensors(source: Mapping[str, LazyTensor], report: list[str]) -> dict[str, LazyTensor]:
    """A VAE under any prefix and naming, in diffusers keys; empty when there is none. What is beside it goes to `report`."""
    prefixes = [prefix for prefix in (*keys.VAE_PREFIXES, "") if f"{prefix}decoder.conv_in.weight" in source]
    if len(prefixes) > 1 and prefixes[1]:
        raise ModelError("It holds two VAEs (first_stage_model. and vae.); choose one with a VAE file of its own.")
    if not prefixes:
        return {}
    prefix = prefixes[0]
    named = {name[len(prefix) :]: tensor for name, tensor in (_under(source, prefix) if prefix else source).items()}
    plain = {
        n: t for n, t in named.items() if n.startswith(("encoder.", "decoder.", "quant_conv.", "post_quant_conv."))
    }
    beside = [prefix + n for n in named if n not in plain and not _is_ignored(n)] if prefix else []
    if beside:
        report.append(listing("not used", beside))
    plain = _without_added(plain, report)
    if any(name.startswith(("encoder.down.", "decoder.up.")) for name in plain):
        plain = _renamed(plain, keys.vae_table(keys.ldm_vae_layout(plain)), "VAE")
    renamed: dict[str, LazyTensor] = {}
    for name, tensor in plain.items():
        _add(renamed, keys.modern_vae_name(name), tensor)
    return _complete({name: _as_linear(name, tensor, renamed) for name, tensor in renamed.items()}, "vae")


def _as_linear(name: str, tensor: LazyTensor, tensors: Mapping[str, LazyTensor]) -> LazyTensor:
    """LDM keeps the VAE's attention as 1x1 convolutions, diffusers as linear layers, others as convolutions along one axis or as
    flat runs, biases and norms too: the same bytes."""
    module, attention, part = name.partition("mid_block.attentions.0.")
    norm = tensors.get(f"{module}{attention}group_norm.weight")
    if not attention or norm is None or tensor.stride is not None:
        return tensor
    width = norm.numel
    shape = (width,) if part.startswith("group_norm.") or part.endswith(".bias") else (width, width)
    # Axes of one element, or none at all, are another way to write the shape; any other shape is another network's.
    extents = tuple(extent for extent in tensor.shape if extent != 1)
    ones = tuple(extent for extent in shape if extent != 1)
    same = extents == ones or (len(tensor.shape) == 1 and tensor.numel == width * width)
    return tensor.reshaped(shape) if same and tensor.shape != shape else tensor


def _text_tensors(source: Mapping[str, LazyTensor], report: list[str]) -> dict[str, LazyTensor]:
    renamed: dict[str, LazyTensor] = {}
    beside: list[str] = []
    for name, tensor in _without_added(source, report).items():
        if name.endswith("embeddings.position_ids"):
            # arange(77) by definition; mergers average it into fractions. The engine makes its own.
            if tensor.dtype_name != "int64":
                report.append(f"position_ids are stored as {tensor.dtype_name}; regenerated")
        elif name.startswith(("text_model.", "embeddings.", "encoder.", "final_layer_norm.")):
            _add(renamed, keys.text_name(name), tensor)
        elif "text_projection" not in name and "logit_scale" not in name:
            beside.append(tensor.name)
    if beside:
        report.append(listing("not used", beside))
    return _complete(renamed, "text_encoder") if renamed else renamed


def _renamed(tensors: Mapping[str, LazyTensor], table: dict[str, str], part: str) -> dict[str, LazyTensor]:
    renamed: dict[str, LazyTensor] = {}
    unknown: list[str] = []
    for name, tensor in tensors.items():
        ours = keys.rename(name, table)
        if ours is None:
            unknown.append(name)
        else:
            _add(renamed, ours, tensor)
    if unknown:
        raise ModelError(f"Its {part} is not v1's: {listing('unknown', unknown)}.")
    return _complete(renamed, part.lower())


def _add(tensors: dict[str, LazyTensor], name: str, tensor: LazyTensor) -> None:
    if name in tensors:
        raise ModelError(f"{tensors[name].name!r} and {tensor.name!r} are the same weight {name}; remove one of them.")
    tensors[name] = tensor


# One key that every complete part has; without it shapes cannot even be judged.
_LANDMARKS = {
    "unet": ("conv_in.weight", "conv_out.weight", "down_blocks.0.resnets.0.conv1.weight"),
    "vae": ("encoder.conv_in.weight", "decoder.conv_in.weight", "decoder.conv_out.weight"),
    "text_encoder": ("text_model.embeddings.token_embedding.weight", "text_model.embeddings.position_embedding.weight"),
}  # fmt: skip


def _complete(tensors: dict[str, LazyTensor], part: str) -> dict[str, LazyTensor]:
    missing = [name for name in _LANDMARKS[part] if name not in tensors]
    if missing:
        raise ModelError(f"The {part.replace('_', ' ')} is incomplete: {listing('missing', missing)}; get it again.")
    return tensors


def _report_unused(source: TensorSource, report: list[str]) -> None:
    prefixes = (keys.UNET_PREFIX, keys.TEXT_PREFIX, *keys.VAE_PREFIXES)
    used = [
        prefix for prefix in prefixes if prefix not in keys.VAE_PREFIXES or f"{prefix}decoder.conv_in.weight" in source
    ]
    unused = [n for n in source if not n.startswith(tuple(used)) and not _is_ignored(n)]
    if unused:
        report.append(listing("not used", unused))


def _is_ignored(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in _IGNORED)


def _without_added(tensors: Mapping[str, LazyTensor], report: list[str]) -> dict[str, LazyTensor]:
    """A network's tensors without the layers that were hung into it (LoRA, IP-Adapter), which `report` names."""
    added = [name for name in tensors if _ADDED.search(name)]
    if added:
        report.append(listing("not used", [tensors[name].name for name in added]))
    return {name: tensor for name, tensor in tensors.items() if name not in set(added)} if added else dict(tensors)


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
    if "v_pred" in source or _says_v(source.metadata):
        configs["scheduler"]["prediction_type"] = "v_prediction"
        report.append("The file says that it predicts v")
    if "ztsnr" in source:
        configs["scheduler"]["rescale_betas_zero_snr"] = True
    for name, config in _embedded(source, "configs").items():
        if name in configs and isinstance(config, dict):
            configs[name] = config
    return configs


def _says_v(metadata: Mapping[str, str]) -> bool:
    """Whether the header says that the UNet predicts v, in the words of the Model Spec or of kohya's scripts."""
    types = [metadata.get(f"modelspec.{key}", "") for key in ("predict_key", "prediction_type")]
    return "v" in types or "v_prediction" in types or metadata.get("ss_v_parameterization", "").lower() == "true"


def _embedded(source: TensorSource, what: str) -> dict[str, Any]:
    """What our own export put in the header: configurations (head counts leave no trace in shapes), vocabulary."""
    try:
        value = read_json(source.metadata.get(METADATA + what, "{}"), f"The {what} in the header", MAX_HEADER)
    except ModelError:
        return {}
    return value if isinstance(value, dict) else {}


def _describe_precision(checkpoint: Checkpoint) -> None:
    counts = Counter(t.dtype_name for part in checkpoint.components.values() for t in part.values())
    text = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    checkpoint.report.append(f"Mixed precision: {text} tensors" if len(counts) > 1 else f"Stored as {text.split()[-1]}")
