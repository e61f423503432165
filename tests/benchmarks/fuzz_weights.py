"""Fuzz the readers of weights: pickle streams, safetensors headers, whole checkpoints, model folders and their configurations.

`python -m tests.benchmarks.fuzz_weights [--cases N] [--seed N] [--only READER]`. Exits with 1 on any fault.
"""

from __future__ import annotations

import json
import pickle
import random
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sdedge.engines.facts import read_facts, vae_config
from sdedge.machine.picture_memory import read_sizes
from sdedge.models.config import TextConfig, UNetConfig
from sdedge.models.taesd import TinyConfig
from sdedge.sampling.schedule import NoiseSchedule
from sdedge.weights.checkpoint import is_vae, open_checkpoint
from sdedge.weights.files import open_tensors
from sdedge.weights.headers import DTYPES, parse_header
from sdedge.weights.pickle_names import torch_rules
from sdedge.weights.pickle_opcodes import load
from tests import fuzzing
from tests.fuzzing import Tally, fuzz, mutate
from tests.weights import exploits
from tests.weights.layouts import LAYOUT, Shapes, ldm_shapes, write_zeros, write_zeros_folder

TOKENS = (
    b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"r\xff\xff\xff\xff", b"(", b"t", b"R", b"b", b"]", b"}", b"2",
    b".", b"0", b"\x93", b"\x94", b"Q", b"a", b"e", b"u", b"s", b"\x81", b"cos\nsystem\n", b"PK\x01\x02", b"PK\x05\x06",
    b'"', b"[", b"{", b"\\u0000", b"\\ud800", b"\xed\xa0\x80", b"-1", b"9999999999999999999", b",", b"data_offsets", b"F64",
    b"__metadata__", b"h\0", b"q\0", b"\x85", b"\x86", b"\x87", b"ccollections\nOrderedDict\n", b"null", b"NaN", b"1e999",
)  # fmt: skip


def hostile_value(random_: random.Random, depth: int = 0) -> Any:
    """A value of JSON that a reader does not expect."""
    kind = random_.randrange(14 if depth < 3 else 10)
    if kind >= 12:
        return [hostile_value(random_, depth + 1) for _ in range(random_.randrange(5))]
    if kind >= 10:
        return {hostile_text(random_): hostile_value(random_, depth + 1) for _ in range(random_.randrange(4))}
    return random_.choice([
        None, True, False, 0, -1, 1, 2, 4, 8, 64, 77, 1000, 10**7, 10**12, 2**63, 10**19, 10**400, 0.5, -0.0, 1e308, 1e-300,
        float("nan"), float("inf"), float("-inf"), "", [], {}, [0], [8] * 9, [[8]], [None], ["x"], [1, 1], [None, None],
        hostile_text(random_), hostile_text(random_),
    ])  # fmt: skip


def hostile_text(random_: random.Random) -> str:
    return random_.choice([
        "", "\0", "a\0b", "\ud800", "\udfff\ud800", "x" * 300, "y" * 70_000, "../x", "/dev/zero", "a/b", "..", ".", "\n",
        "\u202e", "\U0001f600", "1", "-1", "nan", "None", "{}", "%s", "{0}", "\\", '"', "v_prediction", "leading",
        "AutoencoderTiny",
    ])  # fmt: skip


# Pickle streams


def pickle_stream(random_: random.Random) -> bytes:
    """A sequence of opcodes that mostly keeps the stack in order; it repeats what is costly when it is hostile."""
    out, stack = bytearray(b"\x80\x02"), 0
    for _ in range(random_.choice((3, 10, 30, 100))):
        choice = random_.randrange(12)
        if choice < 5 or stack < 2:
            out += _atom(random_)
            stack += 1
        elif choice < 8:
            out += random_.choice((b"\x86", b"R", b"b0N", b"a", b"\x93", b"\x81"))
            stack -= 1
        elif choice == 8:
            out += b"q" + bytes([random_.randrange(4)])
        elif choice == 9:
            out += b"h" + bytes([random_.randrange(4)])
            stack += 1
        elif choice == 10:
            items = [_atom(random_) for _ in range(random_.choice((0, 1, 2, 4)))]
            out += b"(" + b"".join(items) + random_.choice((b"t", b"l", b"d"))
            stack += 1
        else:
            out += _atom(random_) * random_.choice((1, 2, 300))
            stack += 1
    return bytes(out) + random_.choice((b".", b".", b"", b"0" * max(0, stack - 1) + b"."))


