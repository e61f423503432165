"""Fuzz files of prompts and of styles: `python -m tests.benchmarks.fuzz_batch`. Exits with 1 on any fault."""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sdedge import batch
from sdedge.request import Request
from sdedge.text import styles
from tests.fuzzing import Tally, fuzz, main, mutate

ENDINGS = ("txt", "csv", "tsv", "json", "jsonl", "ndjson")
SEEDS = {
    "txt": b'a cat\n--prompt "a dog" --steps 3 --n_iter 2 --seed -1\na house --width 64 --height 64 --sampler_name "Euler a"\n',
    "csv": b'prompt,steps,size,CFG scale,option.eta\n"a cat, black",3,64x64,7.5,\na dog,,,,0.5\n',
    "tsv": b"prompt\tseed\nred\t-1\n",
    "json": b'[{"prompt": "a", "seed": -1, "size": "64"}, "b", '
    b'{"outpaint": [8, 0, 0, 0], "image": "x.png", "options": {"eta": 1}}]',
    "jsonl": b'{"prompt": "a", "sigmas": [14.6, 1, 0]}\n"b"\n{"CFG scale": "7.5", "sampler": "DPM++ 2M Karras"}\n',
    "ndjson": b'{"negative_prompt": "\\ud83d"}\n',
}
STYLES = b'name,prompt,negative_prompt\n# a remark,,\nfilm,"{prompt}, film grain",blurry\nbig,"{prompt} {prompt}",\n'
TOKENS = (
    b'"',
    b"'",
    b",",
    b"\t",
    b"\n",
    b"\r\n",
    b"--",
    b" --steps ",
    b" --prompt ",
    b" --n_iter 99",
    b" --ar 16:9",
    b"\0",
    b"\xff",
    b"\xff\xfe",
    b"\xed\xa0\xbd",
    b"null",
    b"NaN",
    b"1e999",
    b"9" * 5000,
    b"[" * 3000,
    b"{",
    b"}",
    b'{"a":',
    b"-1",
    b"\xe2\x80\xae",
    b"\\",
    b"\\ud83d",
    b"seed",
    b"steps",
    b"model",
    b"option.x",
    b"prompt",
    b"size",
    b"{prompt}" * 50,
    b"x" * 140_000,
    b"name",
    b"1_0",
    b"\xd9\xa3",
    b"True",
    b"[]",
    b"{}",
)


def _files(cases: int, seed: int) -> Iterator[tuple[str, bytes]]:
    chance = random.Random(seed)
    for _ in range(cases):
        ending = chance.choice(ENDINGS)
        yield ending, mutate(SEEDS[ending], chance, TOKENS)


def batch_texts(cases: int, seed: int) -> Tally:
    with tempfile.TemporaryDirectory() as folder:

        def read(value: tuple[str, bytes]) -> None:
            path = Path(folder, f"a.{value[0]}")
            path.write_bytes(value[1])
            for request in batch.requests(path, Request()):
                request.to_json().encode()

        return fuzz("batch texts", read, _files(cases, seed))


def style_files(cases: int, seed: int) -> Tally:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "styles.csv")

        def read(data: bytes) -> None:
            path.write_bytes(data)
            read = styles.read_styles(path)
            names = [*read, "film"][:5] * 3
            "".join(styles.apply("a cat", "", names, read)).encode()

        return fuzz("styles", read, (mutate(STYLES, chance, TOKENS) for _ in range(cases)))


READERS = {"batch": (100_000, batch_texts), "styles": (10_000, style_files)}

if __name__ == "__main__":
    sys.exit(main(READERS))
