"""The names inside LoRA files: which network, module and piece a key means, in every spelling in circulation.

A file names a module by its *stem*: the module's path with `.` written as `_`, as kohya's trainer does. Dotted names
(diffusers, peft) are flattened to the same stem, and `modules_by_stem` turns stems back into the modules of the model
at hand, in diffusers and in LDM spelling, so nothing here depends on the size of the model.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sdedge.weights.files import LazyTensor
from sdedge.weights.keys import invert, rename, unet_layout, unet_table

UNET = "unet"
TEXT = "text_encoder"

# The first prefix that fits decides. Names without any come from peft or diffusers' attention processors.
_PREFIXES = (
    ("lora_unet_", UNET), ("oft_unet_", UNET), ("lora_te1_", TEXT), ("lora_te_", TEXT), ("unet.", UNET),
    ("text_encoder.", TEXT), ("diffusion_model.", UNET), ("text_encoders.clip_l.transformer.", TEXT),
    ("clip_l.", TEXT),  # OneTrainer's, in the names of the Open Model Initiative
    ("model.diffusion_model.", UNET), ("cond_stage_model.transformer.", TEXT),  # as in a whole checkpoint
    ("base_model.model.unet.", UNET), ("base_model.model.text_encoder.", TEXT),
    # LyCORIS' own wrapper names what it wraps, or says nothing.
    ("lycoris_unet_", UNET), ("lycoris_te1_", TEXT), ("lycoris_te_", TEXT), ("lycoris_text_encoder_", TEXT),
)  # fmt: skip
_LYCORIS = "lycoris_"
_LYCORIS_TEXT = ("text_model_", "encoder_layers_", "embeddings_", "final_layer_norm")
_BARE_UNET = ("down_blocks.", "mid_block.", "up_blocks.", "conv_in.", "conv_out.", "conv_norm_out.", "time_embedding.")

# Our name of a piece -> the spellings of it.
_SPELLINGS = {
    "down": ("lora_down", "lora_A", "lora.down", "lora_linear_layer.down"),
    "up": ("lora_up", "lora_B", "lora.up", "lora_linear_layer.up"),
    "mid": ("lora_mid",),
    "alpha": ("alpha", "lora.alpha", "lora_linear_layer.alpha"),
    "magnitude": ("lora_magnitude_vector",),
}
_SAME_NAME = (
    "dora_scale", "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2",
    "lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2",
    "weight", "on_input", "diff", "diff_b", "w_norm", "b_norm", "a1", "a2", "b1", "b2", "bm", "oft_blocks", "rescale",
)  # fmt: skip
_PIECES = {spelling: piece for piece, spellings in _SPELLINGS.items() for spelling in spellings}
_PIECES |= {name: name for name in _SAME_NAME}
_KEY = re.compile(
    r"(?P<module>.+?)\.(?:(?P<piece>" + "|".join(map(re.escape, _PIECES)) + r")(?:\.default(?:_\d+)?)?(?:\.weight)?"
    # peft's, with the name that an adapter was given
    r"|(?P<named>lora_[AB](?=\.[\w-]+\.weight)|lora_magnitude_vector)\.[\w-]+(?:\.weight)?)"
)
_OLD_PROCESSOR = re.compile(r"\.to_(q|k|v|out)_lora\.")
_OLD_TEXT_NAMES = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"}


@dataclass(frozen=True)
class LoraKey:
    """`piece` (down, up, alpha, hada_w1_a, ...) of the module `stem` in the network `part`."""

    part: str
    stem: str
    piece: str


def parse_key(key: str) -> LoraKey | None:
    """Returns what a tensor's name means; None when it is no LoRA name known here."""
    part, rest = _split_prefix(key)
    rest = _OLD_PROCESSOR.sub(r".to_\1.lora.", rest.replace(".processor.", "."))
    match = _KEY.fullmatch(rest)
    if part is None or match is None:
        return None
    stem = flat(_modern_module(part, match["module"]))
    if part == TEXT and not stem.startswith("text_model_"):
        stem = f"text_model_{stem}"
    return LoraKey(part, stem, _PIECES[match["piece"] or match["named"]])


def is_lora(names: Collection[str]) -> bool:
    """Returns whether most of a file's names are pieces that LoRAs alone have; a plain `weight` is any network's."""
    keys = [parse_key(name) for name in names]
    return 2 * sum(key is not None and key.piece != "weight" for key in keys) > len(keys)