def _atom(random_: random.Random) -> bytes:
    text = (
        hostile_text(random_)
        if random_.random() < 0.3
        else random_.choice(("state_dict", "x", "storage", "weight", "0"))
    )
    return random_.choice((
        b"N", b"\x88", b"]", b"}", b")", b"K\x04", b"K\x00", b"M\xff\xff", b"J\xff\xff\xff\xff", b"G" + struct.pack(">d", 1.5),
        b"\x8a\x09" + b"\xff" * 8 + b"\0", b"I" + b"9" * random_.choice((1, 30, 399, 4000)) + b"\n", b"Fnan\n", b"F1e999\n",
        exploits.text(text.encode("utf-8", "replace").decode()), b"X" + struct.pack("<I", 3) + b"\xed\xa0\x80", b"V\\ud800\n",
        b"B" + struct.pack("<I", 4) + b"abcd", exploits.storage(), exploits.tensor(), exploits.name("collections", "OrderedDict"),
        exploits.name("torch", "Size"), exploits.name("torch._utils", "_rebuild_tensor_v2"), exploits.name("a.b", "Klass"),
        exploits.name("copyreg", "_reconstructor"), exploits.name("builtins", "set"), exploits.name("os", "system"),
    ))  # fmt: skip


def pickles(cases: int, seed: int) -> Tally:
    random_, known = random.Random(seed), [data for data in exploits.pickles().values() if len(data) < 200_000]
    plain = pickle.dumps({"a": [1, 2.5, "x", None, True, (1, 2, 3, 4), -5, 10**30], "b": {"c": [[], {}]}}, 4)
    known += [plain, exploits.state_dict(exploits.tensor()), pickle.dumps([{"a": 1}] * 50, 0)] * 5

    def inputs() -> Iterator[bytes]:
        for i in range(cases):
            start = pickle_stream(random_) if i % 2 else random_.choice(known)
            yield start if i % 4 == 1 else mutate(start, random_, TOKENS)

    return fuzz("pickle streams", lambda data: load(data, torch_rules({})), inputs())


# Safetensors headers


def header(random_: random.Random) -> tuple[bytes, int]:
    """A header that is right but for a part or two, and the bytes of tensors it speaks of."""
    entries: list[str] = []
    end = 0
    for i in range(random_.choice((0, 1, 2, 5, 40))):
        dtype, extents = (
            random_.choice(list(DTYPES)),
            [random_.choice((0, 1, 2, 3)) for _ in range(random_.randrange(4))],
        )
        size = DTYPES[dtype][1]
        for extent in extents:
            size *= extent
        entry: dict[str, Any] = {"dtype": dtype, "shape": extents, "data_offsets": [end, end + size]}
        end += size
        if random_.random() < 0.05:
            entry[random_.choice([*entry, "more"])] = hostile_value(random_)
        name = hostile_text(random_) if random_.random() < 0.05 else f"a.{i}"
        entries.append(f"{json.dumps(name, ensure_ascii=random_.random() < 0.9)}:{json.dumps(entry)}")
    if random_.random() < 0.3:
        entries.append('"__metadata__":' + json.dumps(random_.choice(({"format": "pt"}, hostile_value(random_)))))
    if entries and random_.random() < 0.05:
        entries.append(random_.choice(entries))
    text = "{" + ",".join(entries) + "}" + " " * random_.choice((0, 0, 7))
    return text.encode("utf-8", "surrogatepass"), end


def headers(cases: int, seed: int) -> Tally:
    random_ = random.Random(seed)
    known = [data[8:] for data in exploits.headers().values() if len(data) < 300_000]

    def inputs() -> Iterator[tuple[bytes, int]]:
        for i in range(cases):
            text, size = header(random_) if i % 4 else (random_.choice(known), random_.choice((0, 8, 16, 32)))
            yield (text if i % 2 else mutate(text, random_, TOKENS)), size

    return fuzz("safetensors headers", lambda case: parse_header(*case), inputs())


# Whole checkpoints


def checkpoint_file(random_: random.Random, folder: Path, bodies: list[bytes]) -> Path:
    """A file of weights in one of the containers: whole v1 shapes with some of them changed, or damaged bytes."""
    path = folder / random_.choice(("m.safetensors", "m.ckpt", "m.pt"))
    if random_.random() < 0.5:
        path.write_bytes(mutate(random_.choice(bodies), random_, TOKENS))
        return path
    shapes = dict(random_.choice((ldm_shapes(), LAYOUT)))
    for _ in range(random_.choice((0, 1, 1, 2, 5))):
        if shapes:  # a part of them may be gone
            _damage(shapes, random_)
    write_zeros(path, shapes, {} if random_.random() < 0.7 else _notes(random_))
    return path


