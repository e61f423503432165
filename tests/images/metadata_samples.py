"""Pictures with settings inside, as they are written here and elsewhere, for the tests of metadata."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, PngImagePlugin

from sdedge.images import metadata
from sdedge.request import Request

PIXELS = np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)
FACTS = {"model_name": "v1-5", "model_hash": "cc6cb27103", "engine": "cpu float32", "version": "9.9"}
REQUEST = Request(
    prompt="a (red:1.2) house, näive 家\nat night", negative="ugly: very, bad", model="models/v1-5.safetensors", width=512,
    height=640, steps=23, guidance=7.5, sampler="dpmpp_2m", schedule="karras", seed=2**32 + 5, noise="philox", clip_skip=2,
)  # fmt: skip
MOCHI = (
    "Include in Image: a cat; with a hat; Exclude from Image: ugly; Model: sd-1-5_split-einsum; Steps: 12; "
    "Guidance Scale: 11.0; Seed: 4; Size: 512x512; Scheduler: DPM-Solver++; ML Compute Unit: CPU & Neural Engine; "
    "Generator: Mochi Diffusion 5.2"
)
A1111_TEXT = (
    "a cat\nNegative prompt: ugly\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1, "
    "Size: 512x512, Model hash: cc6cb27103, Model: v1-5, Version: v1.9.4"
)


def saved(format: str, request: Request | None = REQUEST, facts: dict = FACTS) -> io.BytesIO:
    file = io.BytesIO()
    metadata.write(file, PIXELS, format, request, facts)
    file.seek(0)
    return file


def png(**texts: str) -> io.BytesIO:
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_text(key.replace("_", "-") if key == "sd_metadata" else key, text)
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=info)
    file.seek(0)
    return file


def fields(**texts: str) -> dict:
    return dict(metadata.read(png(**texts)).fields)
