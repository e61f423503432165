"""Regions as people write them, and what is no region."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdedge.errors import InvalidRequest
from sdedge.regions import NAMED, Region, RegionList, RegionMethod, parse_region
from sdedge.request import Request


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("0,0,0.5,1: a red house", Region("a red house", (0, 0, 0.5, 1))),
        ("0%, 0%, 50%, 100%:a (red:1.2) house", Region("a (red:1.2) house", (0, 0, 0.5, 1))),
        ("0 .25 1 1: x", Region("x", (0, 0.25, 1, 1))),
        ("Left base=0.3: x", Region("x", NAMED["left"], base=0.3)),
        ("bottom weight=2, by=prediction: x: y", Region("x: y", NAMED["bottom"], weight=2, by=RegionMethod.PREDICTION)),
        ("my mask.png: x", Region("x", mask="my mask.png")),
        ("/a b/mask.webp base=.5: x", Region("x", mask="/a b/mask.webp", base=0.5)),
        (r"C:\masks\a.png: x", Region("x", mask=r"C:\masks\a.png")),
    ],
)
def test_a_region_is_read(text, region):
    assert parse_region(text) == region


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0,0,1.2,1: x", "0,0,1.2,1 reaches outside of the picture"),
        ("-0.1,0,1,1: x", "reaches outside"),
        ("0,0,256,512: x", "fractions of it from 0 to 1"),
        ("0.5,0,0.5,1: x", "has no area; give left and top first"),
        ("0.5,0,0.2,1: x", "has no area"),
        ("0,0,0.5: x", "is not four numbers"),
        ("0,0,0.5,1,1: x", "is not four numbers"),
        ("1-2,0,1,1: x", "is not four numbers"),
        ("0,0,0.5,1 a red house", "has no prompt; write its area"),
        ("0,0,0.5,1:  ", "has no prompt"),
        ("a cat: x", "neither four fractions"),
        ("left wieght=2: x", "has no 'wieght'"),
        ("left base=2: x", "base is 2.0; choose from 0 to 1"),
        ("left base=nan: x", "base is nan"),
        ("left base=much: x", "not a number"),
        ("left weight=0: x", "act nowhere"),
        ("left base=0 base=1: x", "given twice"),
        ("left by=magic: x", "choose one of attention, prediction"),
        ("left: <lora:ink:1> x", "The LoRA ink stands in a region"),
        ("left: a AND b", "joins prompts by AND"),
        ('[{"area": [0, 0, 1, 1]}]', "has no prompt"),
        ('[{"prompt": "x", "size": 1}]', "has no 'size'"),
        ('[{"prompt": "x", "area": [0, 0, 0.5, 1], "mask": "a.png"}]', "give one of them"),
        ('[{"prompt": "x", "area": "left"}]', "The region's area is 'left'"),
        ('[{"prompt": "x", "mask": ""}]', "mask is empty"),
        ("\n".join(["left: x"] * 17), "give 16 or fewer"),
    ],
)
def test_what_is_no_region_is_said_in_one_sentence(text, sentence):
    with pytest.raises(InvalidRequest, match=sentence) as refused:
        Request("a house", regions=RegionList().parse("regions", text))
    assert refused.value.field == "regions" and str(refused.value).count(". ") == 0


def test_a_lora_of_the_whole_picture_may_stand_in_a_region_too():
    assert Request("a <lora:ink:0.5> house", regions=(Region("ink <lora:ink:0.5>"),)).regions
    with pytest.raises(InvalidRequest, match="with the same weight"):
        Request("a <lora:ink:0.5> house", regions=(Region("ink <lora:ink:0.7>"),))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.builds(
            Region,
            st.text('ab é家,:"[({\n\\', min_size=1, max_size=8).filter(str.strip),
            mask=st.none() | st.just("a;b: c.png"),
            weight=st.floats(0.1, 10),
            base=st.floats(0, 1),
            by=st.sampled_from(RegionMethod),
        ),
        max_size=3,
    ).map(tuple)
)
def test_regions_are_read_as_they_are_written(regions):
    regions = RegionList().check("regions", regions)
    assert RegionList().parse("regions", RegionList().format(regions)) == regions
