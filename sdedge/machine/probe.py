"""The probe: it times kernels of v1's widths in every number format and memory layout that a device may run in.

A processor's flags say nothing about speed: half precision is the fastest format on one machine and hundreds of times
slower on the next. `formats.measured` keeps the result, so that a machine is measured once per torch version.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdedge.engines.torch.cpu import fused_unet, int8_unet, kernels
from sdedge.machine import findings
from sdedge.machine.cores import cores
from sdedge.machine.findings import GAIN, DeviceFinding, Timing
from sdedge.machine.thread_probe import measure_threads, thread_clock
from sdedge.machine.threads import user_chose_threads
from sdedge.models.attention import AttentionFunction, padded, row_pieces, sdpa

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
LAYOUTS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}


@dataclass(frozen=True)
class Policy:
    """The formats, the most exact first, and the memory layouts that are timed on a kind of device."""

    formats: tuple[str, ...]
    layouts: tuple[str, ...]


POLICIES = {
    "cpu": Policy(("float32", "bfloat16", "float16"), ("channels_last", "contiguous")),
    "cuda": Policy(("float32", "float16", "bfloat16"), ("channels_last", "contiguous")),
    # Channels-last convolutions are several times slower on MPS, and some are wrong.
    "mps": Policy(("float32", "float16"), ("contiguous",)),
}
IN_PIECES = row_pieces(2**28)
"""Attention as MPS has it otherwise, with the largest budget of scores."""
AGREEMENT = {torch.float32: 2e-4, torch.float16: 4e-3}
"""How far fused attention may be off, of the largest value; half precision rounds weights and results to 5e-4."""
SHARES = {"convolution": 0.55, "linear": 0.29, "attention": 0.16}
"""Of a v1 UNet's multiplications at 512x512."""
OWN = "own"
"""In a finding: attention by `kernels`, timed beside torch's in bfloat16 and in float32."""
FUSED = "fused"
"""In a finding: attention on MPS by Metal's tiled kernel (`models.attention.padded`), timed beside that in pieces."""
FEWEST, MOST = 3, 9
"""Rounds of timing: how many where they lead to one choice, and where they do not."""
HOPELESS = 5.0
"""How many times longer than the fastest a format takes before it is timed once and no more."""
APART = 1.0
"""Seconds from the start of one round to that of the next, at least."""


@torch.inference_mode()
def probe(device: torch.device) -> DeviceFinding:
    """Times the kernels in every format and layout of the device's policy, which takes a few seconds.

    The choice is kept, so a moment in which another program ran must not make it. A CPU's kernels are timed by the processor time
    of one thread, which a neighbour does not add to; of all rounds, which are spread over seconds, the fastest counts; and there
    are more of them until they agree, or else the finding says how few did.
    """
    policy, threads = POLICIES[device.type], torch.get_num_threads()
    try:
        if device.type == "cpu":
            torch.set_num_threads(1)
        rounds = _rounds(device, policy)
    finally:
        torch.set_num_threads(threads)
    timings = _fastest(rounds)
    choices = [_choice(device, each) for each in rounds]
    choice = _agreed(_choice(device, timings), choices)
    agreeing = sum(_in_use(each) == _in_use(choice) for each in choices)
    dtype, layout, attention, in_float32 = choice
    costs = {name: min(_cost(timings, name, each) for each in policy.layouts) for name in policy.formats}
    finding = DeviceFinding(
        str(device), _name(device), dtype, layout, 0, _reason(dtype, costs), timings, attention,
        confidence=agreeing / len(rounds), attention_float32=in_float32,
    )  # fmt: skip
    return _with_threads(finding) if device.type == "cpu" else finding


def _rounds(device: torch.device, policy: Policy) -> list[tuple[Timing, ...]]:
    """Times everything at least FEWEST times, and up to MOST times while the rounds do not lead to one choice.

    What the first round shows to be out of the question is timed once, as it may take a hundred times as long as the rest; twice
    by a clock that counts what others take.
    """
    rounds: list[tuple[Timing, ...]] = []
    hopeless: Sequence[Timing] = ()
    counts_others = device.type != "cpu" or thread_clock() is time.perf_counter
    while len(rounds) < MOST:
        began = time.perf_counter()
        rounds.append(tuple(_timings(device, policy, hopeless)))
        if len(rounds) > counts_others:
            hopeless = _hopeless(_fastest(rounds))
        if len(rounds) >= FEWEST and len({_in_use(_choice(device, each)) for each in rounds}) == 1:
            break
        time.sleep(max(0.0, APART - (time.perf_counter() - began)))
    return rounds


