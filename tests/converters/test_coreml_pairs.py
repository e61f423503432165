"""Options of a conversion against each other: every pair of choices occurs in a row, and each row draws or is refused at once."""

from __future__ import annotations

import shutil
from itertools import combinations, product

import pytest
import torch

from converters.bundle import SENSITIVITY
from converters.psnr import psnr
from converters.recipe import ATTENTIONS, COMPRESSIONS, NEWER, TARGETS, PackageRecipe
from sdedge.engines.coreml.portable.engine import MILEngine
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import InvalidRequest
from sdedge.models.unet_inputs import UNetInputs
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


EVERY = [dict(zip(CHOICES, values, strict=True)) for values in product(*CHOICES.values())]


def _refused(row: dict) -> bool:
    return row["target"] != "macOS15" and (row["compress"] in NEWER or len(row["sizes"]) > 1)


def _pairs(row: dict) -> set:
    return set(combinations(row.items(), 2))


def _rows() -> list[dict]:
    """Of the combinations that can be made, greedily the one with most pairs that no row has had."""
    possible = [row for row in EVERY if not _refused(row)]
    missing = set().union(*map(_pairs, possible))
    rows = []
    while missing:
        best = max(possible, key=lambda row: len(_pairs(row) & missing))
        rows.append(best)
        missing -= _pairs(best)
    return rows


ROWS = _rows()


def test_every_pair_that_can_be_made_is_in_the_table():
    every = set().union(*map(_pairs, EVERY))
    missing = every - set().union(*map(_pairs, ROWS))
    assert len(missing) == 2 * len(NEWER) + 2  # newer compressions, and several sizes, with each of the older targets
    assert all(_refused({**EVERY[0], **dict(pair)}) for pair in missing)
    assert len(ROWS) < 40


def test_what_cannot_be_made_is_refused_in_a_sentence():
    for row in filter(_refused, EVERY):
        with pytest.raises(
            InvalidRequest, match=r"^[A-Z][^\n]*needs? --target macOS15; macOS1[34] does not know (it|them)\.$"
        ):
            PackageRecipe(**row)


@pytest.fixture(scope="module")
def reference(shallow_model):
    return TorchEngine.load(shallow_model, "cpu", "float32")


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_combinations_of_choices_predict_what_torch_does(reference, shallow_model, mixed_bundle, tmp_path, row):
    folder = tmp_path / "bundle"
    if row["compress"] == "mixed-40":  # what each layer needs is measured once for all rows
        folder.mkdir()
        shutil.copy(mixed_bundle / SENSITIVITY, folder)
    engine = MILEngine(convert_to_coreml(shallow_model, folder, components=("unet",), **row))
    names = {"unet_chunk1", "unet_chunk2"} if row["chunk"] else {"unet"}
    assert engine.manifest.components.keys() == names
    random = torch.Generator().manual_seed(0)
    for width, height in row["sizes"]:
        x = torch.randn(2, 4, height // 8, width // 8, generator=random)
        context = torch.randn(2, 77, engine.facts.context_width, generator=random)
        t = torch.full((2,), 501.0)
        near = psnr(reference.predict(UNetInputs(x, t, context)), engine.predict(UNetInputs(x, t, context)))
        assert near > FLOORS.get(row["compress"], 0), near
