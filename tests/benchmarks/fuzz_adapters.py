"""Fuzz prompts and what they name: LoRA files, embeddings, tokenizers, wildcard files.

`python -m tests.benchmarks.fuzz_adapters` exits with 1 on any fault.
"""

from __future__ import annotations

import base64
import json
import random
import struct
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from sdedge.errors import SdedgeError
from sdedge.text import wildcards
from sdedge.text.prompt import describe_prompt
from sdedge.text.tags import left_out, path_tags
from sdedge.text.tokenizer import Tokenizer, from_vocabulary
from sdedge.weights.lora import fit, open_lora
from sdedge.weights.textual_inversion import find, open_embedding
from tests.fuzzing import Tally, fuzz, main, mutate

TEXTS = from_vocabulary(["a", "red", "house", "in", "the", "old", "town"])
MARKS = (
    "a",
    "red ",
    "house",
    " BREAK ",
    "AND",
    " AND ",
    "(",
    ")",
    "[",
    "]",
    ":",
    ":1.2)",
    ":0.5]",
    "|",
    "{",
    "}",
    "__",
    "__a__",
    "\\",
    "<",
    ">",
    "<lora:x:1>",
    "<lora:",
    "<hypernet:y:1>",
    "lbw=MIDD",
    ",",
    "\n",
    " ",
    "\x00",
    "\ud83d",
    "\udc00",
    "e\u0301",
    "🎨",
    "embedding:",
    "1" * 50,
    "-",
    ".",
    "nan",
    "inf",
    "1e999",
    "/",
    "..",
    "=",
    "te=",
    "<|endoftext|>",
    "İ",
    "\u2028",
    "__../x__",
)
VALUES = (
    None,
    True,
    -1,
    0,
    1.5,
    10**30,
    float("nan"),
    float("inf"),
    "",
    "x",
    "\ud800",
    [],
    {},
    [[]],
    {"a": None},
    "9" * 5000,
)
SHAPES = ((2, 32), (32, 2), (0, 32), (32, 0), (), (1,), (4, 4), (8, 8), (2, 1024), (3, 3, 3, 3), (75, 768), (80, 768))
PIECES = (
    "lora_down.weight",
    "lora_up.weight",
    "lora_mid.weight",
    "alpha",
    "lora_A.weight",
    "lora_B.weight",
    "dora_scale",
    "hada_w1_a",
    "hada_w1_b",
    "hada_w2_a",
    "hada_w2_b",
    "lokr_w1",
    "lokr_w2",
    "lokr_w2_a",
    "lokr_w2_b",
    "diff",
    "diff_b",
    "w_norm",
    "oft_blocks",
    "on_input",
    "a1",
    "b1",
    "",
)
PREFIXES = (
    "lora_unet_",
    "lora_te_",
    "lycoris_",
    "unet.",
    "base_model.model.",
    "text_encoder.",
    "bundle_emb.x.",
    "lora_te2_",
    "",
)
MODULES = (
    "down_blocks_0_attn1_to_q",
    "mid_block.attn2.to_k",
    "text_model_encoder_layers_0_mlp_fc1",
    "x" * 300,
    "a.b.c",
    "é",
    "..",
)
SHAPED = {
    "unet": {
        "down_blocks.0.attn1.to_q.weight": (32, 32),
        "mid_block.attn2.to_k.weight": (32, 32),
        "conv_in.weight": (8, 4, 3, 3),
    }
}