def _with_threads(finding: DeviceFinding) -> DeviceFinding:
    """Adds how many threads compute, and how many times faster they are than one; a choice of the user's is not kept as the
    machine's."""
    available = cores()
    if user_chose_threads():
        return replace(finding, cores=str(available), gain=float(torch.get_num_threads()))
    chosen = measure_threads(available, _convolution(torch.device("cpu"), torch.float32, "channels_last", 2))
    torch.set_num_threads(chosen.count)
    return replace(
        finding, cores=str(available), threads=chosen.count, gain=chosen.gain, is_doubted=not chosen.is_settled
    )  # fmt: skip


def _choice(device: torch.device, timings: Sequence[Timing]) -> tuple[str, str, str, str]:
    """Returns the format, the layout and whose attention some timings lead to, on a CPU in bfloat16 and in float32: what comes
    first in the device's policy, unless something else is clearly faster."""
    policy = POLICIES[device.type]
    costs = {(dtype, layout): _cost(timings, dtype, layout) for dtype in policy.formats for layout in policy.layouts}
    layouts = {dtype: _clearly_least({each: costs[dtype, each] for each in policy.layouts}) for dtype in policy.formats}
    best = _clearly_least({dtype: costs[dtype, layouts[dtype]] for dtype in policy.formats})
    if device.type == "cpu":
        return best, layouts[best], attention_of(timings), attention_of(timings, "float32")
    attention = attention_of(timings, best if device.type == "mps" else "bfloat16")
    return best, layouts[best], attention, attention if device.type == "mps" else "torch"


def _in_use(choice: tuple[str, str, str, str]) -> tuple[str, str, str]:
    """Returns what a model runs by for which nobody named a format; whether rounds agree on more does not matter."""
    dtype, layout, attention, in_float32 = choice
    return dtype, layout, in_float32 if dtype == "float32" else attention


def _agreed(best: tuple[str, str, str, str], choices: Sequence[tuple[str, str, str, str]]) -> tuple[str, str, str, str]:
    """Returns what the fastest times of all rounds lead to, but torch's attention where fewer than half of the rounds' choices
    have that: one lucky moment of a kernel that is hardly faster must not take it."""
    dtype, layout, *attentions = best
    half, in_float32 = (
        kernel if sum(each[place] == kernel for each in choices) * 2 >= len(choices) else "torch"
        for place, kernel in enumerate(attentions, 2)
    )
    return dtype, layout, half, in_float32


def _clearly_least(costs: Mapping[str, float]) -> str:
    """Returns the first by name, unless others are clearly cheaper than those before them."""
    best = next(iter(costs))
    for name, cost in costs.items():
        best = name if cost * GAIN < costs[best] else best
    return best


def attention_of(timings: Sequence[Timing], dtype: str = "bfloat16") -> str:
    """Returns which attention is used in a format: a CPU's is "own" or "torch", that of MPS "fused" or "torch"."""
    seconds = {t.layout: t.seconds for t in timings if t.kernel == "attention" and t.dtype == dtype}
    plain = seconds.get("")
    for kernel in (OWN, FUSED):
        if plain and (faster := seconds.get(kernel)) and faster * GAIN < plain:
            return kernel
    return "torch"


def _fastest(rounds: Sequence[tuple[Timing, ...]]) -> tuple[Timing, ...]:
    """Of each kernel, format and layout the fastest of all rounds; None where a round was refused."""
    return tuple(
        same[0] if any(t.seconds is None for t in same) else min(same, key=lambda t: t.seconds or 0.0)
        for same in zip(*rounds, strict=True)
    )


