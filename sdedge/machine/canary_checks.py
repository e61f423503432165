"""The canary's verdict on what an engine computed, as a pure function: gain, bias and error of each part, judged apart.

A result is compared by a sketch of it: each quarter of the map, of each half of the batch, is summed with fixed random signs
into a few hundred numbers (count sketch, Charikar, Chen and Farach-Colton 2002). Sums of squares and products survive that in
expectation and every value counts, so that a reference of a few kilobytes stands for megabytes. No torch.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

BUCKETS = 512
"""Numbers that a quarter of a map becomes."""
QUARTERS = ("upper left quarter", "upper right quarter", "lower left quarter", "lower right quarter")
HALVES = ("first half of the batch", "second half of the batch")
ALL = "whole result"
FLAT = 0.05
"""Share of the reference's variation below which a result is called flat: black, or one grey."""
PICTURE = "picture"
"""The name of the small picture among the results; the others are blocks of the UNet."""


@dataclass(frozen=True, eq=False)
class Sketch:
    """A result (B, C, H, W) in few numbers.

    values     float32 (halves, 4, BUCKETS): signed sums of what is left of each quarter without its mean, scaled so that their
               root mean square is that of the values
    means      float32 (halves, 4)
    is_finite  whether every value was a number; the rest is zero where not
    """

    values: np.ndarray
    means: np.ndarray
    is_finite: bool = True

    def to_json(self) -> dict[str, Any]:
        """Returns a record whose numbers are exact."""
        joined = np.concatenate([self.means.ravel(), self.values.ravel()]).astype("<f4")
        return {
            "halves": len(self.means), "finite": self.is_finite, "numbers": base64.b64encode(joined.tobytes()).decode(),
        }  # fmt: skip

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Sketch:
        """Returns the sketch of such a record. Raises ValueError, KeyError or TypeError for another one."""
        halves, numbers = int(record["halves"]), np.frombuffer(base64.b64decode(record["numbers"]), "<f4")
        if halves not in (1, 2) or numbers.size != halves * 4 * (1 + BUCKETS):
            raise ValueError(f"{numbers.size} numbers are no sketch of {halves} halves")
        means, values = numbers[: halves * 4], numbers[halves * 4 :]
        return cls(values.reshape(halves, 4, BUCKETS), means.reshape(halves, 4), bool(record["finite"]))


