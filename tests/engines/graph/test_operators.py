"""Of everything torch can do, a program may call what the converter writes and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from sdedge.engines.graph.operators import ARITHMETIC, DTYPES, FORMATS, OPERATORS, Known, decode_call, target_of
from sdedge.engines.graph.shapes import RULES, VIEWS
from tests.graphs import NETWORKS, write_bundle

EMITTED = {
    "aten.add.Tensor", "aten.bmm.default", "aten.cat.default", "aten.chunk.default", "aten.clamp.default",
    "aten.clone.default", "aten.conv2d.default", "aten.cos.default", "aten.embedding.default", "aten.flatten.using_ints",
    "aten.gelu.default", "aten.group_norm.default", "aten.layer_norm.default", "aten.linear.default",
    "aten.masked_fill.Scalar", "aten.matmul.default", "aten.mul.Tensor", "aten.pad.default", "aten.permute.default",
    "aten.reshape.default", "aten.sigmoid.default", "aten.silu.default", "aten.sin.default", "aten.softmax.int",
    "aten.split.Tensor", "aten.split_with_sizes.default", "aten.sym_size.int", "aten.to.dtype", "aten.transpose.int",
    "aten.unflatten.int", "aten.unsqueeze.default", "aten.upsample_nearest2d.vec", "aten.view.default", "aten.where.self",
}  # fmt: skip
"""What `tests/converters/test_emitted.py` finds in the programs of v1 networks."""


def _registered() -> Iterator[str]:
    """Every operator of torch's registries, as a program would name it."""
    for schema in torch._C._jit_get_all_schemas():
        yield f"{schema.name.replace('::', '.')}.{schema.overload_name or 'default'}"
    for name in torch._C._dispatch_get_all_op_names():
        full, _, overload = name.partition(".")
        yield f"{full.replace('::', '.')}.{overload or 'default'}"


def test_of_torch_s_whole_registry_only_the_table_is_accepted():
    names = set(_registered())
    assert len(names) > 3000 and {"aten.from_file.default", "aten.copy_.default", "aten.full.default"} <= names
    accepted = set()
    for name in names:
        try:
            target_of(name)
        except ValueError:
            continue
        accepted.add(name)
    assert accepted == OPERATORS.keys() == EMITTED


def test_no_operator_of_the_table_writes_draws_or_opens():
    for name, op in OPERATORS.items():
        schema = op._schema
        assert not schema.is_mutable and not any(a.alias_info and a.alias_info.is_write for a in schema.arguments), name
        assert torch.Tag.nondeterministic_seeded not in op.tags, name
        assert not {"Device", "Generator", "Storage", "Stream"} & {str(a.real_type) for a in schema.arguments}, name
        assert not {"filename", "path", "file"} & {a.name for a in schema.arguments}, name
    assert RULES.keys() == {name.removeprefix("aten.") for name in OPERATORS}


@pytest.mark.parametrize(
    "name",
    ["aten.add.__class__", "aten.__init__.default", "os.system", "aten.from_file.default", "aten.copy_.default", "int.add",
     "prims.add.default", "builtins.exec", "", "int.__import__", "add", "aten.add", "aten.add.Tensor.x", "aten.add.Tensor\n"],
)  # fmt: skip
def test_other_names_are_not_looked_up(name):
    with pytest.raises(ValueError, match="not an operator"):
        target_of(name)


X = {"node": "x"}
KNOWN = {"x": Known("x", "Tensor"), "n": Known("n", "int"), "parts": Known("parts", "List[Tensor]")}
WRONG = [
    ("aten.to.dtype", [X, {"dtype": "__dict__"}], {}),
    ("aten.to.dtype", [X, {"dtype": "load"}], {}),
    ("aten.to.dtype", [X, {"dtype": "float64"}], {}),
    ("aten.to.dtype", [X, {"hub": "float32"}], {}),
    ("aten.to.dtype", [X, "float32"], {}),
    ("aten.to.dtype", [X, {"dtype": ["float32"]}], {}),
    ("aten.clone.default", [X], {"memory_format": {"memory_format": "ops"}}),
    ("aten.clone.default", [X], {"x)\nimport os": None}),
    ("aten.clone.default", [X], {"self": X}),
    ("aten.clone.default", [], {}),
    ("aten.clone.default", [X, X], {}),
    ("aten.clone.default", {"self": X}, {}),
    ("aten.clone.default", [X], []),
    ("aten.clone.default", [{"node": "later"}], {}),
    ("aten.clone.default", [{"node": ["x"]}], {}),
    ("aten.clone.default", [{"node": "n"}], {}),
    ("aten.clone.default", [{"node": "parts"}], {}),
    ("aten.clone.default", [None], {}),
    ("aten.gelu.default", [X], {"approximate": "tanh"}),
    ("aten.pad.default", [X, [1, 1], "reflect"], {}),
    ("aten.view.default", [X, [2**31]], {}),
    ("aten.view.default", [X, [True]], {}),
    ("aten.view.default", [X, [1] * 2000], {}),
    ("aten.view.default", [X, [[1]]], {}),
    ("aten.view.default", [X, X], {}),
    ("aten.mul.Tensor", [X, float("nan")], {}),
    ("aten.mul.Tensor", [X, 10**400], {}),
    ("aten.mul.Tensor", [2.0, X], {}),
    ("aten.cat.default", [[X, 1], 0], {}),
    ("int.mul", [X, 2], {}),
    ("int.mul", [2], {}),
    ("int.mul", [2, 2], {"x": 1}),
    ("int.getitem", [X, 0], {}),
    ("int.getitem", [{"node": "parts"}, -1], {}),
    ("int.getitem", [{"node": "parts"}, "__class__"], {}),
]


@pytest.mark.parametrize(("kind", "args", "kwargs"), WRONG)
def test_arguments_are_what_the_schema_wants(kind, args, kwargs):
    with pytest.raises(ValueError, match=r"\w"):
        decode_call(kind, args, kwargs, KNOWN)


def test_right_arguments_pass():
    assert decode_call("aten.to.dtype", [X, {"dtype": "float16"}], {}, KNOWN) == (("x", torch.float16), {}, "Tensor")
    assert decode_call("aten.view.default", [X, [1, {"node": "n"}]], {}, KNOWN) == (("x", (1, "n")), {}, "Tensor")
    assert decode_call("aten.chunk.default", [X, 2], {"dim": 1}, KNOWN) == (("x", 2), {"dim": 1}, "List[Tensor]")
    assert set(DTYPES) == {"float16", "bfloat16", "float32"} and set(FORMATS) == {"contiguous_format"}


def test_the_small_bundle_of_the_tests_uses_every_operator(tmp_path: Path):
    bundle = write_bundle(tmp_path / "bundle")
    used = {n[1] for name in NETWORKS for n in json.loads((bundle / name / "program.json").read_text())["nodes"]}
    assert used == OPERATORS.keys() | ARITHMETIC.keys() | {"placeholder", "get_attr", "output"}
    assert set(ARITHMETIC.values()) & VIEWS
