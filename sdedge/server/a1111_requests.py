"""From the bodies of A1111's API to requests, with the names of what cannot be honoured."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sdedge import catalog
from sdedge.catalog import MaskedContent, NoiseSource
from sdedge.engines.open import default_model
from sdedge.errors import InvalidRequest
from sdedge.passes import Pass
from sdedge.places import data_folder
from sdedge.request import Request
from sdedge.server import a1111_hires, pictures
from sdedge.server.a1111_bodies import Drawing, Img2Img, Txt2Img
from sdedge.server.a1111_scripts import read_scripts
from sdedge.server.safe_requests import checked_request, model_name
from sdedge.text import styles
from sdedge.text.clean import shown

FIELDS = {
    "prompt": "prompt", "negative_prompt": "negative", "seed": "seed", "subseed": "variation_seed",
    "subseed_strength": "variation_strength", "steps": "steps", "cfg_scale": "guidance", "width": "width", "height": "height",
    "tiling": "tiling", "eta": "eta",
}  # fmt: skip
IMAGE_FIELDS = {"denoising_strength": "strength", "image_cfg_scale": "image_guidance"}
MASK_FIELDS = {"mask_blur": "mask_blur", "inpaint_full_res": "mask_only", "inpaint_full_res_padding": "mask_padding"}
CONTENTS = (MaskedContent.FILL, MaskedContent.ORIGINAL, MaskedContent.NOISE, MaskedContent.NOTHING)
RESIZE_MODES = ("stretch", "crop", "pad", "stretch")
NOISES = {"CPU": NoiseSource.TORCH, "NV": NoiseSource.PHILOX, "GPU": NoiseSource.PHILOX}  # NVIDIA's generator is Philox
# Of fields that are not honoured, what asks for nothing.
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "restore_faces": (False,), "hr_checkpoint_name": ("", "Use same checkpoint"),
    "refiner_checkpoint": ("", "None"), "refiner_switch_at": (0, 1, 0.8),
    "s_churn": (0,), "s_min_uncond": (0,), "s_tmin": (0,), "s_tmax": (0,), "s_noise": (0, 1),
    "seed_resize_from_h": (0, -1), "seed_resize_from_w": (0, -1), "script_name": ("", "None"),
    "initial_noise_multiplier": (1,), "inpainting_mask_weight": (1,), "infotext": ("",), "comments": ({},),
    "latent_mask": ("",), "firstphase_width": (0,), "firstphase_height": (0,), "disable_extra_networks": (False,),
    "mask_round": (True,), "controlnet_units": ([],), "enable_hr": (False,),
}  # fmt: skip
UNREAD_OF_ENLARGING: dict[str, tuple[Any, ...]] = {
    "gfpgan_visibility": (0,), "codeformer_visibility": (0,), "extras_upscaler_2_visibility": (0,), "upscale_first": (False,),
}  # fmt: skip
"""Of an enlargement's fields that are not read those that ask for something by themselves, with what asks for nothing."""
UNREAD_OF_DETECTING: dict[str, tuple[Any, ...]] = {
    "controlnet_processor_res": (-1, 0, 512), "controlnet_masks": ([],),
}  # fmt: skip
"""The same of a hint's."""
# These ask for nothing by themselves: they go with a switch above, or are about saving, which the gallery does.
SILENT = {
    "script_args", "override_settings_restore_afterwards", "save_images", "do_not_save_samples", "do_not_save_grid",
    "force_task_id", "include_init_images", "hr_additional_modules", "hr_distilled_cfg", *a1111_hires.READ,
    "distilled_cfg_scale", "mask_blur_x", "mask_blur_y", "user", "vae",
}  # fmt: skip


@dataclass(frozen=True)
class Order:
    """What a client asked for: the first request, how it is multiplied, and what of it is not honoured."""

    request: Request
    batch: int
    iterations: int
    ignored: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    send_images: bool = True


