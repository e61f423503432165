"""Options of a conversion against each other: every pair of choices occurs in a row, and each row draws or is refused at once."""

from __future__ import annotations

from itertools import combinations, product

import pytest
import torch

from converters.psnr import psnr
from converters.recipe import ATTENTIONS, COMPRESSIONS, NEWER, TARGETS, Recipe
from sdedge.backends.mil.engine import MILEngine
from sdedge.backends.torch import TorchEngine
from sdedge.errors import InvalidRequest
from tests.conftest import convert_to_coreml

SQUARE, WIDE = (64, 64), (128, 64)
CHOICES = {
    "compress": (*COMPRESSIONS, "mixed-40"),
    "attention": ATTENTIONS,
    "target": TARGETS,
    "sizes": ((SQUARE,), (WIDE,), (SQUARE, WIDE)),  # several are one package of several functions
    "chunk": (False, True),
    "batch": (2, 1),
}
FLOORS = {"none": 60, "8bit": 35, "int8": 35, "6bit": 25, "4bit": 12, "4bit-grouped": 12, "int4": 12, "mixed-40": 25}


def _pairs(row: dict) -> set:
    return set(combinations(row.items(), 2))


def _rows() -> list[dict]:
    """Greedily, the row with most pairs that no row has had."""
    every = [dict(zip(CHOICES, values, strict=True)) for values in product(*CHOICES.values())]
    missing = set().union(*map(_pairs, every))
    rows = []
    while missing:
        best = max(every, key=lambda row: len(_pairs(row) & missing))
        rows.append(best)
        missing -= _pairs(best)
    return rows


def _refused(row: dict) -> bool:
    return row["target"] != "macOS15" and (row["compress"] in NEWER or len(row["sizes"]) > 1)


ROWS = _rows()


def test_every_pair_of_choices_is_in_the_table():
    wanted = sum(len(a) * len(b) for a, b in combinations(CHOICES.values(), 2))
    assert len(set().union(*map(_pairs, ROWS))) == wanted
    assert len(ROWS) < 45


@pytest.mark.parametrize("row", [row for row in ROWS if _refused(row)], ids=str)
def test_refused_combinations_are_refused_in_a_sentence(row):
    with pytest.raises(
        InvalidRequest, match=r"^[A-Z][^\n]*needs? --target macOS15; macOS1[34] does not know (it|them)\.$"
    ):
        Recipe(**row)


@pytest.fixture(scope="module")
def reference(tiny_model):
    return TorchEngine.load(tiny_model, "cpu", "float32")


@pytest.mark.slow
@pytest.mark.parametrize("row", [row for row in ROWS if not _refused(row)], ids=str)
def test_combinations_of_choices_predict_what_torch_does(reference, tiny_model, tmp_path, row):
    engine = MILEngine(convert_to_coreml(tiny_model, tmp_path / "bundle", components=("unet",), **row))
    names = {"unet_chunk1", "unet_chunk2"} if row["chunk"] else {"unet"}
    assert engine.manifest.components.keys() == names
    random = torch.Generator().manual_seed(0)
    for width, height in row["sizes"]:
        x = torch.randn(2, 4, height // 8, width // 8, generator=random)
        context = torch.randn(2, 77, engine.facts.context_width, generator=random)
        t = torch.full((2,), 501.0)
        near = psnr(reference.predict(x, t, context), engine.predict(x, t, context))
        assert near > FLOORS.get(row["compress"], 0), near
