"""Open sizes where an engine draws some sizes only: of nearest proportions, and never refused."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sdedge.engines.bundle_limits import bundle_capabilities
from sdedge.engines.bundles import nearest_of, nearest_within
from sdedge.engines.coreml.portable.engine import MILEngine
from sdedge.engines.graph.engine import GraphEngine
from sdedge.engines.protocol import ModelFacts
from sdedge.errors import InvalidRequest
from sdedge.generation.pipeline import Pipeline
from sdedge.request import Request

SIDE_LENGTHS = st.integers(8, 512).map(lambda n: 8 * n)
SIZES = st.lists(st.tuples(SIDE_LENGTHS, SIDE_LENGTHS), min_size=1, max_size=6, unique=True)


def _engine(kind: type, *sizes: tuple[int, int]):
    engine = object.__new__(kind)
    kinds = {MILEngine: "coreml", GraphEngine: "graph"}
    facts = {"name": "x", "downscale": 8}
    engine.manifest = SimpleNamespace(
        sizes=sizes, kind=kinds[kind], facts=facts, components={"vae_encoder": None}, recipe={}
    )
    engine.can = bundle_capabilities(engine.manifest)
    engine.facts = ModelFacts("x", *sizes[0], 8, 4)
    engine._on_mps = False
    if kind is MILEngine:
        engine.description = "mil"
    return engine


@given(SIZES, st.tuples(SIDE_LENGTHS, SIDE_LENGTHS))
def test_no_size_of_a_bundle_has_nearer_proportions(sizes, wanted):
    def apart(size):
        return abs(math.log(size[0] / size[1] * wanted[1] / wanted[0]))

    chosen = nearest_of(sizes, wanted)
    assert chosen in sizes and all(apart(chosen) <= apart(size) + 1e-8 for size in sizes)
    width = chosen[0]
    assert nearest_of(sizes, wanted, (width, None))[0] == width


def test_of_equal_proportions_the_nearest_area_is_taken_and_no_other_side_is_invented():
    squares = [(256, 256), (512, 512), (1024, 1024)]
    assert [nearest_of(squares, (side, side)) for side in (300, 600, 2000)] == squares
    assert nearest_of(squares, (512, 768), (512, None)) == (512, 512)
    assert nearest_of(squares, (640, 512), (640, None)) == (640, 512)  # which is refused by name


@settings(max_examples=60)
@given(st.tuples(SIDE_LENGTHS, SIDE_LENGTHS), st.sampled_from([(256, 1024), (512, 512), (64, 768)]))
def test_a_range_holds_what_is_chosen(wanted, ends):
    engine = _engine(GraphEngine, *((end, end) for end in ends))
    width, height = engine.nearest_size(wanted, (None, None))
    engine.check_size(width, height)
    if all(ends[0] <= side <= ends[1] for side in wanted):
        assert abs(width - wanted[0]) <= 32 and abs(height - wanted[1]) <= 32
    assert nearest_within(64, 768, 64, wanted, (128, None))[0] == 128


@pytest.mark.parametrize(
    ("picture", "fields", "drawn"),
    [((600, 400), {}, (768, 512)), ((400, 600), {}, (512, 768)), ((500, 480), {}, (512, 512)),
     ((600, 400), {"width": 512}, (512, 512)), ((600, 400), {"height": 768}, (512, 768)),
     ((900, 100), {"mask_only": True}, (512, 512)), (None, {}, (512, 512))],
)  # fmt: skip
def test_a_picture_of_another_size_is_drawn_at_the_bundle_s(tmp_path, picture, fields, drawn):
    engine = _engine(MILEngine, (512, 512), (768, 512), (512, 768))
    image = None
    if picture:
        image = str(tmp_path / "p.png")
        Image.new("RGB", picture).save(image)
    resolved = Pipeline(lambda *_: engine).resolve(Request("x", image=image, **fields))
    assert (resolved.width, resolved.height) == drawn


def test_a_size_that_was_asked_for_is_refused_still(tmp_path):
    engine = _engine(MILEngine, (512, 512))
    for fields in ({"width": 640}, {"width": 640, "height": 512}):
        with pytest.raises(InvalidRequest, match="draws 512x512"):
            Pipeline(lambda *_: engine).resolve(Request("x", **fields))