def _split_prefix(key: str) -> tuple[str | None, str]:
    for prefix, part in _PREFIXES:
        if key.startswith(prefix):
            return part, key.removeprefix(prefix).removeprefix("base_model.model.")
    if key.startswith(_LYCORIS):
        rest = key.removeprefix(_LYCORIS)
        return (TEXT if rest.startswith(_LYCORIS_TEXT) else UNET), rest
    rest = key.removeprefix("base_model.model.")
    if rest.startswith(_BARE_UNET):
        return UNET, rest
    return (TEXT if rest.startswith("text_model.") else None), rest


def _modern_module(part: str, module: str) -> str:
    """Undoes what diffusers called attention layers before it used peft."""
    head, _, last = module.rpartition(".")
    if part == TEXT and last in _OLD_TEXT_NAMES:
        return f"{head}.{_OLD_TEXT_NAMES[last]}"
    return f"{module}.0" if last == "to_out" else module


def flat(module: str) -> str:
    return module.replace(".", "_")


def modules_by_stem(part: str, names: Collection[str]) -> dict[str, str]:
    """Returns stem -> module for the tensors `names` of a network (diffusers names), the LDM stems of a UNet included."""
    modules = sorted({name.rpartition(".")[0] for name in names})
    table = {flat(module): module for module in modules}
    if part == UNET:
        to_ldm = invert(unet_table(unet_layout(names)))
        for module in modules:
            ldm = rename(f"{module}.weight", to_ldm)
            if ldm is not None:
                table.setdefault(flat(ldm.removesuffix(".weight")), module)
    return table


_XL = "Stable Diffusion XL"
_V2 = "Stable Diffusion 2"
_TRANSFORMER = "a transformer model (FLUX, Stable Diffusion 3 or alike)"
_FAMILY_PREFIXES = (
    (
        ("lora_te2_", "lycoris_te2_", "lycoris_text_encoder_2_", "text_encoder_2.", "text_encoders.clip_g.", "clip_g."),
        _XL,
    ),
    (("lycoris_transformer_", "lycoris_single_transformer_", "lycoris_double_", "lycoris_joint_"), _TRANSFORMER),
    (
        ("lora_te3_", "text_encoder_3.", "transformer.", "lora_transformer_", "text_encoders.t5xxl.", "t5."),
        _TRANSFORMER,
    ),
    (("lora_prior_", "prior."), "Stable Cascade"),
)
_FAMILY_PIECES = (("double_blocks", _TRANSFORMER), ("single_blocks", _TRANSFORMER), ("joint_blocks", _TRANSFORMER))
_ARCHITECTURES = (
    ("stable-diffusion-xl", _XL), ("stable-diffusion-v2", _V2), ("stable-diffusion-v3", _TRANSFORMER),
    ("stable-diffusion-3", _TRANSFORMER), ("flux", _TRANSFORMER), ("stable-cascade", "Stable Cascade"),
)  # fmt: skip
_CONTEXT_WIDTHS = {1024: _V2, 2048: _XL, 4096: _TRANSFORMER}
_ACROSS_INPUT = ("down", "diff", "hada_w1_b", "b2")  # pieces whose second axis is the module's input
_DEEP_TEXT = re.compile(r"text_model_encoder_layers_(1[2-9]|[2-9]\d)_")


def name_family(tensors: Mapping[str, LazyTensor], metadata: Mapping[str, str]) -> str | None:
    """Returns the model family a LoRA was made for where names, shapes or metadata say that it is not v1; else None."""
    for prefixes, family in _FAMILY_PREFIXES:
        if any(name.startswith(prefixes) for name in tensors):
            return family
    for piece, family in _FAMILY_PIECES:
        if any(piece in name for name in tensors):
            return family
    architecture = metadata.get("modelspec.architecture", "").lower()
    for start, family in _ARCHITECTURES:
        if architecture.startswith(start):
            return family
    if metadata.get("ss_base_model_version", "").startswith("sdxl"):
        return _XL
    return _V2 if metadata.get("ss_v2") == "True" else _family_by_shape(tensors.values())


def _family_by_shape(tensors: Iterable[LazyTensor]) -> str | None:
    for tensor in tensors:
        key = parse_key(tensor.name)
        if key is None:
            continue
        if key.part == TEXT and _DEEP_TEXT.match(key.stem):
            return f"{_V2} (its text encoder has more than 12 layers)"
        width = tensor.shape[1] if len(tensor.shape) > 1 and key.piece in _ACROSS_INPUT else 0
        if key.stem.endswith(("attn2_to_k", "attn2_to_v")) and width in _CONTEXT_WIDTHS:
            return f"{_CONTEXT_WIDTHS[width]} (context width {width})"
    return None
