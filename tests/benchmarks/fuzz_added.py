"""Fuzz the readers of what is added to a model: control models, IP-Adapters, upscalers and detectors.

Each input is a small file of that kind with its bytes flipped, cut or spliced, with headers that claim other and huge shapes,
under other names, or one of the hostile files of the tests. It is opened, and where it opens, its network is built and filled,
as the engine does. Nothing of a file may run, and none may take memory that its size does not justify.

`python -m tests.benchmarks.fuzz_added [--cases N] [--seed N] [--only READER]`. Exits with 1 on any fault.
"""

from __future__ import annotations

import json
import random
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from sdedge.engines.torch.upscalers import load_upscaler
from sdedge.models.config import UNetConfig
from sdedge.models.controlnet import ControlNet, HintEmbedding
from sdedge.models.ip_adapter import IPAdapter
from sdedge.models.t2i_adapter import T2IAdapter
from sdedge.models.unfilled import unfilled
from sdedge.models.upscaler_config import SRVGGConfig
from sdedge.weights.control import ControlKind, holds_control, open_control
from sdedge.weights.detector import holds_detector, load_detector, open_detector
from sdedge.weights.loading import load_into
from sdedge.weights.upscaler import holds_upscaler, open_upscaler
from tests import fuzzing
from tests.benchmarks.fuzz_weights import TOKENS, hostile_text
from tests.control_models import (
    author_names,
    ldm_names,
    random_adapter,
    random_controlnet,
    write_pth,
    write_safetensors,
)
from tests.detector_models import random_detector, save_as_ultralytics
from tests.fuzzing import Tally, fuzz, mutate
from tests.ip_adapter_models import random_ip_adapter, write_bin, write_file
from tests.upscaler_models import TINY, old_names, random_state, second_names
from tests.weights import exploits
from tests.weights.conftest import UNET

BASE = UNetConfig.from_json(UNET)
HEAD = 6000  # bytes at a file's beginning and end, where most of what a reader goes by stands
MEMORY = 128 << 20
EXTENTS = (0, 1, 2, 3, 7, 64, 1280, 10**6, 2**31, 2**40, 2**63 - 1)
WATCHED = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect", "os.remove", "os.rename",
           "shutil.rmtree", "pickle.find_class")  # fmt: skip


# What is read


def read_control(path: Path) -> None:
    """Opens a control model or IP-Adapter and builds its networks for a narrow UNet."""
    holds_control(path)
    model = open_control(path)
    if model.kind is ControlKind.CONTROLNET:
        config = model.controlnet_config(BASE)
        fill(lambda: HintEmbedding(config), model.component("hint"))
        fill(lambda: ControlNet(config), model.component("encoder"))
    elif model.kind is ControlKind.T2I_ADAPTER:
        shape = model.adapter_config(BASE)
        fill(lambda: T2IAdapter(shape), model.tensors)
    else:
        read = model.ip_adapter_config(BASE)
        fill(lambda: IPAdapter(read), model.tensors)


def fill(build: Callable[[], torch.nn.Module], tensors: Mapping[str, Any]) -> None:
    """Builds a network and fills it, as the engine does."""
    with unfilled():
        network = build()
    load_into(network, tensors, torch.float32)


def read_upscaler(path: Path) -> None:
    """Opens an upscaler and loads it."""
    holds_upscaler(path)
    load_upscaler(open_upscaler(path), torch.device("cpu"))


def read_detector(path: Path) -> None:
    """Opens a detector and loads it."""
    holds_detector(path)
    load_detector(open_detector(path))


# Inputs


def write_controls(folder: Path) -> None:
    """Control models of both kinds in the containers that people have."""
    network = random_controlnet(UNET).state_dict()
    write_pth(folder / "controlnet.pth", ldm_names(network))
    write_safetensors(folder / "controlnet.safetensors", network)
    for light in (False, True):
        adapter = random_adapter(UNET, light).state_dict()
        write_pth(folder / f"adapter-{light}.pth", author_names(adapter), "")
        write_safetensors(folder / f"adapter-{light}.safetensors", adapter)


def write_ip_adapters(folder: Path) -> None:
    """IP-Adapters of each kind, nested in pickles and flat in safetensors."""
    for kind in ("classic", "plus", "full"):
        state = random_ip_adapter(UNET, kind)
        write_bin(folder / f"{kind}.bin", state)
        write_file(folder / f"{kind}.safetensors", state)


def write_upscalers(folder: Path) -> None:
    """Upscalers of each architecture under each names."""
    state = random_state(TINY)
    compact = random_state(SRVGGConfig(8, 2, 2))
    for name, named in (
        ("new", state),
        ("old", old_names(state, TINY)),
        ("second", second_names(state)),
        ("compact", compact),
    ):
        save_file(named, folder / f"{name}.safetensors")
        torch.save({"params_ema": named}, folder / f"{name}.pth")


def write_detectors(folder: Path) -> None:
    """A detector as its package pickles it, in both containers, and its tensors alone."""
    network = random_detector()
    save_as_ultralytics(network, folder / "zip.pt")
    save_as_ultralytics(network, folder / "legacy.pt", legacy=True)
    save_file({name: tensor.clone() for name, tensor in network.state_dict().items()}, folder / "flat.safetensors")