def _hopeless(timings: Sequence[Timing]) -> tuple[Timing, ...]:
    """Returns those that took more than HOPELESS times as long as their kernel's fastest."""
    fastest = {
        kernel: min((t.seconds for t in timings if t.kernel == kernel and t.seconds is not None), default=0.0)
        for kernel in SHARES
    }
    return tuple(t for t in timings if t.seconds is not None and t.seconds > HOPELESS * fastest[t.kernel])


def _timings(device: torch.device, policy: Policy, hopeless: Sequence[Timing] = ()) -> Iterator[Timing]:
    """Yields each kernel's time in each format and layout; those in `hopeless` as they are, without running them again."""
    known = {(t.kernel, t.dtype, t.layout): t for t in hopeless}
    for kernel in SHARES:
        limit = float("inf")
        for dtype in policy.formats:
            for layout in policy.layouts if kernel == "convolution" else policy.layouts[:1]:
                place = layout if kernel == "convolution" else ""
                if timing := known.get((kernel, dtype, place)):
                    yield timing
                    continue
                seconds = time_kernel(device, kernel, DTYPES[dtype], layout, limit)
                limit = min(limit, HOPELESS * seconds) if seconds is not None else limit
                yield Timing(kernel, dtype, place, seconds)
        if device.type == "mps" and kernel == "attention":
            for dtype in policy.formats:
                agrees = fused_agrees(device, DTYPES[dtype])
                fused = time_kernel(device, kernel, DTYPES[dtype], FUSED, float("inf")) if agrees else None
                yield Timing(kernel, dtype, FUSED, fused)
        if device.type == "cpu" and kernel in INT8 and fused_unet.available(torch.float32):
            run = INT8[kernel]()
            yield Timing(kernel, "int8", "", min(time_run(device, run) for _ in range(5)))
    for dtype in ("bfloat16", "float32") if device.type == "cpu" else ():
        if kernels.attends(DTYPES[dtype]):
            yield Timing("attention", dtype, OWN, time_kernel(device, "attention", DTYPES[dtype], OWN, float("inf")))


def _cost(timings: Sequence[Timing], dtype: str, layout: str) -> float:
    """Time of a step relative to the first format timed, by each kernel's share of it; infinite where one was refused."""
    total = 0.0
    for kernel, fraction in SHARES.items():
        mine = [t for t in timings if t.kernel == kernel]
        here = [t.seconds for t in mine if t.dtype == dtype and t.layout in ("", layout, OWN, FUSED)]
        first = mine[0].seconds
        if here[0] is None or first is None:
            return float("inf")
        total += fraction * min(seconds for seconds in here if seconds is not None) / first
    return total


def planned_seconds(finding: DeviceFinding, dtype: str) -> float | None:
    """Returns the seconds of an operation of a v1 UNet in a format, or in "int8", as the timed kernels have it on the chosen
    threads; a multiplication and an addition are two. None where a kernel was not timed in it."""
    device, total = finding.device.partition(":")[0], 0.0
    for kernel, fraction in SHARES.items():
        wanted = dtype if dtype != "int8" or kernel in INT8 else "float32"
        times = [
            t.seconds for t in finding.timings if (t.kernel, t.dtype) == (kernel, wanted) and t.seconds is not None
        ]
        if not times:
            return None
        total += fraction * min(times) / operations_of(kernel, device)
    return total / max(1.0, finding.gain)


