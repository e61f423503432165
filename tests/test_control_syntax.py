"""What a person writes for a control and what is wrong with it: the part and the value are named, and what is allowed."""

from __future__ import annotations

import pytest

from sdedge.control_syntax import ControlList, parse_control
from sdedge.controls import Control
from sdedge.errors import InvalidRequest
from sdedge.library.control_models import check_pictures
from sdedge.request import Request

WRONG = {
    "C:h.png:abc": "no preprocessor 'abc' for the hint 'h.png', and no weight either, which is a number from 0 to 10; choose one",
    "C:h.png:cany": "no preprocessor 'cany' for the hint 'h.png'; did you mean canny?",
    "C:h.png:cany low=3:0.5": "did you mean canny?",
    "C:h.png:0,7": "weight is '0,7'; write it with a point, 0.7.",
    "C:h.png:canny:0,7:0-1": "weight is '0,7'; write it with a point",
    "C:h.png:none:much": "weight is 'much'; give a number from 0 to 10",
    "C:h.png:canny:much": "weight is 'much'; give a number from 0 to 10",
    "canny:h.png:0.7:0.2": "range of steps is '0.2'; write where it begins and where it ends with a dash",
    "canny:h.png:0.7:half": "range of steps is 'half'",
    "canny:H.JPG:0.7:0-0.5:canny": "preprocessor, weight and range of steps in this order",
    "model=C,hint=h.png,weight=abc": "weight is 'abc'; give a number from 0 to 10",
    "model=C,hint=h.png,span=0.2": "range of steps is '0.2'",
    "model=C,hint=h.png,weight=": "weight is ''",
    "model=canny,hint=h.png,wieght=0.5": "There is no part 'wieght'; did you mean weight?",
    "model=canny,hint=folder,hnit=0.5": "There is no part 'hnit'; did you mean hint?",
    "model=canny,steps=3,hint=h.png": "There is no part 'steps'; the parts of a control are model, hint",
    "model=canny,hint=h.png,steps=3": "There is no part 'steps'",
    "modle=canny,hint=h.png": "There is no part 'modle'; did you mean model?",
    "model=canny,weight=1,weight=2": "weight is given twice",
    "model=canny,hint=h.png,mode=promt": "mode is 'promt'; choose one of balanced, prompt, control",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_with_a_control_is_named(text):
    with pytest.raises(InvalidRequest) as refused:
        Request("a house", controls=(parse_control(text),))
    assert WRONG[text] in str(refused.value) and refused.value.field == "controls"


@pytest.mark.parametrize(
    ("text", "control"),
    [
        ("hint=h.png,model=C", Control("C", "h.png")),
        ("C:h.png:0-0.5", Control("C", "h.png", span=(0.0, 0.5))),
        ("C:h.png:none:0.5", Control("C", "h.png", 0.5)),
        ("C:h.png:None", Control("C", "h.png")),
        ("C::none:0-0.5", Control("C", span=(0.0, 0.5))),
        ("C:D:\\a\\h.png:2", Control("C", "D:\\a\\h.png", 2.0)),
        ("model=C,hint=a/b,c=d.png", Control("C", "a/b,c=d.png")),
        ("C:sha256:" + "ab" * 32, Control("C", "sha256:" + "ab" * 32)),
    ],
)
def test_what_can_be_read_is_read(text, control):
    assert parse_control(text) == control


@pytest.mark.parametrize(
    "text", ["C:h.png:none", "model=C,hint=h.png,preprocess=none", "model=C,hint=h.png,preprocess=None"]
)
def test_none_takes_the_hint_as_it_is(text):
    assert Request("a house", controls=(parse_control(text),)).controls == (Control("C", "h.png"),)


@pytest.mark.parametrize("hint", ["h.png:abc", "a:none", "none", "h.png,wieght=3.png", "a;b.png:1"])
def test_a_file_of_an_odd_name_still_has_a_text(hint):
    controls = (Control("C", hint),)
    assert ControlList().parse("controls", ControlList().format(controls)) == controls


@pytest.mark.parametrize(
    ("hint", "weight", "said"),
    [
        ("{file}:abc", 1.0, "no preprocessor 'abc'"), ("{file}:0.7", 0.2, "range of steps is '0.2'"),
        ("{file}:0,7", 1.0, "with a point, 0.7"), ("canny", 1.0, "no hint 'canny'; write the hint before it, or leave"),
        ("0.7", 1.0, "as in C::0.7"),
    ],
)  # fmt: skip
def test_words_behind_a_hint_whose_name_has_no_suffix_are_named_too(hint, weight, said, tmp_path):
    (tmp_path / "photo").write_bytes(b"")
    with pytest.raises(InvalidRequest) as refused:
        check_pictures(Request("a", controls=(Control("C", hint.format(file=tmp_path / "photo"), weight),)))
    assert said in str(refused.value)