def _text(draw: random.Random, longest: int = 40) -> str:
    text = "".join(draw.choices(MARKS, k=draw.randrange(longest)))
    return (
        (text * (20_000 // max(len(text), 1) + 1))[:20_000] if draw.random() < 0.01 else text
    )  # as long as a request may be


def prompts(cases: int, seed: int) -> Tally:
    def read(text: str) -> None:
        path_tags(text)
        left_out(text)
        describe_prompt(
            wildcards.resolve(text, 1, lambda name: ["{x|y}", "z __a__"]).text, TEXTS, 20, {"red": 2, "é(1)": 3}
        )

    draw = random.Random(seed)
    return fuzz("prompts", read, (_text(draw) for _ in range(cases)))


def _value(draw: random.Random, depth: int = 0) -> Any:
    kind = draw.randrange(8)
    if kind == 0 and depth < 5:
        return [_value(draw, depth + 1) for _ in range(draw.randrange(4))]
    if kind == 1 and depth < 5:
        keys = (
            "lora_alpha",
            "unet.lora_alpha",
            "alpha_pattern",
            "use_rslora",
            "model",
            "vocab",
            "merges",
            "string_to_param",
            "*",
            "TORCHTENSOR",
            "name",
        )
        return {draw.choice(keys): _value(draw, depth + 1) for _ in range(draw.randrange(4))}
    return draw.choice(VALUES)


def _tensors(draw: random.Random, names: Callable[[], str]) -> bytes:
    kinds = (torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool)
    tensors = {names(): torch.ones(draw.choice(SHAPES)).to(draw.choice(kinds)) for _ in range(draw.randrange(1, 6))}
    header = {"lora_adapter_metadata": json.dumps(_value(draw))} if draw.random() < 0.2 else None
    return save(tensors, header)


def _files(
    cases: int,
    seed: int,
    make: Callable[[random.Random], bytes],
    name: str,
    read: Callable[[Path], object],
    reader: str,
) -> Tally:
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name

        def inputs() -> Iterator[bytes]:
            for _ in range(cases):
                yield (
                    mutate(make(draw), draw, (b"\x00", b'"', b"[[[[", b"{", b"\xff\xfe", b"1" * 40))
                    if draw.random() < 0.5
                    else make(draw)
                )

        def write_and_read(data: bytes) -> None:
            path.write_bytes(data)
            read(path)

        return fuzz(reader, write_and_read, inputs())


def loras(cases: int, seed: int) -> Tally:
    def make(draw: random.Random) -> bytes:
        return _tensors(draw, lambda: f"{draw.choice(PREFIXES)}{draw.choice(MODULES)}.{draw.choice(PIECES)}")

    def read(path: Path) -> None:
        config = json.dumps(_value(random.Random(path.stat().st_size)))
        path.with_name("adapter_config.json").write_bytes(config.encode("utf-8", "surrogatepass"))
        lora = open_lora(path)
        fit([lora], SHAPED)
        for part in ("unet", "text_encoder"):
            lora.bind(part, SHAPED.get(part, {}))

    return _files(cases, seed, make, "adapter_model.safetensors", read, "LoRA files")


def embeddings(cases: int, seed: int) -> Tally:
    def card(draw: random.Random) -> bytes:
        rows = draw.choice(
            ([[1.0] * 768] * 2, [], [[1], [1, 2]], "x", [[[1]]], [[]] * 200_000, [float("nan")], [10**400], 5)
        )
        record = {"string_to_param": {"*": {"TORCHTENSOR": rows}}, "name": draw.choice(VALUES)}
        data = json.dumps(record if draw.random() < 0.7 else _value(draw)).encode("utf-8", "surrogatepass")
        text = b"sd-ti-embedding\0" + base64.b64encode(data)
        chunks = [
            b"IHDR" + bytes(13),
            *[b"IDAT"] * draw.choice((0, 1, 50_000 if draw.random() < 0.02 else 3)),
            b"tEXt" + text,
            b"IEND",
        ]
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks
        )

    def make(draw: random.Random) -> bytes:
        return (
            card(draw)
            if draw.random() < 0.5
            else _tensors(draw, lambda: draw.choice(("emb_params", "<x>", "clip_g", "clip_l", "string_to_param.*")))
        )

    def read(path: Path) -> None:
        find(path.parent)
        open_embedding(path, 768)

    return _files(cases, seed, make, "cat.png", read, "embeddings")


def tokenizers(cases: int, seed: int) -> Tally:
    vocab, merges = TEXTS.vocab, [" ".join(pair) for pair in TEXTS.merges]

    def make(draw: random.Random) -> bytes:
        changed = vocab | {draw.choice(list(vocab)): _value(draw) for _ in range(draw.randrange(2))}
        lines = [*merges, *[_value(draw) for _ in range(draw.randrange(2))]]
        record = {"model": {"vocab": changed, "merges": lines}}
        return json.dumps(record if draw.random() < 0.8 else _value(draw)).encode(
            draw.choice(("utf-8", "utf-8", "utf-16")), "surrogatepass"
        )

    def read(path: Path) -> None:
        data = path.read_bytes()
        path.with_name("merges.txt").write_bytes(
            mutate("\n".join(merges).encode(), random.Random(len(data)), (b"\xff", b"\x00", b" "))
        )
        path.with_name("vocab.json").write_bytes(data if len(data) % 2 else json.dumps(vocab).encode())
        path.with_name("bpe_simple_vocab_16e6.txt.gz").write_bytes(data)
        for others in (path.parent, path.with_name("bpe_simple_vocab_16e6.txt.gz")):
            with suppress(SdedgeError):
                (Tokenizer.from_folder if others.is_dir() else Tokenizer.from_bpe_file)(others).ids("a red house")
        Tokenizer.from_tokenizer_json(path).ids("a red \ud83d house")

    return _files(cases, seed, make, "tokenizer.json", read, "tokenizers")


def wildcard_files(cases: int, seed: int) -> Tally:
    def make(draw: random.Random) -> bytes:
        line = _text(draw, 12).encode("utf-8", "surrogatepass" if draw.random() < 0.1 else "replace")
        lines = b"\n".join([line, b"__a__", b"{a|__a__}", b"x" * draw.choice((1, 30_000))][: draw.randrange(1, 5)])
        return lines * draw.choice((1, 1, 1, 200))

    def read(path: Path) -> None:
        lines = wildcards.from_folder(path.parent)
        wildcards.resolve(
            "__a__ " * (900 if path.stat().st_size % 50 == 0 else 5) + "{__a__|__A__}", path.stat().st_size, lines
        )

    return _files(cases, seed, make, "a.txt", read, "wildcard files")


if __name__ == "__main__":
    sys.exit(
        main(
            {
                "prompts": (100_000, prompts),
                "loras": (20_000, loras),
                "embeddings": (20_000, embeddings),
                "tokenizers": (20_000, tokenizers),
                "wildcards": (10_000, wildcard_files),
            }
        )
    )
