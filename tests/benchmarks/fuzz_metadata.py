"""Fuzz what pictures say and hold: `python -m tests.benchmarks.fuzz_metadata`. Exits with 1 on any fault."""

from __future__ import annotations

import io
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from sdedge.images import metadata, source
from sdedge.images.mask import read_mask
from sdedge.images.metadata_apps import from_texts
from sdedge.library.safe_settings import recorded_hashes, safe_settings, unconfirmed_paths
from tests.fuzzing import Tally, fuzz, main, mutate

SETTINGS = (
    "Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 5, Size: 500x512, Model hash: cc6cb27103, Model: v1-5"
)
KEYS = (
    "parameters",
    "comment",
    "sdedge",
    "description",
    "invokeai_metadata",
    "sd-metadata",
    "Comment",
    "Software",
    "Description",
    "iptc",
    "XML:com.adobe.xmp",
    "prompt",
    "workflow",
    "Source",
)
NAMES = (
    "sdedge",
    "request",
    "facts",
    "prompt",
    "negative",
    "model",
    "vae",
    "image",
    "mask",
    "seed",
    "steps",
    "width",
    "height",
    "sampler",
    "schedule",
    "sigmas",
    "options",
    "outpaint",
    "guidance",
    "positive_prompt",
    "negative_prompt",
    "loras",
    "weight",
    "name",
    "lora",
    "file",
    "c",
    "uc",
    "scale",
    "size",
    "v2",
    "seed_mode",
    "strength",
    "scheduler",
    "clip_skip",
    "cfg_scale",
    "rand_device",
    "init_image",
    "controlnets",
    "model_weights",
    "noise",
    "preset",
    "timesteps",
    "mask_blur",
)
PIECES = (
    "a cat",
    "\n",
    "Negative prompt:",
    SETTINGS,
    "Steps: 20",
    ", ",
    ": ",
    '"',
    "\\",
    "(",
    ")",
    "[",
    "]",
    "++",
    "--",
    ")1.4",
    "(a:1.2)",
    "<lora:/dev/zero:1>",
    "<lora:x>",
    "BREAK",
    "AND",
    "{a|b}",
    "__x__",
    "\ud83d",
    "\0",
    "\u202e",
    "家",
    "&#99999999;",
    "Template: ",
    "Include in Image:",
    "; Steps:",
    "<dc:description>",
    "<rdf:li",
    ">",
    "</rdf:li>",
    "NovelAI",
    "-1",
    "9" * 400,
    "1e999",
    "NaN",
    " " * 300,
    "'",
    "<exif:UserComment>",
    '").and()',
    ".blend(",
    ".swap(",
)
HOSTILE = (
    None,
    True,
    -1,
    0,
    2**64,
    10**19,
    -1e308,
    float("inf"),
    float("nan"),
    "",
    "\ud83d\0",
    "/dev/zero",
    "x" * 5000,
    [],
    {},
    [[]],
    "dpmpp_2m",
    "512x768",
    "karras",
    512,
    7.5,
    "a (b)1.2 c++",
)


def texts(cases: int, seed: int) -> Iterator[dict[str, str]]:
    chance = random.Random(seed)
    for _ in range(cases):
        yield {key: _text(chance) for key in chance.choices(KEYS, k=chance.choice((1, 1, 2, 4)))}


def _text(chance: random.Random) -> str:
    if chance.random() < 0.5:
        value = json.dumps(_value(chance, 0))
        return value if chance.random() < 0.8 else value[: chance.randrange(len(value) + 1)]
    text = "".join(chance.choices(PIECES, k=chance.choice((1, 3, 8, 20))))
    return text * chance.choice((1, 1, 1, 1, 40, 400)) if len(text) < 600 else text


def _value(chance: random.Random, depth: int) -> Any:
    kind = chance.random()
    if depth == 0 or (kind < 0.25 and depth < 5):
        return {chance.choice(NAMES): _value(chance, depth + 1) for _ in range(chance.randrange(9))}
    if kind < 0.35 and depth < 5:
        return [_value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return chance.choice(HOSTILE) if kind < 0.8 else "".join(chance.choices(PIECES, k=3))


def read_texts(value: dict[str, str]) -> None:
    fields = from_texts(value)
    request = metadata.to_request(fields)
    safe, notices = safe_settings(fields.fields, {"v1-5": "v1-5"}.get, (), recorded_hashes(fields.details))
    assert not unconfirmed_paths(safe), safe
    for line in (*fields.notes, *notices):
        assert len(line) < 1200, line
    json.dumps(dict(fields.details), allow_nan=False)
    f"{request.to_json()}{fields.notes}{notices}".encode()


def metadata_texts(cases: int, seed: int) -> Tally:
    return fuzz("metadata", read_texts, texts(cases, seed))


def pictures(cases: int, seed: int) -> Tally:
    seeds = [_picture(name) for name in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")]
    tokens = (
        b"IHDR",
        b"tEXt",
        b"zTXt",
        b"iTXt",
        b"IDAT",
        b"\xff\xe1",
        b"Exif\0\0",
        b"\0\0\0\0",
        b"\xff\xff\xff\xff",
        b"UNICODE\0",
        b"VP8X",
        b"acTL",
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.png")

        def read(data: bytes) -> None:
            path.write_bytes(data)
            read_texts({key: text for key, text in {"parameters": metadata.read(path).text}.items() if text})
            source.read_source(path)
            read_mask(path, (32, 32), np.zeros((32, 32, 3), np.uint8))

        chance = random.Random(seed)
        return fuzz("pictures", read, (mutate(chance.choice(seeds), chance, tokens) for _ in range(cases)))


def _picture(format: str) -> bytes:
    pixels = np.arange(32 * 32 * 4, dtype=np.uint32).reshape(32, 32, 4).astype(np.uint8)
    image, file = Image.fromarray(pixels), io.BytesIO()
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + f"a cat\n{SETTINGS}".encode("utf-16-be")
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", f"a cat\n{SETTINGS}", zip=True)
    info.add_itxt("invokeai_metadata", '{"positive_prompt": "a (cat)1.2"}')
    options: dict[str, Any] = {
        "PNG": {"pnginfo": info},
        "JPEG": {"exif": exif},
        "WEBP": {"exif": exif},
        "AVIF": {"exif": exif},
    }.get(format, {})
    (image if format in ("PNG", "WEBP", "TIFF", "AVIF") else image.convert("RGB")).save(file, format, **options)
    return file.getvalue()


READERS = {"metadata": (100_000, metadata_texts), "pictures": (20_000, pictures)}

if __name__ == "__main__":
    sys.exit(main(READERS))
