"""Each operation of the runner against coremltools' own evaluation of it, or against numpy where coremltools has none."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import Function, Placeholder, Program, types

from sdedge.engines.coreml.portable.operations import ARITHMETIC, MOVEMENT
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.runner import Runner

RANDOM = np.random.default_rng(5)
KINDS = {np.dtype("float32"): types.fp32, np.dtype("float16"): types.fp16, np.dtype("int32"): types.int32}


def _f(*shape: int, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    return RANDOM.uniform(low, high, shape).astype(np.float32)


def _i(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


class Case(NamedTuple):
    """An operation, its variable inputs, its constant ones, and what it gives; None asks coremltools."""

    type: str
    inputs: dict[str, Any]
    constants: dict[str, Any] = {}
    expected: Any = None


def _unary(name: str, low: float = -2.0, high: float = 2.0) -> Case:
    return Case(name, {"x": _f(3, 4, low=low, high=high)})


X = _f(2, 3, 4, 5)
EVALUATED = [
    *(_unary(name) for name in ("abs", "cos", "sin", "tan", "exp", "exp2", "erf", "square", "tanh", "sigmoid", "relu")),
    *(_unary(name) for name in ("softsign", "ceil", "floor", "round", "sign")),
    *(_unary(name, 0.1) for name in ("sqrt", "rsqrt", "inverse", "log")),
    *(
        Case(name, {"x": _f(3, 4), "y": _f(4, low=0.5)})
        for name in ("add", "sub", "mul", "real_div", "maximum", "minimum", "mod", "floor_div")
    ),
    Case("pow", {"x": _f(3, 4, low=0.1), "y": _f(4)}),
    *(
        Case(name, {"x": _i(1, 2, 3), "y": _i(3, 2, 1)})
        for name in ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal")
    ),
    Case("clip", {"x": _f(5)}, {"alpha": -0.5, "beta": 1.0}),
    *(
        Case(f"reduce_{name}", {"x": X}, {"axes": _i(1, -1), "keep_dims": keep})
        for name in ("mean", "sum", "max", "min", "prod", "sum_square", "l1_norm", "l2_norm")
        for keep in (True, False)
    ),
    Case("reduce_log_sum_exp", {"x": X}, {"axes": _i(2), "keep_dims": True}),
    Case("reduce_argmax", {"x": X}, {"axis": 1, "keep_dims": False}),
    Case("reduce_argmin", {"x": X}, {"axis": -1, "keep_dims": True}),
    Case("reshape", {"x": X}, {"shape": _i(6, -1, 5)}),
    Case("transpose", {"x": X}, {"perm": _i(0, 3, 1, 2)}),
    Case("expand_dims", {"x": X[0]}, {"axes": _i(0, -1)}),
    Case("squeeze", {"x": X[:1, :, :1]}, {"axes": _i(0, 2)}),
    Case("slice_by_index", {"x": X}, {"begin": _i(0, 1, -3, 1), "end": _i(2, 3, -1, 5), "stride": _i(1, 1, 1, 2)}),
    Case(
        "slice_by_index",
        {"x": X},
        {
            "begin": _i(1, 0, 0, 4),
            "end": _i(2, 0, 3, 0),
            "stride": _i(1, 2, 1, -1),
            "begin_mask": [False, True, False, False],
            "end_mask": [False, True, False, True],
            "squeeze_mask": [True, False, False, False],
        },
    ),
    Case("slice_by_size", {"x": X}, {"begin": _i(0, 1, 0, 2), "size": _i(2, 2, -1, 3)}),
    Case("tile", {"x": X[0, 0]}, {"reps": _i(2, 3)}),
    Case("reverse", {"x": X}, {"axes": _i(0, 3)}),
    Case("gather", {"x": X, "indices": _i(3, 0, -1).reshape(3, 1)}, {"axis": 2}),
    Case("gather", {"x": _f(7, 3), "indices": _i(6, 1)}, {"axis": 0}),
    Case("gather_along_axis", {"x": _f(3, 4), "indices": _i(0, 1, 2, 2, 1, 0, 0, 0).reshape(2, 4)}, {"axis": 0}),
    Case("select", {"a": _f(3, 4), "b": _f(3, 4)}, {"cond": RANDOM.random((3, 4)) > 0.5}),
    Case("cast", {"x": np.array([1.7, -1.7, 0.2], np.float32)}, {"dtype": "int32"}),
    Case("identity", {"x": _f(3)}),
    Case("band_part", {"x": _f(4, 5)}, {"lower": 1, "upper": 0}),
    Case("cumsum", {"x": _f(4, 5)}, {"axis": 1}),
    Case("l2_norm", {"x": X}, {"epsilon": 1e-3}),
]


def _softmax(x: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _normal(x: np.ndarray, axes: tuple[int, ...], epsilon: float) -> np.ndarray:
    x = x.astype(np.float64)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


def _conv(x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int, pads: list[int], dilation: int, groups: int):
    """By the definition, one output element at a time."""
    x = np.pad(x, [(0, 0), (0, 0), tuple(pads[:2]), tuple(pads[2:])])
    B, C, H, W = x.shape
    out, per, kh, kw = w.shape
    rows = (H - (kh - 1) * dilation - 1) // stride + 1
    columns = (W - (kw - 1) * dilation - 1) // stride + 1
    y = np.empty((B, out, rows, columns))
    for o, i, j in np.ndindex(out, rows, columns):
        first = o // (out // groups) * per
        window = x[:, first : first + per, i * stride :, j * stride :][:, :, : kh * dilation : dilation]
        y[:, o, i, j] = (window[..., : kw * dilation : dilation] * w[o]).sum((1, 2, 3)) + b[o]
    return y


def _gelu(x: np.ndarray) -> np.ndarray:
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


IMAGE, KERNEL, BIAS = _f(2, 4, 6, 7), _f(6, 2, 3, 3), _f(6)
Q, K, V, GAMMA, BETA = _f(2, 3, 5, 4), _f(2, 3, 6, 4), _f(2, 3, 6, 4), _f(4), _f(4)
LEFT, RIGHT, WEIGHT = _f(2, 3, 5), _f(2, 4, 5), _f(6, 5)
EDGES = [(0, 0), (0, 0), (1, 1), (2, 1)]
HEAD, KEYS, VALUES = _f(2, 4, 1, 5), _f(2, 6, 1, 4), _f(2, 5, 1, 6)
MEAN, VARIANCE = _f(4), _f(4, low=0.5)
COMPUTED = [
    Case(
        "conv", {"x": IMAGE},
        {"weight": KERNEL, "bias": BIAS, "pad_type": "custom", "pad": [0, 1, 2, 1], "strides": [2, 2], "groups": 2},
        _conv(IMAGE, KERNEL, BIAS, 2, [0, 1, 2, 1], 1, 2),
    ),
    Case(
        "conv", {"x": IMAGE},
        {"weight": KERNEL, "bias": BIAS, "pad_type": "custom", "pad": [1, 1, 1, 1], "dilations": [2, 2], "groups": 2},
        _conv(IMAGE, KERNEL, BIAS, 1, [1, 1, 1, 1], 2, 2),
    ),
    Case(
        "conv", {"x": IMAGE}, {"weight": KERNEL, "bias": BIAS, "pad_type": "same", "strides": [2, 2], "groups": 2},
        _conv(IMAGE, KERNEL, BIAS, 2, [0, 1, 1, 1], 1, 2),
    ),
    Case(
        "conv", {"x": IMAGE}, {"weight": KERNEL, "bias": BIAS, "pad_type": "same_lower", "strides": [2, 2], "groups": 2},
        _conv(IMAGE, KERNEL, BIAS, 2, [1, 0, 1, 1], 1, 2),
    ),
    Case("conv", {"x": IMAGE}, {"weight": _f(1, 4, 1, 1) * 0 + 1}, IMAGE.sum(1, keepdims=True)),
    Case("linear", {"x": LEFT}, {"weight": WEIGHT, "bias": BIAS}, LEFT @ WEIGHT.T + BIAS),
    Case("matmul", {"x": LEFT, "y": RIGHT}, {"transpose_y": True}, np.einsum("bij,bkj->bik", LEFT, RIGHT)),
    Case("matmul", {"x": LEFT, "y": LEFT}, {"transpose_x": True}, np.einsum("bji,bjk->bik", LEFT, LEFT)),
    Case(
        "einsum", {"values": (KEYS, HEAD)}, {"equation": "bkhc,bchq->bkhq"}, np.einsum("bkhc,bchq->bkhq", KEYS, HEAD)
    ),
    Case(
        "einsum", {"values": (VALUES, KEYS)},
        {"equation": "bchk,bkhq->bchq"},
        np.einsum("bchk,bkhq->bchq", VALUES, KEYS),
    ),
    Case("softmax", {"x": X}, {"axis": 1}, _softmax(X, 1)),
    Case("silu", {"x": X}, {}, X / (1 + np.exp(-X))),
    Case("gelu", {"x": X}, {"mode": "EXACT"}, _gelu(X)),
    Case("gelu", {"x": X}, {"mode": "SIGMOID_APPROXIMATION"}, X / (1 + np.exp(-1.702 * X))),
    Case(
        "gelu", {"x": X}, {"mode": "TANH_APPROXIMATION"},
        X * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (X + 0.044715 * X**3))),
    ),
    Case(
        "layer_norm", {"x": Q}, {"axes": [-1], "gamma": GAMMA, "beta": BETA, "epsilon": 1e-3},
        _normal(Q, (-1,), 1e-3) * GAMMA + BETA,
    ),
    Case(
        "layer_norm", {"x": IMAGE}, {"axes": [1], "gamma": GAMMA, "beta": BETA},
        _normal(IMAGE, (1,), 1e-5) * GAMMA[:, None, None] + BETA[:, None, None],
    ),
    Case(
        "instance_norm", {"x": IMAGE}, {"gamma": GAMMA, "beta": BETA, "epsilon": 1e-4},
        _normal(IMAGE, (2, 3), 1e-4) * GAMMA[:, None, None] + BETA[:, None, None],
    ),
    Case(
        "batch_norm", {"x": IMAGE}, {"mean": MEAN, "variance": VARIANCE, "gamma": GAMMA, "beta": BETA, "epsilon": 1e-3},
        (IMAGE - MEAN[:, None, None]) / np.sqrt(VARIANCE + 1e-3)[:, None, None] * GAMMA[:, None, None]
        + BETA[:, None, None],
    ),
    Case(
        "scaled_dot_product_attention", {"query": Q, "key": K, "value": V}, {},
        _softmax(Q @ K.transpose(0, 1, 3, 2) / 2, -1) @ V,
    ),
    Case(
        "upsample_nearest_neighbor", {"x": IMAGE}, {"scale_factor_height": 2.0, "scale_factor_width": 3.0},
        IMAGE.repeat(2, 2).repeat(3, 3),
    ),
    Case(
        "resize_nearest_neighbor", {"x": IMAGE}, {"target_size_height": 12, "target_size_width": 14},
        IMAGE.repeat(2, 2).repeat(2, 3),
    ),
    Case("concat", {"values": (Q, K)}, {"axis": 2}, np.concatenate([Q, K], 2)),
    Case(
        "concat", {"values": (Q, Q + 1)}, {"axis": 1, "interleave": True},
        np.stack([Q, Q + 1], 2).reshape(2, 6, 5, 4),
    ),
    Case("stack", {"values": (GAMMA, BETA)}, {"axis": 1}, np.stack([GAMMA, BETA], 1)),
    Case("split", {"x": X}, {"axis": 3, "split_sizes": [2, 3]}, np.split(X, [2], 3)),
    Case("split", {"x": X}, {"axis": 2, "num_splits": 2}, np.split(X, 2, 2)),
    Case("pad", {"x": X}, {"pad": [1, 1, 2, 1], "constant_val": 3.0}, np.pad(X, EDGES, constant_values=3)),
    Case("pad", {"x": X}, {"pad": [1, 1, 2, 1], "mode": "reflect"}, np.pad(X, EDGES, "reflect")),
    Case("pad", {"x": X}, {"pad": [1, 1, 2, 1], "mode": "replicate"}, np.pad(X, EDGES, "edge")),
    Case("pixel_shuffle", {"x": X.reshape(1, 4, 5, 6)}, {"upscale_factor": 2},
         X.reshape(1, 1, 2, 2, 5, 6).transpose(0, 1, 4, 2, 5, 3).reshape(1, 1, 10, 12)),
    Case("gather_nd", {"x": _f(1) * 0 + X[0], "indices": _i(0, 1, 2, 3).reshape(2, 2)}, {}, X[0][[0, 2], [1, 3]]),
    Case("cumsum", {"x": GAMMA}, {"axis": 0, "exclusive": True}, np.cumsum(GAMMA) - GAMMA),
    Case("cumsum", {"x": GAMMA}, {"axis": 0, "reverse": True}, np.cumsum(GAMMA[::-1])[::-1]),
    Case("shape", {"x": X}, {}, np.array(X.shape)),
]  # fmt: skip
CASES = [*EVALUATED, *COMPUTED]
NOT_HERE = {"fill", "logical_not", "range_1d", "pixel_unshuffle", "logical_and", "logical_or", "logical_xor"}
"""Operations whose inputs are all constants or truths, so that they have tests of their own."""


def _emit(case: Case, variables: dict[str, Any]) -> Any:
    return getattr(mb, case.type)(**variables, **case.constants)


def _write(cases: list[Case], path: Any) -> dict[str, np.ndarray]:
    """One package that runs all the cases; its inputs are returned."""
    inputs = {
        f"i{n}_{key}_{k}": array
        for n, case in enumerate(cases)
        for key, value in case.inputs.items()
        for k, array in enumerate(value if isinstance(value, tuple) else (value,))
    }
    program = Program()
    holders = {name: Placeholder(array.shape, dtype=KINDS[array.dtype], name=name) for name, array in inputs.items()}
    with Function(holders, opset_version=ct.target.iOS18) as function:
        outputs = []
        for n, case in enumerate(cases):
            variables = {
                key: tuple(function.inputs[f"i{n}_{key}_{k}"] for k in range(len(value)))
                if isinstance(value, tuple)
                else function.inputs[f"i{n}_{key}_0"]
                for key, value in case.inputs.items()
            }
            made = _emit(case, variables)
            for k, var in enumerate(made if isinstance(made, list | tuple) else (made,)):
                kind = {types.bool: "int32"}.get(var.dtype)
                outputs.append(
                    mb.cast(x=var, dtype=kind, name=f"o{n}_{k}") if kind else mb.identity(x=var, name=f"o{n}_{k}")
                )
        function.set_outputs(outputs)
    program.add_function("main", function)
    ct.convert(
        program, source="milinternal", convert_to="mlprogram", minimum_deployment_target=ct.target.iOS18,
        compute_precision=ct.precision.FLOAT32, pass_pipeline=ct.PassPipeline.EMPTY, skip_model_load=True,
        package_dir=str(path),
    )  # fmt: skip
    return inputs


def _asked(case: Case) -> Any:
    """What coremltools makes of constant inputs while it builds a program."""
    with Function({}, opset_version=ct.target.iOS18):
        made = _emit(case, case.inputs)
        return made.val


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    path = tmp_path_factory.mktemp("mil") / "operations.mlpackage"
    inputs = _write(CASES, path)
    return Runner(Package.open(path))({name: torch.from_numpy(array) for name, array in inputs.items()})


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{i}-{case.type}" for i, case in enumerate(CASES)])
def test_operations_equal_their_referee(results, number):
    case = CASES[number]
    expected = case.expected if case.expected is not None else _asked(case)
    assert expected is not None, f"coremltools does not evaluate {case.type}"
    for k, value in enumerate(expected if isinstance(expected, list | tuple) else (expected,)):
        got = results[f"o{number}_{k}"].numpy()
        assert got.shape == np.shape(value)
        np.testing.assert_allclose(got, np.asarray(value, got.dtype), rtol=2e-5, atol=2e-5)


def test_every_operation_has_a_case():
    assert {case.type for case in CASES} | NOT_HERE == ARITHMETIC.keys() | MOVEMENT.keys()


def test_operations_on_truths_and_constants():
    yes, no = torch.tensor([True, True, False, False]), torch.tensor([True, False, True, False])
    assert ARITHMETIC["logical_and"](yes, no).tolist() == [True, False, False, False]
    assert ARITHMETIC["logical_or"](yes, no).tolist() == [True, True, True, False]
    assert ARITHMETIC["logical_xor"](yes, no).tolist() == [False, True, True, False]
    assert ARITHMETIC["logical_not"](yes).tolist() == [False, False, True, True]
    assert MOVEMENT["fill"](torch.tensor([2, 1]), 3.0).tolist() == [[3.0], [3.0]]
    assert MOVEMENT["range_1d"](1, 6, 2).tolist() == [1, 3, 5]
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert torch.equal(MOVEMENT["pixel_shuffle"](MOVEMENT["pixel_unshuffle"](x, 2), 2), x)
