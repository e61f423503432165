"""Steps on lesser machines: float32 and int8 under caps on instructions, ours beside diffusers and OpenVINO capped alike.

    python -m tests.benchmarks isa
    python -m tests.benchmarks.isa --caps AVX2 AVX512_CORE_VNNI --rounds 3 --folder DIR
    python -m tests.benchmarks.isa --narrow --size 128 --rounds 1 --anyway     (to try the command)

Each cap is one that oneDNN, ATen and MKL are told of (`ONEDNN_MAX_CPU_ISA`, `ATEN_CPU_CAPABILITY`,
`MKL_ENABLE_INSTRUCTIONS`), and our own kernels keep to it. OpenVINO has a oneDNN of its own, which heeds the first where it was
built to. Before anything is quoted under a cap, a plain product says by its time that the cap bites: under each the same product
has to be clearly slower than without, where the processor has more, and clearly faster than under the lesser one; else nothing is
quoted. What the processor lacks is left out, with the reason. A step is one guided call of the UNet (batch 2); engines take
turns, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sdedge.machine.instruction_sets import Instructions, processor_has
from tests.benchmarks import speed
from tests.benchmarks.support.openvino_peer import PEER_INT8, home, prepare
from tests.benchmarks.support.processes import check_quiet
from tests.benchmarks.support.random_models import make_model

BASE = "diffusers float32"
ENGINES = (BASE, "sdedge float32", "sdedge int8", PEER_INT8)
BITES = 1.2
"""How many times longer a product must take under a cap than without any, in one of the two formats."""


@dataclass(frozen=True)
class Cap:
    """Instructions that a machine is told to do with; `needs` are those that its processor must have for the cap to mean them."""

    name: str
    aten: str
    mkl: str
    needs: Instructions

    def environment(self) -> dict[str, str]:
        return {
            "ONEDNN_MAX_CPU_ISA": self.name, "DNNL_MAX_CPU_ISA": self.name, "ATEN_CPU_CAPABILITY": self.aten,
            "MKL_ENABLE_INSTRUCTIONS": self.mkl,
        }  # fmt: skip


CAPS = {
    cap.name: cap
    for cap in (
        Cap("AVX2", "avx2", "AVX2", Instructions.AVX2),
        Cap("AVX2_VNNI", "avx2", "AVX2", Instructions.AVX_VNNI),
        Cap("AVX512_CORE", "avx512", "AVX512", Instructions.AVX512),
        Cap("AVX512_CORE_VNNI", "avx512", "AVX512", Instructions.VNNI),
    )
}


@contextmanager
def under(environment: Mapping[str, str]) -> Iterator[None]:
    """Within: processes that are started have these variables, and without any none of the caps'."""
    names = next(iter(CAPS.values())).environment().keys()
    before = {name: os.environ.pop(name, None) for name in names}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


# In a process of its own


def time_product(side: int, runs: int = 7) -> dict[str, float]:
    """Returns the seconds of the fastest of some products of `side` rows, columns and terms, in float32 and in int8, by the
    processor time of one thread."""
    import torch
    from torch import nn

    from sdedge.engines.torch.cpu import fused_unet, int8_unet
    from sdedge.machine.probe import time_run

    torch.set_num_threads(1)
    x = torch.randn(side, side)
    with torch.inference_mode():
        layers = {
            dtype: fused_unet.fuse(nn.Linear(side, side, bias=False), packing=False) for dtype in ("float32", "int8")
        }
        fused_unet.pack(layers["float32"])
        int8_unet.to_int8(layers["int8"], (-4.0, 4.0))
        device, seconds = torch.device("cpu"), {}
        for dtype, layer in layers.items():
            read = layer.prepare(x)
            seconds[dtype] = min(time_run(device, lambda layer=layer, read=read: layer(read)) for _ in range(runs))
    return seconds


# In the parent


def product_under(cap: Mapping[str, str], side: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.isa", "--child", "product", str(side)]
    with under(cap):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    times: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return times


def why_not(
    cap: Cap, capped: Mapping[str, float], free: Mapping[str, float], lesser: Mapping[str, float] | None
) -> str:
    """Returns why nothing may be quoted under a cap; "" where its product shows that it holds.

    `free` is the product without a cap; `lesser` the one under the cap before it, than which it has to be faster.
    """
    if not processor_has(cap.needs):
        return f"this processor has no {cap.needs}"
    slower = max(capped[dtype] / free[dtype] for dtype in free)
    if _has_more(cap) and slower < BITES:
        return f"a product takes {slower:.2f} times as long as without the cap: it does not bite"
    if lesser is not None and max(lesser[dtype] / capped[dtype] for dtype in capped) < BITES:
        return "a product is no faster than under the lesser cap"
    return ""


def _has_more(cap: Cap) -> bool:
    """Returns whether the processor has what the cap takes away."""
    allowed = list(CAPS)[: list(CAPS).index(cap.name) + 1]
    beyond = {Instructions.VNNI, Instructions.AVX512, Instructions.AVX_VNNI, Instructions.AMX}
    return any(processor_has(each) for each in beyond - {CAPS[name].needs for name in allowed})


def show(cap: Cap, figures: dict[str, dict[str, float]], product: Mapping[str, float]) -> None:
    peers = [name for name in (BASE, PEER_INT8) if name in figures]
    print(
        f"\nTold to use {cap.name}; a product of one thread: "
        + ", ".join(f"{d} {s * 1e3:.1f} ms" for d, s in product.items())
    )
    speed.table("step", figures, peers)


def measure(model: Path, caps: Sequence[str], names: Sequence[str], options: argparse.Namespace) -> None:
    free = product_under({}, options.product)
    print("Without a cap, a product of one thread: " + ", ".join(f"{d} {s * 1e3:.1f} ms" for d, s in free.items()))
    lesser: Mapping[str, float] | None = None
    for cap in map(CAPS.__getitem__, caps):
        if not processor_has(cap.needs):
            print(f"\n{cap.name}: nothing is quoted, as this processor has no {cap.needs}.")
            continue
        product = product_under(cap.environment(), options.product)
        reason = why_not(cap, product, free, lesser)
        if reason:
            print(f"\n{cap.name}: nothing is quoted, as {reason}.")
            continue
        lesser = product
        with under(cap.environment()):
            show(cap, speed.alternate(list(names), options.rounds, "step", model, options.size, 1), product)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--caps", nargs="+", default=list(CAPS), choices=list(CAPS), metavar="CAP")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--narrow", action="store_true", help="a small model in place of one of full size: times mean nothing"
    )
    parser.add_argument(
        "--folder", type=Path, help="where the random model is made and kept; a temporary one by default"
    )
    parser.add_argument("--size", type=int, default=speed.SIZE, help="of the pictures, in pixels")
    parser.add_argument("--product", type=int, default=1024, help="rows, columns and terms of the product")
    if "--child" in sys.argv:
        print(json.dumps(time_product(int(sys.argv[-1]))))
        return
    check_quiet(parser)
    options = parser.parse_args()
    names = [name for name in ENGINES if name in speed.present()]
    with tempfile.TemporaryDirectory() as temporary:
        model = make_model(options.folder or Path(temporary), options.narrow)
        os.environ["SDEDGE_HOME"] = str(home(model))  # what is found under a cap is not to take the place of the user's
        if PEER_INT8 in names:
            prepare(model, names)
        else:
            print("OpenVINO is not beside them, as it is not installed.")
        started = time.perf_counter()
        measure(model, options.caps, names, options)
        print(f"\nMeasured in {time.perf_counter() - started:.0f} s.")


if __name__ == "__main__":
    main()