def order_of(body: Drawing, options: Mapping[str, Any]) -> Order:
    """Returns what a body asks for, with the server's options where it says nothing else. Reads and keeps its pictures.

    Raises InvalidRequest, ModelError and PictureTooLarge.
    """
    settings, ignored = _settings(options, body.override_settings or {})
    fields: dict[str, Any] = {"model": default_model(), **settings}
    fields |= {ours: value for theirs, ours in FIELDS.items() if (value := getattr(body, theirs)) is not None}
    fields |= _sampler(body)
    chosen = set(fields) - {"model"}
    if body.styles:
        ignored += _apply_styles(fields, body.styles)
    scripts = read_scripts(body.alwayson_scripts)
    fields["options"], taken = _sampler_options(body, fields.get("sampler"))
    if "eta" not in catalog.SAMPLERS[fields.get("sampler") or Request().sampler].options:
        fields.pop("eta", None)  # clients send it to every sampler
    for name in ("seed", "variation_seed"):
        if fields.get(name) in (None, -1):
            fields[name] = secrets.randbelow(2**32)
    if not fields.get("variation_strength"):  # clients send the seed of variations with every picture
        del fields["variation_seed"]
    if isinstance(body, Img2Img):
        fields |= _image_fields(body)
    else:
        fields["passes"] = _hires(body)
    fields |= {"controls": scripts.controls, "passes": (*fields.get("passes", ()), *scripts.passes)}
    request, notice = checked_request(fields, chosen)
    if isinstance(body, Img2Img):
        request = _with_pictures(request, body)
    return Order(
        request, body.batch_size or 1, body.n_iter or 1, (*ignored, *scripts.ignored,
         *(name for name in _ignored(body) if name not in taken)),
        (notice,) if notice else (), body.send_images is not False,
    )  # fmt: skip


def _hires(body: Drawing) -> tuple[Pass, ...]:
    """Returns the pass of hires fix, none where it is not switched on. Raises InvalidRequest and ModelError."""
    if not (isinstance(body, Txt2Img) and body.enable_hr):
        return ()
    return a1111_hires.read_hires(body.model_extra or {}, body.denoising_strength)


def _apply_styles(fields: dict[str, Any], names: Sequence[str]) -> list[str]:
    """Puts the styles that there are here into the prompts; returns how the others are named to the client."""
    path = data_folder() / "styles.csv"
    known = styles.read_styles(path) if path.is_file() else {}
    there = [name for name in names if name in known]
    prompts = styles.apply(fields.get("prompt", ""), fields.get("negative", ""), there, known)
    fields |= dict(zip(("prompt", "negative"), prompts))
    return [f"styles.{name[:60]}" for name in names if name not in known]


def _sampler(body: Drawing) -> dict[str, Any]:
    """Returns sampler and schedule; a schedule behind the sampler's name counts where none is named by itself, and without a
    sampler one is the default sampler's.
    """
    name = body.sampler_name or (body.sampler_index if isinstance(body.sampler_index, str) else None)
    if not name or name.casefold() == "automatic":
        schedule = catalog.resolve_schedule(body.scheduler or "")
        return {"schedule": schedule} if schedule else {}
    sampler, schedule = catalog.resolve(name)
    if body.scheduler:
        schedule = catalog.resolve_schedule(body.scheduler) or schedule
    return {"sampler": sampler, "schedule": schedule}


def _sampler_options(body: Drawing, sampler: str | None) -> tuple[dict[str, float], set[str]]:
    """Returns the sampler's own options among the fields, and their names; what is neutral stands for the default."""
    own = catalog.SAMPLERS[sampler or Request().sampler].options
    extra = body.model_extra or {}
    values = {
        name: float(extra[name]) for name in ("s_churn", "s_tmin", "s_tmax", "s_noise")
        if name in own and type(extra.get(name)) in (int, float) and extra[name] not in NEUTRAL[name]
    }  # fmt: skip
    return values, set(values)


