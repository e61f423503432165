"""ADetailer as A1111's clients ask for it: units of `ad_…` fields, each a pass that draws a detector's boxes again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sdedge.errors import InvalidRequest, ModelError, Remedy
from sdedge.library.by_name import installed, named
from sdedge.library.detectors import ROLE
from sdedge.pass_parts import DETAIL, PART_ALIASES, PARTS, PartSettings, read_parts
from sdedge.passes import MAX_PASSES, Pass
from sdedge.request_fields import FIELDS
from sdedge.server.safe_requests import check_tags
from sdedge.text.clean import shown

SCRIPT = "adetailer"
_SWITCHES = {"ad_steps": "ad_use_steps", "ad_cfg_scale": "ad_use_cfg_scale", "ad_sampler": "ad_use_sampler",
             "ad_scheduler": "ad_use_sampler"}  # fmt: skip
"""What counts only where another field is true."""
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "ad_tab_enable": (True,), "ad_inpaint_only_masked": (True,), "ad_mask_filter_method": ("Area",), "ad_mask_min_ratio": (0,),
    "ad_mask_max_ratio": (1,), "ad_mask_merge_invert": ("None",), "ad_use_inpaint_width_height": (False,),
    "ad_use_checkpoint": (False,), "ad_use_vae": (False,), "ad_use_noise_multiplier": (False,), "ad_use_clip_skip": (False,),
    "ad_restore_face": (False,), "ad_controlnet_model": ("None", ""), "ad_use_autotag": (False,),
}  # fmt: skip
"""Of fields that are not honoured, what asks for nothing."""
_SILENT = {
    *_SWITCHES.values(), "ad_inpaint_width", "ad_inpaint_height", "ad_checkpoint", "ad_vae", "ad_noise_multiplier",
    "ad_clip_skip", "ad_controlnet_module", "ad_controlnet_weight", "ad_controlnet_guidance_start",
    "ad_controlnet_guidance_end", "is_api",
}  # fmt: skip
"""These go with a switch above and ask for nothing by themselves."""


def read_detailer(arguments: Any) -> tuple[tuple[Pass, ...], list[str]]:
    """Returns the passes that a script's arguments ask for, and the fields of them that are not honoured.

    Raises InvalidRequest and ModelError.
    """
    passes: list[Pass] = []
    ignored: list[str] = []
    for unit in _units(arguments):
        passes += _passes(unit)
        ignored += _not_honoured(unit)
    return tuple(passes), ignored


def _units(arguments: Any) -> Iterator[Mapping[str, Any]]:
    """Yields the units that are switched on; before them may stand whether the script is on, and whether it alone runs."""
    listed = arguments if isinstance(arguments, list) else [arguments]
    if listed and listed[0] is False:
        return
    units = [unit for unit in listed if not isinstance(unit, bool)]
    for unit in units:
        if not isinstance(unit, Mapping):
            raise InvalidRequest(f"A unit of ADetailer is {shown(unit)}; send an object.", field="passes")
    on = [unit for unit in units if unit.get("ad_tab_enable", True) and str(unit.get("ad_model") or "None") != "None"]
    if len(on) > MAX_PASSES:
        raise InvalidRequest(f"There are {len(on)} units of ADetailer; send {MAX_PASSES} or fewer.", field="passes")
    yield from on


def _passes(unit: Mapping[str, Any]) -> tuple[Pass, ...]:
    parts: dict[str, Any] = {}
    for theirs, value in unit.items():
        name = PART_ALIASES.get(theirs, "")
        is_on = _SWITCHES.get(theirs) is None or unit.get(_SWITCHES[theirs]) is True
        if name in PARTS and PARTS[name].role is DETAIL and is_on and value not in (None, "") and not _is_same(value):
            parts[name] = value
    parts["detail"] = detector_name(str(unit["ad_model"]))
    for name in ("detail_prompt", "detail_negative"):
        check_tags(str(parts.get(name, "")), "prompt")
    checked: tuple[Pass, ...] = FIELDS["passes"].check(PartSettings(read_parts(parts)).over(()))
    return checked


def _is_same(value: Any) -> bool:
    """Returns whether a value says that the picture's own counts."""
    return isinstance(value, str) and value.lower().startswith("use same")


def detector_name(text: str) -> str:
    """Returns the installed detector that a client names. Raises ModelError."""
    models = installed(ROLE)
    if (known := named(text.strip().removesuffix(".pt"), models, "detector", "passes")) is not None:
        return known.name
    there = f"installed are {', '.join(model.name for model in models[:20])}" if models else "none is installed"
    raise ModelError(
        f"There is no detector {shown(text)} ({there}); {Remedy.ADD_DETECTOR}.",
        field="passes",
        remedy=Remedy.ADD_DETECTOR,
    )


def _not_honoured(unit: Mapping[str, Any]) -> Iterator[str]:
    for name, value in unit.items():
        part = PART_ALIASES.get(name, "")
        is_read = part in PARTS and PARTS[part].role is DETAIL
        if not is_read and name not in _SILENT and value is not None and value not in _NEUTRAL.get(name, ()):
            yield f"ADetailer's {name[:60]}"