def damaged(data: bytes, random_: random.Random) -> bytes:
    """Bytes flipped, cut and spliced anywhere, or where a reader looks first."""
    kind = random_.randrange(4)
    if kind == 0:
        return mutate(data, random_, TOKENS)
    if kind == 1:
        return data[: random_.randrange(len(data))]
    if kind == 2:
        return mutate(data[:HEAD], random_, TOKENS) + data[HEAD:]
    return data[:-HEAD] + mutate(data[-HEAD:], random_, TOKENS)


def lying(data: bytes, random_: random.Random) -> bytes:
    """A safetensors file whose header has other names, shapes and places; the tensors stay, or some of their numbers change."""
    size = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8 : 8 + size]), bytearray(data[8 + size :])
    for _ in range(random_.choice((1, 1, 2, 5))):
        name = random_.choice([each for each in header if each != "__metadata__"] or ["x"])
        entry = header.get(name, {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]})
        kind = random_.randrange(7)
        if kind == 0:
            entry["shape"] = [random_.choice(EXTENTS) for _ in range(random_.randrange(6))]
        elif kind == 1:  # as many numbers in another shape
            entry["shape"] = random_.choice(
                ([1, *entry["shape"]], [*entry["shape"], 1], entry["shape"][::-1], _flat(entry["shape"]))
            )
        elif kind == 2:
            header.pop(name, None)
            header[name + random_.choice(("", ".0", ".weight", ".conv1x1.weight"))] = entry
        elif kind == 3:
            header[_renumbered(name, random_)] = header.pop(name, entry)
        elif kind == 4:
            header[hostile_text(random_).encode("utf-8", "replace").decode()[:400]] = {
                **entry,
                "shape": [0],
                "data_offsets": [0, 0],
            }
        elif kind == 5:
            start = random_.randrange(len(body) + 1)
            body[start : start + 4] = random_.choice((b"\xff\xff\xff\x7f", b"\0\0\x80\x7f", b"\xff\xff\x7f\x7f"))
        else:
            entry["dtype"] = random_.choice(("F64", "F16", "I64", "U8", "BOOL", "F8_E4M3"))
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(body)


def _flat(shape: list[int]) -> list[int]:
    count = 1
    for extent in shape:
        count *= extent
    return [count]


def _renumbered(name: str, random_: random.Random) -> str:
    """Returns a name with another number in the place of one of its own."""
    parts = name.split(".")
    places = [i for i, part in enumerate(parts) if part.isdigit()]
    if places:
        parts[random_.choice(places)] = random_.choice(("0", "1", "99", "9999", "9" * 40, "-1", "\u0663"))
    return ".".join(parts)


@cache
def hostile() -> list[bytes]:
    """The hostile files of the tests that are not large."""
    return [data for make in exploits.corpus().values() if len(data := make()) < 50_000]


def inputs(write: Callable[[Path], None], cases: int, seed: int, folder: Path) -> Iterator[Path]:
    """Yields files to read: first the good ones, by which everything is imported and warm."""
    random_ = random.Random(seed)
    write(folder)
    good = {path: path.read_bytes() for path in sorted(folder.iterdir())}
    yield from list(good)[:cases]
    for _ in range(cases - len(good)):
        path = random_.choice(list(good))
        kind = random_.randrange(8)
        if kind == 0:
            data = random_.choice(hostile())
        else:
            data = (
                lying(good[path], random_)
                if path.suffix == ".safetensors" and kind < 6
                else damaged(good[path], random_)
            )
        trial = folder / f"trial{path.suffix}"
        trial.write_bytes(data)
        yield trial


# Faults


class Executed(Exception):
    """Something of a file ran."""


_watching = False


def _audit(event: str, arguments: Any) -> None:
    if _watching and event in WATCHED:
        raise Executed(f"{event} {arguments!r}"[:200])


def reader(what: str, read: Callable[[Path], None], write: Callable[[Path], None]) -> Callable[[int, int], Tally]:
    """Returns the run of one reader."""

    def watched(path: Path) -> None:
        global _watching
        _watching = True
        try:
            read(path)
        finally:
            _watching = False

    def run(cases: int, seed: int) -> Tally:
        _watch()
        with tempfile.TemporaryDirectory() as name:
            return fuzz(what, watched, inputs(write, cases, seed, Path(name)), MEMORY)

    return run


@cache
def _watch() -> None:
    sys.addaudithook(_audit)  # cannot be removed again, hence the switch


READERS = {
    "controls": (20_000, reader("control models", read_control, write_controls)),
    "ip-adapters": (20_000, reader("IP-Adapters", read_control, write_ip_adapters)),
    "upscalers": (20_000, reader("upscalers", read_upscaler, write_upscalers)),
    "detectors": (10_000, reader("detectors", read_detector, write_detectors)),
}  # fmt: skip


def main() -> int:
    return fuzzing.main(READERS)


if __name__ == "__main__":
    sys.exit(main())