def settings_fields(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the request's fields that A1111's settings stand for, by the allow-list. Raises InvalidRequest and ModelError."""
    fields: dict[str, Any] = {}
    for name, value in settings.items():
        match name:
            case "sd_model_checkpoint":
                fields["model"] = model_name(_text(name, value))
            case "sd_vae":
                automatic = value in (None, "", "None", "Automatic")
                fields["vae"] = None if automatic else model_name(_text(name, value), "vae")
            case "CLIP_stop_at_last_layers":
                fields["clip_skip"] = _integer(value)
            case "randn_source":
                fields["noise"] = _noise(_text(name, value))
    return fields


SETTINGS = ("sd_model_checkpoint", "sd_vae", "CLIP_stop_at_last_layers", "randn_source")
"""The allow-list: settings that a client may give, for all its pictures or with one."""


def _settings(options: Mapping[str, Any], overrides: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    allowed = {name: value for name, value in overrides.items() if name in SETTINGS and value not in (None, "")}
    ignored = [f"override_settings.{name[:60]}" for name, value in overrides.items() if name not in SETTINGS and value]
    return settings_fields({**options, **allowed}), ignored


def _integer(value: Any) -> Any:
    """Returns a whole number that was sent as a float or a text, as clients may; anything else as it is."""
    if isinstance(value, str) and len(value) < 20 and value.strip().isdecimal():
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _noise(name: str) -> NoiseSource:
    if name.upper() not in NOISES:
        raise InvalidRequest(f"randn_source is {shown(name)}; give one of {', '.join(NOISES)}.", field="randn_source")
    return NOISES[name.upper()]


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidRequest(f"{name} is {shown(value)}; give a text.", field=name)
    return value


def _image_fields(body: Img2Img) -> dict[str, Any]:
    fields = {ours: value for theirs, ours in IMAGE_FIELDS.items() if (value := getattr(body, theirs)) is not None}
    if fields.get("image_guidance") == 1.5:  # the default of both, which clients send with every model
        del fields["image_guidance"]
    return fields | _mask_fields(body) if body.mask else fields


def _mask_fields(body: Img2Img) -> dict[str, Any]:
    """Returns what is said of a mask; clients say it without one, too."""
    # Without a word A1111 fills the mask from its surroundings and draws its region alone, without padding.
    fields: dict[str, Any] = {"masked_content": MaskedContent.FILL, "mask_only": True, "mask_padding": 0}
    fields |= {ours: value for theirs, ours in MASK_FIELDS.items() if (value := getattr(body, theirs)) is not None}
    blurs = [blur for blur in (body.mask_blur_x, body.mask_blur_y) if blur is not None]
    if blurs and body.mask_blur is None:
        fields["mask_blur"] = max(blurs)
    if body.inpainting_fill is not None:
        fields["masked_content"] = CONTENTS[body.inpainting_fill]
    return fields


def _with_pictures(request: Request, body: Img2Img) -> Request:
    """Returns the request with its picture and mask, at its own size unless only the masked part is drawn."""
    if not body.init_images:
        raise InvalidRequest("There is no picture to start from; send one in init_images.", field="init_images")
    image = pictures.read(pictures.decode(body.init_images[0], "init_images"), "init_images")
    mask = None
    if body.mask:
        mask = pictures.mask_of(
            pictures.read(pictures.decode(body.mask, "mask"), "mask"), bool(body.inpainting_mask_invert)
        )
    if request.width and request.height and not (mask and request.mask_only):
        size, mode = (request.width, request.height), RESIZE_MODES[body.resize_mode or 0]
        image = pictures.fitted(image, size, mode)
        mask = mask and pictures.fitted(mask, size, mode).convert("L")
    if mask is not None and mask.getextrema()[1] == 0:
        raise InvalidRequest("The mask is black everywhere; paint white what should be drawn anew.", field="mask")
    return request.replace(image=pictures.keep(image), mask=mask and pictures.keep(mask))


def _ignored(body: Drawing) -> Iterator[str]:
    """Yields the fields that ask for something which is not done here."""
    for name, value in (body.model_extra or {}).items():
        if name not in SILENT and _asks(value, NEUTRAL.get(name, ())):
            yield name[:60]
    if isinstance(body, Img2Img):
        if len(body.init_images or ()) > 1:
            yield "init_images beyond the first"
        if body.mask and body.mask_blur is None and _differ(body.mask_blur_x, body.mask_blur_y):
            yield "mask_blur_x and mask_blur_y (the larger one blurs both ways)"
        if body.resize_mode == 3:
            yield "resize_mode 3 (the picture is resized instead of its latents)"


def _differ(first: float | None, second: float | None) -> bool:
    return first is not None and second is not None and first != second


def asked_in_vain(fields: Mapping[str, Any], unread: Mapping[str, tuple[Any, ...]]) -> Iterator[str]:
    """Yields those of the `unread` fields, each with what asks for nothing, that ask for something."""
    for name, neutral in unread.items():
        if _asks(fields.get(name), neutral):
            yield name


def _asks(value: Any, neutral: tuple[Any, ...]) -> bool:
    return value is not None and not any(_same(value, item) for item in neutral)


def _same(value: Any, item: Any) -> bool:
    return (type(value) in (int, float) and type(item) in (int, float) and value == item) or value == item
