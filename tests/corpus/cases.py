"""The corpus: which pictures there are, how each is made, and what `sdedge reproduce` must say of it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from sdedge.evaluation.reproduction import Outcome
from tests.corpus.drawn import GUIDANCE, NEGATIVE, PROMPT, SIDE, STEPS, by_diffusers, by_k_diffusion
from tests.images.graph_samples import COMFYUI_WORKFLOW, comfyui_prompt, invokeai_graph

MODEL = "corpus"
"""The name under which the model is installed where the corpus is drawn again."""
AGAIN = (Outcome.IDENTICAL, Outcome.REPRODUCED)
MISSING, DIFFERENT, UNREADABLE = (Outcome.MISSING,), (Outcome.DIFFERENT,), (Outcome.UNREADABLE,)
Texts = dict[str, Any]


@dataclass(frozen=True)
class CorpusCase:
    """One picture: pixels by the path of the model, the texts in its file, and what is to come of it.

    `outcomes` are those allowed; `unhonoured` and `missing` are fields and roles that must be named, no others may be missing.
    """

    name: str
    draw: Callable[[str], np.ndarray]
    texts: Texts
    outcomes: tuple[Outcome, ...]
    unhonoured: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    format: str = "PNG"

    def write(self, folder: Path, model: str) -> Path:
        """Draws the picture and writes it with its texts; returns the path."""
        path = folder / f"{self.name}.{self.format.lower()}"
        image, options = Image.fromarray(self.draw(model)), {}
        if self.format == "PNG":
            options["pnginfo"] = info = PngImagePlugin.PngInfo()
            for key, text in self.texts.items():
                info.add_text(key, text if isinstance(text, str) else json.dumps(text))
        else:
            exif = Image.Exif()
            exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + self.texts["parameters"].encode("utf-16-be")
            options = {"exif": exif.tobytes(), "quality": 100} | ({"lossless": True} if self.format == "WEBP" else {})
        image.save(file := io.BytesIO(), self.format, **options)
        path.write_bytes(file.getvalue())
        return path


def every_case() -> list[CorpusCase]:
    """Returns all sixty."""
    return [*_diffusers(), *_k_diffusion(), *_written()]


def _invokeai(scheduler: str, seed: int, **more: Any) -> Texts:
    record = {
        "app_version": "5.4.0", "generation_mode": "txt2img", "positive_prompt": PROMPT, "negative_prompt": NEGATIVE,
        "width": SIDE, "height": SIDE, "seed": seed, "rand_device": "cpu", "cfg_scale": GUIDANCE, "steps": STEPS,
        "scheduler": scheduler, "model": {"name": MODEL, "hash": "blake3:00", "base": "sd-1"}, **more,
    }  # fmt: skip
    return {"invokeai_metadata": record}


def _diffusers() -> Iterator[CorpusCase]:
    """InvokeAI's pictures: diffusers on the CPU's noise or NVIDIA's."""
    plain = ("ddim", "pndm", "euler", "euler_k", "heun", "heun_k", "lms", "kdpm_2", "dpmpp_2m", "dpmpp_2m_k", "unipc", "unipc_k",
             "deis")  # fmt: skip
    for i, name in enumerate(plain):
        yield CorpusCase(f"invokeai-{name}", lambda m, n=name, i=i: by_diffusers(m, n, i), _invokeai(name, i), AGAIN)
    on_gpu = _invokeai("dpmpp_2m", 30, rand_device="cuda")
    yield CorpusCase("invokeai-cuda", lambda m: by_diffusers(m, "dpmpp_2m", 30, philox=True), on_gpu, AGAIN)
    for i, name in enumerate(("euler_a", "ddpm", "lcm"), 20):
        draw = lambda m, n=name, i=i: by_diffusers(m, n, i, own_step_noise=True)  # noqa: E731
        named = frozenset({"step noise"})
        yield CorpusCase(f"invokeai-{name}", draw, _invokeai(name, i), DIFFERENT, named)
    graph = invokeai_graph()
    graph["nodes"]["core"] = {"type": "core_metadata", **_invokeai("ddim", 40)["invokeai_metadata"]}
    yield CorpusCase("invokeai-graph", lambda m: by_diffusers(m, "ddim", 40), {"invokeai_graph": graph}, AGAIN)
    loras = [{"model": {"name": "lost style", "hash": "blake3:11"}, "weight": 0.5}]
    lost = _invokeai("ddim", 41, loras=loras)
    yield CorpusCase("invokeai-lora", lambda m: by_diffusers(m, "ddim", 41), lost, MISSING, missing=frozenset({"lora"}))