def _damage(shapes: Shapes, random_: random.Random) -> None:
    name = random_.choice(list(shapes))
    kind = random_.randrange(5)
    if kind == 0:
        del shapes[name]
    elif kind == 1:
        shapes[name] = tuple(random_.choice((0, 1, 2, 4, 9, 1024)) for _ in range(random_.randrange(6)))
    elif kind == 2:
        part, replacement = (
            random_.choice((".0.", ".1.", "weight", "attn")),
            random_.choice(("", ".7.", ".", "lora_A", "..")),
        )
        shapes[name.replace(part, replacement)] = (1,)
    elif kind == 3:
        shapes[hostile_text(random_).encode("utf-8", "replace").decode()[:400]] = (1,)
    else:
        prefix = random_.choice(
            ("model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer.", "vae.")
        )
        for key in [key for key in shapes if key.startswith(prefix)]:
            shapes[key.replace(prefix, random_.choice((prefix, "", "vae.", "x.")))] = shapes.pop(key)


def _notes(random_: random.Random) -> dict[str, str]:
    configs: dict[str, Any] = {name: hostile_value(random_) for name in ("unet", "vae", "text_encoder", "scheduler")}
    text = json.dumps(configs if random_.random() < 0.8 else hostile_value(random_))
    return {random_.choice(("sdedge.configs", "sdedge.tokenizer", "modelspec.prediction_type")): text}


def checkpoints(cases: int, seed: int) -> Tally:
    random_ = random.Random(seed)
    body = exploits.state_dict(exploits.tensor())
    small = [data for data in exploits.pickles().values() if len(data) < 5000]
    bodies = [build(data) for data in small for build in (exploits.archive, exploits.legacy)]
    bodies += [exploits.archive(body), exploits.legacy(body)] * 30 + list(exploits.archives().values())[:4]
    with tempfile.TemporaryDirectory() as name:

        def read(path: Path) -> None:
            size = path.stat().st_size
            if size < 50_000:  # else whole shapes, of which the header is checked in its own fuzzer
                for lazy in open_tensors(path).values():
                    assert 0 <= lazy.offset <= lazy.offset + lazy.span <= size, lazy.name
            (is_vae if random_.random() < 0.2 else read_model)(path)

        return fuzz("checkpoints", read, (checkpoint_file(random_, Path(name), bodies) for _ in range(cases)))


def read_model(path: Path) -> None:
    """What an engine asks of a model before it loads a network."""
    checkpoint = open_checkpoint(path)
    read_facts(checkpoint)
    read_sizes(checkpoint)


# Configurations and the other texts of model folders


def config_text(random_: random.Random, config: dict[str, Any]) -> bytes:
    """A component's configuration with some values replaced, or damaged text."""
    changed = dict(config)
    for _ in range(random_.choice((0, 1, 1, 2, 4))):
        changed[random_.choice([*config, hostile_text(random_)])] = hostile_value(random_)
    value = changed if random_.random() < 0.95 else hostile_value(random_)
    text = json.dumps(value, ensure_ascii=random_.random() < 0.5).encode("utf-8", "surrogatepass")
    if random_.random() < 0.02:
        wide = text.decode("latin-1").encode("utf-16")
        text = random_.choice((b"[" * 100_000, b'{"a":' * 50_000, b"9" * 100_000, b"\xff\xfe{", b"", wide))
    return mutate(text, random_, TOKENS) if random_.random() < 0.2 else text


def configs(cases: int, seed: int) -> Tally:
    random_ = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        model = write_zeros_folder(Path(name) / "model")
        files = {path: path.read_bytes() for path in sorted(model.rglob("*.json"))}

        def inputs() -> Iterator[Path]:
            for _ in range(cases):
                path = random_.choice(list(files))
                path.write_bytes(config_text(random_, json.loads(files[path])))
                yield path
                path.write_bytes(files[path])

        def read(path: Path) -> None:
            read_model(model)
            if path.name == "config.json":
                config = json.loads(path.read_bytes())
                for build in _CONFIGS:
                    build(config)

        return fuzz("configurations", read, inputs())


_CONFIGS: tuple[Callable[[dict[str, Any]], Any], ...] = (
    UNetConfig.from_json, vae_config, TextConfig.from_json, TinyConfig.from_json, NoiseSchedule.from_config,
)  # fmt: skip


READERS = {
    "pickles": (100_000, pickles), "headers": (100_000, headers), "checkpoints": (20_000, checkpoints),
    "configs": (20_000, configs),
}  # fmt: skip


def main() -> int:
    return fuzzing.main(READERS)


if __name__ == "__main__":
    sys.exit(main())