def operations_of(kernel: str, device: str) -> int:
    """Returns how many operations a run of a timed kernel takes on a kind of device."""
    pixels = _side(torch.device(device)) ** 2
    if kernel == "convolution":
        return 2 * 2 * pixels * 320 * 320 * 9
    if kernel == "linear":
        return 2 * 2 * pixels * 640 * 1280
    return 2 * 2 * (4 * pixels // (4 if device == "mps" else 1)) ** 2 * 80


def time_kernel(device: torch.device, kernel: str, dtype: torch.dtype, layout: str, limit: float) -> float | None:
    """Returns the seconds of the fastest of five runs, or None where the device refuses it.

    Where the first takes over `limit`, it is the only one on a CPU; elsewhere one more, as the first may load the kernel.
    """
    try:
        run = KERNELS[kernel](device, dtype, layout)
        best = time_run(device, run)
        more = 4 if best <= limit else 0 if device.type == "cpu" else 1
        return min([best, *(time_run(device, run) for _ in range(more))])
    except RuntimeError:
        return None


def time_run(device: torch.device, run: Callable[[], Tensor]) -> float:
    """Returns the seconds that one run takes, to its end on the device; on a CPU the processor time of the thread that calls."""
    now = thread_clock() if device.type == "cpu" else time.perf_counter
    start = now()
    run()
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return now() - start


def _side(device: torch.device) -> int:
    """Pixels: few enough that a format without hardware behind it takes no minute, many enough to fill a GPU."""
    return 16 if device.type == "cpu" else 64


def _convolution(device: torch.device, dtype: torch.dtype, layout: str, larger: int = 1) -> Callable[[], Tensor]:
    side, order = _side(device) * larger, LAYOUTS[layout]
    x = torch.randn(2, 320, side, side).to(device, dtype).contiguous(memory_format=order)
    weight = torch.randn(320, 320, 3, 3).to(device, dtype).contiguous(memory_format=order)
    return lambda: F.conv2d(x, weight, padding=1)


def _linear(device: torch.device, dtype: torch.dtype, layout: str) -> Callable[[], Tensor]:
    x, weight = torch.randn(2 * _side(device) ** 2, 640).to(device, dtype), torch.randn(1280, 640).to(device, dtype)
    return lambda: F.linear(x, weight)


def _attention(device: torch.device, dtype: torch.dtype, layout: str) -> Callable[[], Tensor]:
    q = torch.randn(1, 4 * _side(device) ** 2 // (4 if device.type == "mps" else 1), 80).to(device, dtype)
    attend: AttentionFunction = kernels.attention if layout == OWN else sdpa
    if device.type == "mps":  # what is used there otherwise
        attend = padded(IN_PIECES) if layout == FUSED else IN_PIECES
    return lambda: attend(q, q, q, 2)


@torch.inference_mode()
def fused_agrees(device: torch.device, dtype: torch.dtype) -> bool:
    """Returns whether fused attention on a device gives what attention in pieces of float32 does, for each of v1's heads."""
    generator = torch.Generator().manual_seed(0)
    for width, tokens in ((40, 1024), (80, 256), (160, 64)):
        q, k, v = (torch.randn(2, tokens, 2 * width, generator=generator).to(device, dtype) for _ in range(3))
        try:
            fused = padded(IN_PIECES)(q, k, v, 2).float().cpu()
        except RuntimeError:
            return False
        expected = IN_PIECES(q.float(), k.float(), v.float(), 2).cpu()
        if not (fused - expected).abs().max() <= AGREEMENT[dtype] * expected.abs().max():  # NaN does not agree either
            return False
    return True


KERNELS = {"convolution": _convolution, "linear": _linear, "attention": _attention}


def _int8_convolution() -> Callable[[], Tensor]:
    layer = fused_unet.fuse(nn.Conv2d(320, 320, 3, padding=1), packing=False)
    int8_unet.to_int8(layer, (-4.0, 4.0))
    x = torch.randn(2, 320, 16, 16).contiguous(memory_format=torch.channels_last)
    return lambda: layer(x)


def _int8_linear() -> Callable[[], Tensor]:
    layer = fused_unet.fuse(nn.Linear(640, 1280), packing=False)
    int8_unet.to_int8(layer, (-4.0, 4.0))
    x = torch.randn(512, 640)
    return lambda: layer(x)


INT8 = {"convolution": _int8_convolution, "linear": _int8_linear}
"""Shown beside the others, the rounding of the input included; int8 is never chosen unasked, because it is not exact."""


def _name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return findings.processor()  # a Mac's chip is its GPU too


def _reason(best: str, costs: dict[str, float]) -> str:
    if costs[best] == float("inf"):
        return f"No kernel could be timed; {best} is the safe choice."
    others = [
        f"{costs[dtype] / costs[best]:.1f} times as long in {dtype}" if costs[dtype] < float("inf") else f"{dtype} fails"
        for dtype in costs if dtype != best
    ]  # fmt: skip
    return (
        f"A v1 step is estimated to take {' and '.join(others)} as in {best}." if others else f"{best} is all there is."
    )
