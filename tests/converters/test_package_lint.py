"""Each rule of what was seen to go wrong on Macs is told where a graph breaks it, and our own conversions break none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from converters.compress import compressor
from converters.constants import Weights
from converters.package_lint import ISLAND, RULES, lint
from converters.recipe import COMPRESSIONS, NEWER, PackageRecipe
from converters.toolchain import mb
from converters.verify import judge
from sdedge.engines.coreml.portable.package import Package
from sdedge.weights.held import HeldTensor
from tests.converters.conftest import package

TOKENS, LONG = torch.zeros(1, 2, 8, 8), torch.zeros(1, 1, 4, 8192)


def _softmax(g):
    return mb.softmax(x=g["x"], axis=-1)


def _turned(x):
    return mb.transpose(x=x, perm=[0, 1, 3, 2])


BROKEN = {
    "v @ attn^T": [
        (lambda g: mb.matmul(x=g["x"], y=_softmax(g), transpose_y=True), TOKENS),
        (lambda g: mb.matmul(x=g["x"], y=_turned(_softmax(g))), TOKENS),
        (lambda g: mb.matmul(x=g["x"], y=_turned(mb.reshape(x=_softmax(g), shape=[2, 1, 8, 8]))), TOKENS),
        (lambda g: mb.matmul(x=g["x"], y=mb.mul(x=_softmax(g), y=np.float16(2)), transpose_y=True), TOKENS),
    ],
    "rank": [(lambda g: mb.reshape(x=mb.reshape(x=g["x"], shape=[1, 2, 2, 4, 8]), shape=[1, 2, 8, 8]), TOKENS)],
    "side": [(lambda g: mb.reshape(x=g["x"], shape=[1, 1, 1, 32768]), LONG)],
    "float32": [(lambda g: mb.cast(x=mb.exp(x=mb.cast(x=g["x"], dtype="fp32")), dtype="fp16"), LONG)],
}
UNBROKEN = {
    "weights first": (lambda g: mb.matmul(x=_softmax(g), y=_turned(g["x"])), TOKENS),
    "weights turned twice": (lambda g: mb.matmul(x=g["x"], y=_turned(_softmax(g)), transpose_y=True), TOKENS),
    "heads exchanged": (lambda g: mb.matmul(x=g["x"], y=mb.transpose(x=_softmax(g), perm=[0, 1, 2, 3])), TOKENS),
    "scores": (lambda g: mb.matmul(x=g["x"], y=g["x"], transpose_y=True), TOKENS),
    "weights of another layer": (
        lambda g: mb.matmul(x=g["x"], y=mb.matmul(x=_softmax(g), y=g["x"]), transpose_y=True), TOKENS,
    ),
    "a small island": (lambda g: mb.cast(x=mb.exp(x=mb.cast(x=g["x"], dtype="fp32")), dtype="fp16"), TOKENS),
    "the longest side": (lambda g: mb.reshape(x=g["x"], shape=[1, 2, 1, 16384]), LONG),
}  # fmt: skip


def _broken(emit, x, shape, tmp_path, **options) -> dict[str, tuple[int, str]]:
    path = package(lambda g: {"y": emit(g)}, shape, tmp_path / "Unet.mlpackage", x=x, **options)
    return {breach.rule: (breach.count, breach.first) for breach in lint(Package.open(path))}


@pytest.mark.parametrize("rule, number", [(rule, i) for rule, graphs in BROKEN.items() for i in range(len(graphs))])
def test_a_graph_that_breaks_a_rule_is_told(tmp_path, rule, number):
    emit, x = BROKEN[rule][number]
    broken = _broken(emit, x, _shape(rule, x), tmp_path)
    assert set(broken) == {rule}, broken


@pytest.mark.parametrize("graph", UNBROKEN)
def test_a_graph_that_only_looks_so_is_not(tmp_path, graph):
    emit, x = UNBROKEN[graph]
    assert not _broken(emit, x, (1, 2, 1, 16384) if graph == "the longest side" else tuple(x.shape), tmp_path)


@pytest.mark.parametrize("scheme", [name for name in COMPRESSIONS if name != "none"])
def test_only_4_bits_in_groups_are_suspect(tmp_path, scheme):
    kernel = HeldTensor(torch.randn(64, 64, 1, 1, generator=torch.Generator().manual_seed(0)).half())
    target = "macOS15" if scheme in NEWER else "macOS13"

    def emit(g):
        return mb.conv(x=g["x"], weight=Weights({"k": kernel}, compressor(scheme), target).kernel("k"))

    broken = _broken(emit, torch.zeros(1, 64, 4, 4), (1, 64, 4, 4), tmp_path, target=target)
    assert set(broken) == ({"4-bit groups"} if scheme in NEWER else set())
    recipe = PackageRecipe(((64, 64),), compress=scheme, target=target)
    assert recipe.suspect == (scheme in NEWER)
    assert not PackageRecipe(((64, 64),), compress=scheme, target=target, attention="original").suspect  # for GPUs


def test_every_rule_has_a_graph_that_breaks_it():
    assert {rule.name for rule in RULES} == set(BROKEN) | {"4-bit groups"}


def test_only_what_ends_the_process_fails_a_bundle(tmp_path):
    figures = {"psnr": {"unet": {"float16": 70.0}}, "weight_bits": 16}
    floors = {"unet": {"float16": 60.0}}
    for rule, graphs in BROKEN.items():
        emit, x = graphs[0]
        path = package(lambda g, emit=emit: {"y": emit(g)}, _shape(rule, x), tmp_path / f"{len(rule)}.mlpackage", x=x)
        breaches = tuple(lint(Package.open(path)))
        verdict = judge(figures, floors, (), breaches)
        assert verdict.outcome == ("failed" if rule == "v @ attn^T" else "passed")
        assert verdict.figures["rules_broken"] == [rule] and verdict.breaches == breaches
    assert judge(figures, floors).figures["rules_broken"] == []


def _shape(rule: str, x: torch.Tensor) -> tuple[int, ...]:
    return (1, 1, 1, 32768) if rule == "side" else tuple(x.shape)


def test_our_own_conversions_break_none(tiny_bundle):
    for path in tiny_bundle.glob("*.mlpackage"):
        assert not list(lint(Package.open(path))), path.stem


@pytest.mark.slow
def test_those_with_the_original_attention_and_a_checker_break_none_either(checked_bundle):
    for path in checked_bundle.glob("*.mlpackage"):
        assert not list(lint(Package.open(path))), path.stem


def test_the_largest_island_is_far_over_a_timestep_s_sinusoids():
    assert ISLAND >= 4 * 2 * 320
