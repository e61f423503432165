"""The modules of A1111's ControlNet extension by the names that clients send, and what stands for each of them here."""

from __future__ import annotations

from sdedge.errors import InvalidRequest
from sdedge.preprocessors import PREPROCESSORS, Preprocessing, Preprocessor, named, settled, unknown_preprocessor
from sdedge.text.clean import shown

NOTHING = ("", "none")
# fmt: off
NEAREST = {
    "softedge": ("softedge_hed", "softedge_hedsafe", "softedge_pidinet", "softedge_pidisafe", "softedge_teed", "softedge_anyline",
                 "hed", "hed_safe", "pidinet", "pidinet_safe"),
    "scribble": ("scribble_hed", "scribble_pidinet", "t2ia_sketch_pidi", "pidinet_sketch", "pidinet_scribble", "fake_scribble"),
    "lineart": ("lineart_realistic", "lineart_coarse", "lineart_anime", "lineart_anime_denoise"),
    "tile": ("tile_colorfix", "tile_colorfix+sharp", "blur_gaussian"),
    "depth": ("depth_leres", "depth_leres++", "leres", "midas", "depth_hand_refiner"),
    "pose": ("openpose_full", "openpose_hand", "openpose_face", "openpose_faceonly", "dw_openpose_full"),
}
# fmt: on
"""By our preprocessor: modules whose networks are not here, and whose hints it comes nearest to."""
_NEAREST = {module: name for name, modules in NEAREST.items() for module in modules}
INPAINTING = {"inpaint": "", "inpaint_only": "", "inpaint_only+lama": "LaMa", "inpaint_global_harmonious": ""}
"""Modules that make no hint but leave a hole in it, each with a network of theirs that is not here."""
_OF_FACES = ("face_id", "faceid", "insightface", "pulid")


def module_of(name: str) -> tuple[Preprocessor | None, str]:
    """Returns the preprocessor that stands for a module, None where the hint is taken as it is, and what is to be said of it.

    An IP-Adapter reads the photo itself and an inpainting ControlNet one with a hole, so that their modules ask for nothing.
    Raises InvalidRequest for a module that nothing stands for, with those that there are.
    """
    module = name.strip().casefold()
    if module in NOTHING or _reads_itself(module):
        return None, ""
    if module in INPAINTING:
        network = INPAINTING[module]
        return None, f"ControlNet's {shown(name)[1:-1]}, whose hole is filled without {network}" if network else ""
    if (preprocessor := named(module)) is not None:
        return preprocessor, ""
    if module in _NEAREST:
        nearest = _NEAREST[module]
        return PREPROCESSORS[nearest], f"ControlNet's {shown(name)[1:-1]}, in whose place {nearest} makes the hint"
    if _is_of_faces(module):
        raise InvalidRequest(
            f"The module {shown(name)} reads faces by a network that is not here; choose an IP-Adapter without faces.",
            field="controls",
        )
    raise unknown_preprocessor(name, "controls", instead=", or send the finished hint with none")


def preprocessing(module: str, a: float | None, b: float | None) -> Preprocessing | None:
    """Returns a module of the web UI with its two thresholds, or None for "none". Raises InvalidRequest."""
    preprocessor, _ = module_of(module)
    if preprocessor is None:
        return None
    thresholds = {"Threshold A": a, "Threshold B": b}
    values = {
        row.name: float(value) for row in preprocessor.settings
        if (value := thresholds.get(row.a1111)) is not None and value >= 0 and row.low <= value <= row.high
    }  # fmt: skip
    return settled(preprocessor, values)


def is_inpainting(name: str) -> bool:
    """Returns whether a module leaves a hole in its picture where the unit's mask is white."""
    return name.strip().casefold() in INPAINTING


def module_names() -> list[str]:
    """Returns the names of all modules that are taken, but those of IP-Adapters."""
    own = [name for row in PREPROCESSORS.values() for name in (row.name, row.a1111, *row.also) if name]
    return ["none", *dict.fromkeys((*own, *_NEAREST, *INPAINTING)), "ip-adapter-auto", "ip-adapter_clip_sd15"]


def _is_of_faces(module: str) -> bool:
    return any(word in module for word in _OF_FACES)


def _reads_itself(module: str) -> bool:
    is_adapter = module.startswith(("ip-adapter", "ip_adapter")) or "(ipadapter)" in module
    return is_adapter and not _is_of_faces(module)