@cache
def _signs(count: int) -> np.ndarray:
    """Returns +1 and -1, float32 (count,): always the same, as `RandomState` is frozen."""
    bits = np.unpackbits(np.frombuffer(np.random.RandomState(count % 2**32).bytes(-(-count // 8)), np.uint8))
    return bits[:count].astype(np.float32) * 2 - 1


def sketch(result: np.ndarray) -> Sketch:
    """Returns the sketch of a result (B, C, H, W); a batch of one has one half."""
    B, _, H, W = result.shape
    halves = [result[: B // 2], result[B // 2 :]] if B > 1 else [result]
    if not np.isfinite(result).all():
        zero = np.zeros((len(halves), 4, BUCKETS), np.float32)
        return Sketch(zero, zero[..., 0], is_finite=False)
    tops, columns = (slice(0, H // 2), slice(H // 2, H)), (slice(0, W // 2), slice(W // 2, W))
    cells = [[_cell(half[..., top, side]) for top in tops for side in columns] for half in halves]
    values = np.stack([np.stack([cell for cell, _ in half]) for half in cells])
    return Sketch(values, np.array([[mean for _, mean in half] for half in cells], np.float32))


def _cell(part: np.ndarray) -> tuple[np.ndarray, float]:
    flat = np.ascontiguousarray(part, np.float32).ravel()
    mean = float(flat.mean(dtype=np.float64))
    signed = (flat - np.float32(mean)) * _signs(flat.size)
    padded = np.pad(signed, (0, -flat.size % BUCKETS)).reshape(-1, BUCKETS)
    sums: np.ndarray = padded.sum(0, dtype=np.float64) / np.sqrt(flat.size / BUCKETS)
    return sums.astype(np.float32), mean


@dataclass(frozen=True)
class Limits:
    """How far a healthy engine of a kind may be off.

    error    decibels by which the error lies below the signal, at least
    gain     how far the slope of result over reference may be from 1
    part     the same for a half or a quarter alone, which noise moves more
    bias     of the mean, as a share of the signal's root mean square
    picture  decibels of the small picture after its four steps, through which errors grow
    """

    error: float
    gain: float
    part: float
    bias: float
    picture: float


LIMITS = {
    "float32": Limits(error=70, gain=0.005, part=0.005, bias=0.005, picture=50),
    # A GPU's float32 may be TensorFloat-32, of ten bits (CUDA's convolutions, M5).
    "gpu float32": Limits(error=45, gain=0.01, part=0.01, bias=0.01, picture=24),
    "float16": Limits(error=38, gain=0.01, part=0.01, bias=0.01, picture=22),
    "bfloat16": Limits(error=26, gain=0.01, part=0.012, bias=0.02, picture=14),
    # A healthy Neural Engine: cosine 0.997 a step, 22 dB (reference/apple-2026.md); the slope of that is 1 within 0.3%.
    "coreml": Limits(error=16, gain=0.01, part=0.018, bias=0.03, picture=8),
}  # fmt: skip
"""By what `limits_of` names."""
PICTURE_GAIN = 6
"""How many times its limits gain and bias of the picture may take: four steps of guidance stretch them."""


def limits_of(engine: str) -> Limits:
    """Returns the limits of an engine by its name ("cpu float32", "graph mps float16", "coreml all"); the widest where its
    format is none of them."""
    device, _, dtype = engine.rpartition(" ")
    if dtype == "float32" and "cpu" not in device and "openvino" not in device:
        return LIMITS["gpu float32"]
    return LIMITS.get(dtype, LIMITS["coreml"])


@dataclass(frozen=True)
class Fault:
    """One figure of a result that is outside its limits."""

    result: str
    part: str
    figure: str

    def __str__(self) -> str:
        return (
            f"{self.figure} in the {self.part} of {self.result}"
            if self.part != ALL
            else f"{self.figure} in {self.result}"
        )


@dataclass(frozen=True)
class Measurement:
    """One result compared: decibels of the error, slope and bias of all of it, and what is outside the limits."""

    result: str
    error: float
    gain: float
    bias: float
    faults: tuple[Fault, ...] = ()


def compare(name: str, expected: Sketch, result: Sketch, limits: Limits) -> Measurement:
    """Returns how a result compares with the reference of its name."""
    if result.values.shape != expected.values.shape:
        return Measurement(name, 0, 0, 0, (Fault(name, ALL, "a result of another shape"),))
    if not result.is_finite:
        return Measurement(name, 0, 0, 0, (Fault(name, ALL, "values that are not numbers"),))
    parts = list(_parts(len(expected.means)))
    figures = {part: _figures(expected, result, index) for part, index in parts}
    faults = (fault for part in figures if (fault := _fault(name, part, figures[part], limits)))
    error, gain, bias, _ = figures[ALL]
    return Measurement(name, error, gain, bias, tuple(faults))


def _parts(halves: int) -> Iterator[tuple[str, Any]]:
    """Yields the parts that are judged apart, each with its index into (halves, 4)."""
    yield ALL, slice(None)
    if halves == 2:
        yield from ((part, half) for half, part in enumerate(HALVES))
    yield from ((part, (slice(None), quarter)) for quarter, part in enumerate(QUARTERS))


def _figures(expected: Sketch, result: Sketch, index: Any) -> tuple[float, float, float, float]:
    """Returns error in decibels, gain, bias and the ratio of the variations of one part."""
    e, r = (part.values[index].astype(np.float64).ravel() for part in (expected, result))
    mean, its = (part.means[index].astype(np.float64).ravel() for part in (expected, result))
    power = float(e @ e)
    gain = float(r @ e) / power
    rms = np.sqrt(power / e.size)
    bias = float((its - gain * mean).mean()) / rms
    wrong = float(((r - e) ** 2).mean() + ((its - mean) ** 2).mean())
    error = -10 * np.log10(max(wrong / rms**2, 1e-20))
    return float(error), gain, float(bias), float(np.sqrt(r @ r / power))


def _fault(name: str, part: str, figures: tuple[float, float, float, float], limits: Limits) -> Fault | None:
    """Returns the figure that says most where one is outside its limits. What is no number is outside of all."""
    error, gain, bias, variation = figures
    is_picture = name == PICTURE
    slope = (limits.gain if part == ALL else limits.part) * (PICTURE_GAIN if is_picture else 1)
    middle, least = limits.bias * (PICTURE_GAIN if is_picture else 1), limits.picture if is_picture else limits.error
    if not variation >= FLAT:
        return Fault(name, part, f"nearly one value ({100 * variation:.0f}% of the variation)")
    if not abs(gain - 1) <= slope and abs(gain - 1) > 10 ** (-error / 20) / 3:  # a wrong scale rather than noise
        return Fault(name, part, f"a gain of {gain:.3f} (1 within {slope:g} is right)")
    if not error >= least:
        return Fault(name, part, f"an error at {error:.0f} dB ({least:g} dB is right)")
    if not abs(gain - 1) <= slope:
        return Fault(name, part, f"a gain of {gain:.3f} (1 within {slope:g} is right)")
    if not abs(bias) <= middle:
        return Fault(name, part, f"a bias of {100 * bias:.1f}% ({100 * middle:g}% is right)")
    return None
