"""The canary's judgement: every injected fault is seen, and no healthy engine of any kind is accused."""

from __future__ import annotations

import numpy as np
import pytest

from sdedge.machine.canary_checks import ALL, HALVES, QUARTERS, Sketch, compare, limits_of, sketch

SHAPE = (2, 8, 16, 16)
ENGINES = {"cpu float32": 90, "mps float32": 52, "mps float16": 45, "cpu bfloat16": 32, "coreml all": 22}
"""Kinds of engines, and the decibels of a healthy one's error: 22 is a Neural Engine's, cosine 0.997."""


def signal(seed: int) -> np.ndarray:
    """A result as blocks give them: channels of different strength and mean, smooth over the map."""
    random = np.random.RandomState(seed)
    x = random.standard_normal(SHAPE)
    x = x + np.roll(x, 1, -1) + np.roll(x, 1, -2)
    return (x * random.uniform(0.3, 2, (1, SHAPE[1], 1, 1)) + random.standard_normal((1, SHAPE[1], 1, 1))).astype(
        np.float32
    )


def healthy(x: np.ndarray, engine: str, seed: int) -> np.ndarray:
    """What a healthy engine makes of it: an error of its kind, white, smooth, by channel, or in proportion to the value."""
    random = np.random.RandomState(seed)
    noise = random.standard_normal(SHAPE)
    match seed % 4:
        case 1:
            noise = noise + np.roll(noise, 1, -1) + np.roll(noise, 1, -2) + np.roll(noise, 1, 1)
        case 2:
            noise = noise * random.uniform(0.2, 3, (1, SHAPE[1], 1, 1))
        case 3:
            noise = noise * np.abs(x)
    return (x + noise * (x.std() / noise.std()) * 10 ** (-ENGINES[engine] / 20)).astype(np.float32)


def judged(engine: str, expected: np.ndarray, result: np.ndarray):
    return compare("attention", sketch(expected), sketch(result), limits_of(engine)).faults


def _stale_half(x):
    return np.concatenate([x[:1], np.roll(x[1:], 3, 1)])


def _zero_tile(x):
    y = x.copy()
    y[:, :, 8:12, 12:] = 0
    return y


def _with_nan(x):
    y = x.copy()
    y[1, 3, 5, 7] = np.nan
    return y


FAULTS = {
    "zeros": np.zeros_like,
    "transposed": lambda x: x.swapaxes(-1, -2),
    "channels as columns": lambda x: x.reshape(2, -1, SHAPE[1]).swapaxes(1, 2).reshape(SHAPE),
    "a stale half": _stale_half,
    "the halves exchanged": lambda x: x[::-1],
    "nan": _with_nan,
    "two percent more": lambda x: x * np.float32(1.02),
    "two percent less": lambda x: x * np.float32(0.98),
    "a bias": lambda x: x + np.float32(0.06 * x.std()),
    "a tile of zeros": _zero_tile,
    "noise": lambda x: healthy(x, "cpu float32", 5) + np.random.RandomState(7).standard_normal(SHAPE) * 0.25 * x.std(),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_of_every_kind_of_engine_is_seen(fault):
    for seed in range(4):
        for engine in ENGINES:
            x = signal(seed)
            broken = FAULTS[fault](healthy(x, engine, seed + 100))
            assert judged(engine, x, broken), f"{fault} on {engine}"


def test_none_of_300_healthy_engines_is_accused():
    accused = [
        (engine, seed, judged(engine, x, healthy(x, engine, 1000 + seed)))
        for seed, x in ((seed, signal(seed % 10)) for seed in range(60)) for engine in ENGINES
        if judged(engine, x, healthy(x, engine, 1000 + seed))
    ]  # fmt: skip
    assert not accused


def test_a_fault_names_where_it_is_and_its_figure():
    x = signal(0)
    (first, *_) = judged("mps float16", x, x * np.float32(1.02))
    assert first.part == ALL and str(first) == "a gain of 1.020 (1 within 0.01 is right) in attention"
    parts = {fault.part for fault in judged("coreml all", x, _stale_half(x))}
    assert HALVES[1] in parts and HALVES[0] not in parts
    parts = {fault.part for fault in judged("cpu float32", x, _zero_tile(x))}
    assert QUARTERS[3] in parts and not parts & set(QUARTERS[:3])
    assert "numbers" in str(judged("coreml all", x, _with_nan(x))[0])
    assert "one value" in str(judged("coreml all", x, np.zeros_like(x))[0])


def test_a_sketch_survives_its_record_and_refuses_others():
    made = sketch(signal(1))
    again = Sketch.from_json(made.to_json())
    assert (again.values == made.values).all() and (again.means == made.means).all() and again.is_finite
    for record in ({}, {**made.to_json(), "halves": 1}, {**made.to_json(), "numbers": "!"}):
        with pytest.raises((ValueError, KeyError, TypeError)):
            Sketch.from_json(record)


def test_a_result_of_another_shape_is_a_fault():
    assert judged("coreml all", signal(0), signal(0)[:1])


def test_every_engine_has_the_limits_of_its_format():
    assert limits_of("cpu float32") is limits_of("openvino float32") is not limits_of("mps float32")
    assert limits_of("graph mps float16") is limits_of("cuda:0 float16")
    assert limits_of("coreml cpu-and-ne") is limits_of("something new")