def _a1111(sampler: str, schedule: str, seed: int, philox: bool = False, more: str = "", model: str = MODEL) -> str:
    rng = "" if philox else ", RNG: CPU"
    return (
        f"{PROMPT}\nNegative prompt: {NEGATIVE}\nSteps: {STEPS}, Sampler: {sampler}, Schedule type: {schedule}, "
        f"CFG scale: {GUIDANCE:g}, Seed: {seed}, Size: {SIDE}x{SIDE}, Model: {model}{rng}{more}, Version: v1.10.1"
    )


def _k_diffusion() -> Iterator[CorpusCase]:
    """The web UI's pictures: k-diffusion's samplers, in files of every kind."""
    runs = [("Euler", "Uniform"), ("Euler a", "Uniform"), ("Heun", "Uniform"), ("LMS", "Uniform"), ("DPM2", "Karras"),
            ("DPM2 a", "Karras"), ("DPM++ 2S a", "Karras"), ("DPM++ 2M", "Karras"), ("DPM++ 2M", "Exponential"),
            ("DPM++ SDE", "Karras"), ("DPM++ 2M SDE", "Karras"), ("DPM++ 3M SDE", "Exponential")]  # fmt: skip
    for i, (sampler, schedule) in enumerate(runs, 100):
        name = f"a1111-{sampler}-{schedule}".replace(" ", "-").replace("+", "p").lower()
        draw = lambda m, s=sampler, c=schedule, i=i: by_k_diffusion(m, s, c, i)  # noqa: E731
        yield CorpusCase(name, draw, {"parameters": _a1111(sampler, schedule, i)}, AGAIN)
    on_gpu = {"parameters": _a1111("Euler a", "Uniform", 120, philox=True)}
    yield CorpusCase("a1111-gpu", lambda m: by_k_diffusion(m, "Euler a", "Uniform", 120, philox=True), on_gpu, AGAIN)
    euler = {"parameters": _a1111("Euler", "Karras", 121)}
    for format in ("WEBP", "JPEG"):
        named = frozenset({"format"}) if format == "JPEG" else frozenset()
        allowed = AGAIN if format == "WEBP" else (*AGAIN, *DIFFERENT)
        draw = lambda m: by_k_diffusion(m, "Euler", "Karras", 121)  # noqa: E731
        yield CorpusCase(f"a1111-{format.lower()}", draw, euler, allowed, named, format=format)
    old = _a1111("DPM++ 2M Karras", "X", 122).replace(", Schedule type: X", "")
    yield CorpusCase(
        "a1111-before-1.9", lambda m: by_k_diffusion(m, "DPM++ 2M", "Karras", 122), {"parameters": old}, AGAIN
    )
    civitai = (
        f"{PROMPT}\nNegative prompt: {NEGATIVE}\nSteps: {STEPS}, Sampler: DPM++ 2M Karras, CFG scale: {GUIDANCE:g}, Seed: 123, "
        f"Size: {SIDE}x{SIDE}, "
        f'Civitai resources: [{{"type": "checkpoint", "modelVersionId": 1, "modelName": "{MODEL}"}}], Civitai metadata: {{}}'
    )
    draw = lambda m: by_k_diffusion(m, "DPM++ 2M", "Karras", 123)  # noqa: E731
    yield CorpusCase("civitai", draw, {"parameters": civitai}, (*AGAIN, *DIFFERENT), frozenset({"timesteps"}))


def _grey(model: str) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), 128, np.uint8)


def _extra(name: str, more: str, unhonoured: set[str], missing: set[str] = frozenset()) -> CorpusCase:  # type: ignore[assignment]
    texts = {"parameters": _a1111("Euler", "Uniform", 1, more=f", {more}")}
    return CorpusCase(
        f"a1111-{name}", _grey, texts, MISSING if missing else DIFFERENT, frozenset(unhonoured), frozenset(missing)
    )


def _comfyui(**changes: dict[str, Any]) -> Texts:
    base = {"checkpoint": {"ckpt_name": f"{MODEL}.safetensors"}, "size": {"width": SIDE, "height": SIDE},
            "sampler": {"steps": STEPS, "model": ["checkpoint", 0]}, "decode": {"vae": ["checkpoint", 2]}}  # fmt: skip
    for name, inputs in changes.items():
        base[name] = {**base.get(name, {}), **inputs}
    return {"prompt": comfyui_prompt(**base)}


