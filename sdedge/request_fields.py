"""The table of a request's fields, from which command line, JSON and CSV, metadata and the app's form are derived. No torch.

A new field is a line in `Request` and a row here. Where a row has no flag, no key in the web UI's text or no place in the form,
`Without` says why.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from sdedge import catalog
from sdedge.control_syntax import ControlList
from sdedge.errors import InvalidRequest
from sdedge.field_rows import (
    CommandLine,
    FormEntry,
    Group,
    InfotextKey,
    JointField,
    NumberedKeys,
    OptionKeys,
    RequestField,
    Section,
    Without,
)
from sdedge.field_types import (
    Choice,
    Edges,
    EnumChoice,
    Falling,
    Flag,
    Float,
    Integer,
    Interval,
    PathOrName,
    SamplerName,
    SamplerOptions,
    Side,
    Text,
)
from sdedge.guides import GuideList
from sdedge.pass_syntax import PassList
from sdedge.regions import RegionList
from sdedge.sampler_options import Options
from sdedge.text.clean import shown
from sdedge.windows import WindowsType, infotext

MAX_PROMPT = 20_000  # characters
MIN_SIDE, MAX_SIDE = 64, 4096  # pixels
MAX_STEPS = 1000
MAX_LEVEL = 10**6  # of a sigma or timestep; a model's own are far lower
SEEDS = 2**64


def parse_size(text: str) -> tuple[int, int]:
    """Returns width and height of "512x768", or of "512" for a square. Raises InvalidRequest."""
    match = re.fullmatch(r"\s*(\d{1,6})\s*(?:[x×*]\s*(\d{1,6})\s*)?", text.lower(), re.A)
    if not match:
        raise InvalidRequest(f"{shown(text)} is not a size; write 512x768, or 512 for a square.", field="width")
    return int(match[1]), int(match[2] or match[1])


def _stem(path: str) -> str:
    return PurePath(path).stem


def _file_name(path: str) -> str:
    return PurePath(path).name


_RECORD_ONLY = "the web UI has no such setting; our own record holds it"
_NO_MODEL = "The model is empty; name an installed model or give the path of a folder or file."
_MASKED = ("mask", "outpaint")
_SAMPLERS = {row.name: (row.label, row.advice) for row in catalog.SAMPLERS.values()}
_SCHEDULES = {row.name: (row.label, row.text) for row in catalog.SCHEDULES.values()}
_PRESETS = {row.name: (row.label, row.text) for row in catalog.PRESETS.values()}
_SPEEDS = {row.name: (row.label, row.text) for row in catalog.SPEEDS.values()}
_NOISES = {
    None: ("The numerics' own", ""),
    catalog.NoiseSource.TORCH: ("PyTorch", "as diffusers and A1111 on a processor draw it"),
    catalog.NoiseSource.NUMPY: ("NumPy", "as Apple's Core ML tools draw it"),
    catalog.NoiseSource.PHILOX: ("Philox", "as A1111 draws it on Nvidia's GPUs"),
}
_CONTENTS = {row.name: (row.label, row.text) for row in catalog.MASKED_CONTENTS.values()}
_CONTENT_WORDS = {
    catalog.MaskedContent.ORIGINAL: "original", catalog.MaskedContent.FILL: "fill",
    catalog.MaskedContent.NOISE: "latent noise", catalog.MaskedContent.NOTHING: "latent nothing",
}  # fmt: skip

# fmt: off
_ROWS = (
    RequestField(
        "model", PathOrName(empty=_NO_MODEL), "pocket", Group.MODEL,
        CommandLine(("-m", "--model"), "Installed model, folder or file.", "NAME", "see `sdedge models default`"),
        InfotextKey("Model", always=True, write=_stem), FormEntry("Model", Section.BASICS),
        ("sd_model",), always_recorded=True),
    RequestField(
        "vae", PathOrName(), None, Group.MODEL,
        CommandLine(("--vae",), "Model or file whose VAE replaces the model's own.", "PATH"),
        InfotextKey("VAE", write=_file_name), FormEntry("VAE", Section.MORE)),
    RequestField(
        "prompt", Text(MAX_PROMPT), "", Group.PROMPT,
        Without("it is the argument PROMPT"), Without("the text begins with it"), FormEntry("Prompt", Section.PROMPT),
        always_recorded=True),
    RequestField(
        "negative", Text(MAX_PROMPT), "", Group.PROMPT,
        CommandLine(("-n", "--negative"), "What the picture should not show.", "TEXT"),
        Without("it stands before the settings, behind a label"), FormEntry("What it should not show", Section.PROMPT),
        ("negative_prompt",)),
    RequestField(
        "clip_skip", Integer(1, 12, "1"), 1, Group.PROMPT,
        CommandLine(("--clip-skip",), "Text layer to use, counted from the last."),
        InfotextKey("Clip skip"), FormEntry("Clip skip", Section.MORE, 1, 4)),
    RequestField(
        "steps", Integer(1, MAX_STEPS), 20, Group.SAMPLING,
        CommandLine(("-s", "--steps"), "Denoising steps.", default="20, or what suits --speed"),
        InfotextKey("Steps", always=True), FormEntry("Steps", Section.BASICS, 1, 60), always_recorded=True,
        replaced_by=("sigmas", "timesteps")),
    RequestField(
        "guidance", Float(0, 100, "7.5"), None, Group.GUIDANCE,
        CommandLine(("-g", "--guidance"), "Guidance scale; 1 is off.", default="the model's"),
        InfotextKey("CFG scale"), FormEntry("Guidance", Section.BASICS, 1, 15, 2),
        ("cfg", "cfg_scale", "guidance_scale"), always_recorded=True),
    RequestField(
        "sampler", SamplerName(tuple(catalog.SAMPLERS), label=lambda name: catalog.SAMPLERS[name].label, split=catalog.resolve),
        "dpmpp_2m", Group.SAMPLING,
        CommandLine(("--sampler",), 'Such as euler_a or "DPM++ 2M Karras".', "NAME"),
        InfotextKey("Sampler", always=True), FormEntry("Sampler", Section.SAMPLER, choices=_SAMPLERS),
        ("sampler_name", "scheduler"), always_recorded=True),
    RequestField(
        "schedule",
        Choice(tuple(catalog.SCHEDULES), catalog.resolve_schedule, lambda name: catalog.SCHEDULES[name].label),
        None, Group.SAMPLING,
        CommandLine(("--schedule",), "Spacing of the noise levels.", "NAME", "the sampler's"),
        InfotextKey("Schedule type"),
        FormEntry("Schedule", Section.SAMPLER, choices={None: ("The sampler's own", ""), **_SCHEDULES}),
        ("schedule_type",), always_recorded=True, replaced_by=("sigmas", "timesteps")),
    RequestField(
        "sigmas", Falling(MAX_STEPS, MAX_LEVEL), None, Group.SAMPLING,
        CommandLine(("--sigmas",), "Your own noise levels, falling, in place of steps and schedule.", "LIST"),
        Without(_RECORD_ONLY), FormEntry("Levels", Section.SAMPLER,
                  tip="Your own noise levels, falling to 0, in place of steps and schedule: 14.6, 7, 3, 1, 0.")),
    RequestField(
        "timesteps", Falling(MAX_STEPS, MAX_LEVEL, "999,749,499,249"), None, Group.SAMPLING,
        CommandLine(("--timesteps",), "Or the timesteps of the levels, falling.", "LIST"),
        Without(_RECORD_ONLY), FormEntry("Timesteps", Section.SAMPLER,
                  tip="Or the timesteps of the levels, falling from 999 to 0: 999, 749, 499, 249.")),
    RequestField(
        "options", SamplerOptions(), Options(), Group.SAMPLING,
        CommandLine(("--option",), "An option of the sampler; see `sdedge samplers NAME`.", "NAME=VALUE"),
        OptionKeys({"s_churn": "Sigma churn", "s_tmin": "Sigma tmin", "s_tmax": "Sigma tmax", "s_noise": "Sigma noise",
                    "order": "UniPC order", "variant": "UniPC variant"}),
        FormEntry("Advanced", Section.SAMPLER)),
    RequestField(
        "preset", EnumChoice.of(catalog.Preset), catalog.DEFAULT_PRESET, Group.SAMPLING,
        CommandLine(("--preset",), f"Numerics: {', '.join(catalog.PRESETS)}.", "NAME"),
        Without("the web UI's text has its own numerics"), FormEntry("Reproduce as", Section.SAMPLER, choices=_PRESETS),
        always_recorded=True),
    RequestField(
        "speed", EnumChoice.of(catalog.Speed), catalog.DEFAULT_SPEED, Group.SAMPLING,
        CommandLine(("--speed",), f"{', '.join(catalog.SPEEDS)}; all but exact are lossy.", "NAME"),
        Without(_RECORD_ONLY), FormEntry("Speed", Section.BASICS, choices=_SPEEDS)),
    RequestField(
        "eta", Float(0, 1), None, Group.SAMPLING,
        CommandLine(("--eta",), "Share of fresh noise per step, 0 to 1, where the sampler has it."),
        InfotextKey("Eta", also_read=("Eta DDIM",)), Without("it is one of the sampler's options there")),
    RequestField(
        "noise", EnumChoice.of(catalog.NoiseSource), None, Group.SAMPLING,
        CommandLine(("--noise",), f"Generator: {', '.join(catalog.NOISE_SOURCES)}.", "NAME"),
        InfotextKey("RNG", names={catalog.NoiseSource.TORCH: "CPU", catalog.NoiseSource.PHILOX: "NV"}),
        FormEntry("Noise from", Section.SAMPLER, choices=_NOISES)),
    RequestField(
        "image_guidance", Float(0, 100, "1.5"), None, Group.GUIDANCE,
        CommandLine(("--image-guidance",), "How closely InstructPix2Pix keeps to the picture.", default="1.5"),
        InfotextKey("Image CFG scale"),
        FormEntry("Keep to it", Section.IMAGE, 1, 3, 10, "How closely InstructPix2Pix keeps to the picture."),
        ("image_cfg_scale", "image_guidance_scale"), counts_with=("image",)),
    RequestField(
        "guidance_rescale", Float(0, 1), 0.0, Group.GUIDANCE,
        CommandLine(("--guidance-rescale",), "0 to 1, against over-exposure."),
        Without(_RECORD_ONLY),
        FormEntry("Rescale", Section.GUIDANCE, 0, 1, 20, "Against glaring colours of a high guidance; 0 is off, 0.7 is usual.")),
    RequestField(
        "guidance_interval", Interval(), None, Group.GUIDANCE,
        CommandLine(("--guidance-interval",), "Guide only between these sigmas.", "LOW HIGH"),
        Without(_RECORD_ONLY), FormEntry("Between", Section.GUIDANCE)),
    RequestField(
        "guides", GuideList(), (), Group.GUIDANCE,
        CommandLine(("--guide",), "What guides beside it: pag, apg, freeu, with their numbers behind.", "NAME[:NUMBERS]",
                    "none"),
        InfotextKey("Guides"), FormEntry("Guidance variants", Section.GUIDANCE), ("guide",)),
    RequestField(
        "width", Side(MIN_SIDE, MAX_SIDE, "512"), None, Group.CANVAS,
        Without("--size sets both sides"), Without("Size holds both sides"), FormEntry("Width in pixels", Section.BASICS),
        always_recorded=True),
    RequestField(
        "height", Side(MIN_SIDE, MAX_SIDE, "512"), None, Group.CANVAS,
        Without("--size sets both sides"), Without("Size holds both sides"), FormEntry("Height in pixels", Section.BASICS),
        always_recorded=True),
    RequestField(
        "seed", Integer(0, SEEDS - 1, "1234", chance=-1), None, Group.CANVAS,
        CommandLine(("--seed",), "Picture i uses seed + i.", default="random"),
        InfotextKey("Seed"), FormEntry("Seed", Section.BASICS), always_recorded=True),
    RequestField(
        "variation_seed", Integer(0, SEEDS - 1, "1234", chance=-1), None, Group.CANVAS,
        CommandLine(("--variation-seed",), "Seed of variations.", default="the seed after"),
        InfotextKey("Variation seed"), FormEntry("Its seed", Section.MORE), ("subseed",),
        counts_with=("variation_strength",)),
    RequestField(
        "variation_strength", Float(0, 1), 0.0, Group.CANVAS,
        CommandLine(("--variation-strength",), "How far to vary, 0 to 1."),
        InfotextKey("Variation seed strength"), FormEntry("Variation", Section.MORE, slider_steps=20), ("subseed_strength",)),
    RequestField(
        "image", PathOrName(), None, Group.IMAGE,
        CommandLine(("-i", "--image"), "Picture to start from.", "PATH"),
        Without("the web UI does not say which picture it was"), FormEntry("Picture to picture", Section.IMAGE), ("init_image",)),
    RequestField(
        "strength", Float(0, 1), 0.75, Group.IMAGE,
        CommandLine(("--strength",), "How much of it is drawn anew, 0 to 1."),
        InfotextKey("Denoising strength", always=True),
        FormEntry("Strength", Section.IMAGE, slider_steps=20,
                  tip="How much is drawn anew: 0 keeps the picture, 1 keeps next to nothing."),
        ("denoising_strength",), counts_with=("image",)),
    RequestField(
        "mask", PathOrName(), None, Group.IMAGE,
        CommandLine(("--mask",), "Mask; white is drawn anew.", "PATH"),
        Without("the web UI does not say which mask it was"), FormEntry("Paint a mask", Section.IMAGE), counts_with=("image",)),
    RequestField(
        "soft_mask", Flag(), False, Group.IMAGE,
        CommandLine(("--soft-mask",), "Grey in the mask is strength, not cut at half."),
        Without(_RECORD_ONLY), FormEntry("Grey is strength", Section.MASK), counts_with=("mask",)),
    RequestField(
        "mask_blur", Float(0, 256, "4"), 4.0, Group.IMAGE,
        CommandLine(("--mask-blur",), "Soft edge inside the mask.", "PIXELS"),
        InfotextKey("Mask blur", always=True), FormEntry("Soft edge", Section.MASK, 0, 32), counts_with=_MASKED),
    RequestField(
        "match_colours", Flag(), False, Group.IMAGE,
        CommandLine(("--match-colours",), "Bring the drawing's colours to those around the mask."),
        Without(_RECORD_ONLY), FormEntry("Match colours at the seam", Section.MASK), counts_with=_MASKED),
    RequestField(
        "masked_content", EnumChoice.of(catalog.MaskedContent), catalog.MaskedContent.ORIGINAL, Group.IMAGE,
        CommandLine(("--masked-content",), f"Start there: {', '.join(catalog.MaskedContent)}.", "NAME"),
        InfotextKey("Masked content", names=_CONTENT_WORDS), FormEntry("Start with", Section.MASK, choices=_CONTENTS),
        counts_with=_MASKED),
    RequestField(
        "mask_only", Flag(), False, Group.IMAGE,
        CommandLine(("--mask-only",), "Draw only the mask's surroundings, at full size."),
        InfotextKey("Inpaint area", names={True: "Only masked", False: "Whole picture"}),
        FormEntry("Draw the masked part at full size", Section.MASK), counts_with=_MASKED),
    RequestField(
        "mask_padding", Integer(0, MAX_SIDE), 32, Group.IMAGE,
        CommandLine(("--mask-padding",), "Surroundings of --mask-only.", "PIXELS"),
        InfotextKey("Masked area padding", always=True),
        FormEntry("Around it", Section.MASK, 0, 256, tip="Pixels around the mask that are seen and drawn with it."),
        counts_with=("mask_only",)),
    RequestField(
        "outpaint", Edges(MAX_SIDE), None, Group.IMAGE,
        CommandLine(("--outpaint",), "Pixels to add at the left, top, right and bottom.", "L,T,R,B"),
        Without(_RECORD_ONLY), FormEntry("Extend its edges", Section.IMAGE), counts_with=("image",)),
    RequestField(
        "controls", ControlList(), (), Group.CONTROL,
        CommandLine(("--control",), "A ControlNet or adapter with its hint, which PREPROCESSOR makes of a photo first.",
                    "MODEL:HINT[:PREPROCESSOR][:WEIGHT[:START-END]]"),
        NumberedKeys("ControlNet"), FormEntry("Control and pictures", Section.CONTROL), ("control", "controlnet")),
    RequestField(
        "passes", PassList(lambda: FIELDS), (), Group.LARGER,
        CommandLine(("--pass",), "Draw it once more: what is enlarged and changed, as JSON.", "JSON", "none"),
        Without("the keys of hires fix hold it"), FormEntry("Enlarge and redraw", Section.ENLARGE)),
    RequestField(
        "regions", RegionList(), (), Group.CONTROL,
        CommandLine(("--region",), "An area of the picture, or a mask's file, with a prompt of its own.", "X0,Y0,X1,Y1: PROMPT"),
        InfotextKey("Regions"), FormEntry("Regions", Section.REGIONS), ("region",)),
    RequestField(
        "windows", WindowsType(), None, Group.LARGER,
        CommandLine(("--tiled",), "Draw a large picture in windows that overlap; auto is the model's size.",
                    "WINDOW[:OVERLAP][:BLEND][:jitter]", "as a whole"),
        InfotextKey("Tiled Diffusion", write=infotext), FormEntry("Draw in windows", Section.ENLARGE), ("tiled",)),
    RequestField(
        "tiling", Flag(), False, Group.CANVAS,
        CommandLine(("--tiling",), "A picture that repeats without a seam."),
        InfotextKey("Tiling", names={True: "True", False: "False"}), FormEntry("Edges continue on the other side", Section.MORE)),
    RequestField(
        "safety", Flag(), None, Group.OUTPUT,
        CommandLine(("--safety/--no-safety",), "Filter by the model's safety checker.", default="if it has one"),
        Without(_RECORD_ONLY), Without("it is one of the app's settings")),
    RequestField(
        "watermark", Flag(), False, Group.OUTPUT,
        CommandLine(("--watermark",), "Put CompVis's invisible watermark into the pixels."),
        Without(_RECORD_ONLY), FormEntry("Invisible watermark", Section.MORE)),
)
FIELDS: dict[str, RequestField] = {row.name: row for row in _ROWS}
SIZE = JointField(
    "size", ("width", "height"),
    CommandLine(("--size",), "Pixels, such as 512x768.", "WxH", "the model's"), "Size", parse_size)
# fmt: on
ALIASES: dict[str, str] = {alias: row.name for row in _ROWS for alias in row.aliases}


def counts(request: object, name: str) -> bool:
    """Returns whether a field of a request has any effect, by what else is set there."""
    companions = FIELDS[name].counts_with
    return not companions or any(getattr(request, each) and counts(request, each) for each in companions)


def fields_without_effect(request: object) -> list[str]:
    """Returns a sentence on each field that is set and has no effect on the picture, by what else is set or is not."""
    sentences = []
    for name in [name for name, row in FIELDS.items() if getattr(request, name) != row.default]:
        beside = [each for each in FIELDS[name].replaced_by if getattr(request, each) != FIELDS[each].default]
        if beside:
            sentences.append(no_effect(name, "beside", beside))
        elif not counts(request, name):
            sentences.append(no_effect(name, "without", FIELDS[name].counts_with))
    return sentences


def no_effect(name: str, how: str, others: Sequence[str]) -> str:
    """Returns the sentence that says what a field or part has no effect "beside" or "without"."""
    spoken = [each.replace("_", " ") for each in (name, *others)]
    return f"{spoken[0].capitalize()} has no effect {how} {' or '.join(spoken[1:])}; it is left aside."


def depends_on(name: str, companion: str) -> bool:
    """Returns whether a field is another one or means nothing without it."""
    companions = FIELDS[name].counts_with
    return name == companion or (bool(companions) and all(depends_on(each, companion) for each in companions))


def default(name: str) -> Any:
    """Returns a field's default, for the line of `Request`."""
    return FIELDS[name].default