def _written() -> Iterator[CorpusCase]:
    """Pictures that nothing here can draw again, each for a reason that has to be named."""
    yield _extra(
        "hires",
        "Hires upscale: 2, Hires upscaler: Latent, Denoising strength: 0.5",
        {"size"},
    )
    yield _extra("adetailer", "ADetailer model: face_yolov8n.pt, ADetailer confidence: 0.3", set(), {"detector"})
    yield _extra(
        "upscaler", "Hires upscale: 2, Hires upscaler: 4x-UltraSharp, Denoising strength: 0.4", set(), {"upscaler"}
    )
    yield _extra("regions", 'RP Active: True, RP Ratios: "1,1"', {"RP Active", "RP Ratios"})
    yield _extra("ensd", "ENSD: 31337, Eta: 0.5", {"ENSD"})
    yield _extra("faces", "Face restoration: CodeFormer, VAE Decoder: TAESD", {"Face restoration", "VAE Decoder"})
    yield _extra("refiner", "Refiner: x, Refiner switch at: 0.8", {"Refiner", "Refiner switch at"})
    control = 'ControlNet 0: "Module: canny, Model: control_canny [d14c016b], Weight: 1"'
    yield _extra("control", control, set(), {"control"})
    hashes = 'Lora hashes: "lost: 0123456789ab", TI hashes: "EasyNegative: ba9876543210"'
    yield _extra("hashes", hashes, set(), {"embedding"})
    yield _extra("img2img", "Denoising strength: 0.4", set(), {"image"})
    yield _extra("unknown", "Some knob: 5, Another: on", {"Some knob", "Another"})
    lost_model = {"parameters": _a1111("Euler", "Uniform", 1, model="lost", more=", Model hash: 0123456789")}
    yield CorpusCase("a1111-lost-model", _grey, lost_model, MISSING, missing=frozenset({"model"}))
    yield CorpusCase("comfyui", _grey, _comfyui(), DIFFERENT, frozenset({"timesteps", "prompt"}))
    yield CorpusCase(
        "comfyui-lora", _grey, _comfyui(sampler={"model": ["lora", 0]}), MISSING, missing=frozenset({"lora"})
    )
    free = {"class_type": "FreeU", "b1": 1.3, "model": ["checkpoint", 0]}
    yield CorpusCase(
        "comfyui-freeu", _grey, _comfyui(free=free, sampler={"model": ["free", 0]}), DIFFERENT, frozenset({"FreeU"})
    )
    yield CorpusCase(
        "comfyui-workflow",
        _grey,
        {"workflow": COMFYUI_WORKFLOW},
        MISSING,
        frozenset({"batch_size"}),
        frozenset({"model"}),
    )
    novel = {"prompt": PROMPT, "steps": STEPS, "sampler": "k_euler", "seed": 1, "scale": 5, "uc": NEGATIVE, "width": SIDE,
             "height": SIDE, "sm": True, "dynamic_thresholding": True}  # fmt: skip
    yield CorpusCase(
        "novelai",
        _grey,
        {"Software": "NovelAI", "Comment": novel},
        DIFFERENT,
        frozenset({"sm", "dynamic_thresholding"}),
    )
    things = {"c": PROMPT, "uc": NEGATIVE, "steps": STEPS, "sampler": "Euler a", "scale": 5, "seed": 1, "size": f"{SIDE}x{SIDE}",
              "model": MODEL, "strength": 1, "seed_mode": "Scale Alike", "v2": {"sharpness": 2.5}}  # fmt: skip
    yield CorpusCase("draw-things", _grey, {"Comment": things}, DIFFERENT, frozenset({"seed_mode", "sharpness"}))
    mochi = (f"Include in Image: {PROMPT}; Exclude from Image: {NEGATIVE}; Model: {MODEL}; Steps: {STEPS}; Guidance Scale: 5; "
             f"Seed: 4; Size: {SIDE}x{SIDE}; Upscaler: RealESRGAN; "
             "Scheduler: DPM-Solver++; Generator: Mochi Diffusion 5.2")  # fmt: skip
    yield CorpusCase("mochi", _grey, {"Description": mochi}, DIFFERENT, frozenset({"Upscaler"}))
    for name, record, lost in _plain_lists():
        yield CorpusCase(name, _grey, record, DIFFERENT, frozenset({"numerics", lost}))
    yield CorpusCase("nothing", _grey, {"Comment": "taken at the sea"}, UNREADABLE)


def _plain_lists() -> Iterator[tuple[str, Texts, str]]:
    common = {"prompt": PROMPT, "seed": 3, "steps": STEPS, "width": SIDE, "height": SIDE}
    swarm = {
        **common,
        "negativeprompt": NEGATIVE,
        "cfgscale": 5,
        "model": MODEL,
        "sampler": "euler",
        "swarm_version": "0.9",
        "freeu": 1.1,
    }
    yield "swarmui", {"parameters": {"sui_image_params": swarm}}, "freeu"
    fooocus = {**common, "negative_prompt": NEGATIVE, "guidance_scale": 5, "base_model": MODEL, "sharpness": 2.0}
    yield "fooocus", {"parameters": fooocus}, "sharpness"
    easy = {
        **common,
        "num_inference_steps": STEPS,
        "guidance_scale": 5,
        "use_stable_diffusion_model": MODEL,
        "use_upscale": "RealESRGAN",
    }
    yield "easy-diffusion", {key: str(value) for key, value in easy.items()}, "use_upscale"
    yield "unheard-of", {"Software": "Brush 3", "Comment": {**common, "model": MODEL, "wetness": 0.7}}, "wetness"
