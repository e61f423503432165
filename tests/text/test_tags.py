"""Tags of LoRAs: names, weights, block weights, and what is not supported."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdedge.errors import InvalidRequest
from sdedge.text.tags import BLOCKS, Lora, extract_loras, left_out, lora_tags, path_tags


def _blocks(tag: str) -> dict[str, float]:
    factors = extract_loras(tag)[1][0].blocks
    assert factors is not None
    return dict(zip(BLOCKS, factors, strict=True))


def test_block_weights_by_preset_and_by_list():
    assert set(_blocks("<lora:a:1:lbw=NONE>").values()) == {0.0}
    middle = _blocks("<lora:a:1:lbw=MIDD>")
    assert [name for name, factor in middle.items() if factor] == [
        "BASE", "IN05", "IN07", "IN08", "M00", "OUT03", "OUT04", "OUT05", "OUT06",
    ]  # fmt: skip
    assert _blocks("<lora:a:1:MIDD>") == middle == _blocks("<lora:a:1:lbw=1,0,0,0,1,1,1,1,1,1,1,1,0,0,0,0,0>")
    assert _blocks("<lora:a:1:lbw=" + ",".join(["0.5"] * 26) + ">")["IN00"] == 0.5
    assert _blocks("<lora:a:1:lbw=1,1,1,1,1,1,1,1,1,1,1,1>")["OUT06"] == 0
    assert extract_loras("<lora:a:1>")[1][0].blocks is None


UNKNOWN = ("lbw=NOSUCH", "lbw=1,0", "lbw=R,0", "lbw=", "start=5", "stop=0.5", "step=1-5", "dyn=8", "lbwe=A", "zz=1")


@pytest.mark.parametrize("field", UNKNOWN)
def test_a_key_or_preset_that_is_not_known_is_refused_by_name(field):
    with pytest.raises(InvalidRequest, match=field.split("=")[0]):
        extract_loras(f"a <lora:name:1:{field}> b")


@pytest.mark.parametrize(
    "tag", ["<lora:__styles__:1>", "<lora:{a|b}:1>", "<lora:a:{0.5|0.8}>", "<lora:a:1:lbw={MIDD|OUTD}>"]
)
def test_a_tag_that_wildcards_complete_is_no_tag_before(tag):
    assert extract_loras(f"a {tag} cat <lora:b:1>") == ("a  cat ", (Lora("b"),))
    assert [each.name for each in lora_tags(f"a {tag} cat <lora:b:1>")] == ["b"]
    escaped = r"<lora:my__old__a:1> <lora:a\{b|c\}:1>"
    assert [each.name for each in extract_loras(escaped)[1]] == ["my__old__a", r"a\{b|c\}"]


def test_which_tags_name_paths():
    text = r"<lora:/tmp/a:1> <lora:C:\x\b.safetensors:0.5> <lora:\\host\share\c> <lora:~/d:1> <lora:./e:1> <lora:x/../../f:1>"
    assert path_tags(text) == ("/tmp/a", r"C:\x\b.safetensors", r"\\host\share\c", "~/d", "./e", "x/../../f")
    assert path_tags("<lora:folder/name:1> <lora:name.safetensors> <lora:a..b:1> /etc/passwd") == ()
    assert extract_loras(r"<lora:C:\x\b.safetensors:0.5>")[1][0].text_weight == 0.5


def test_hypernetworks_are_left_out_and_said():
    assert extract_loras("a <hypernet:anime:0.6> cat")[0] == "a  cat"
    assert "<hypernet:anime:0.6>" in left_out("a <hypernet:anime:0.6> cat")[0] and left_out("a cat") == ()


@given(st.text(st.sampled_from(list("<lora:>,=/\\~.C1 wbx")), max_size=40))
@settings(max_examples=80)
def test_whatever_is_in_a_tag_is_read_or_refused(inside):
    path_tags(f"<lora:{inside}>")
    with suppress(InvalidRequest):
        extract_loras(f"<lora:{inside}>")


@pytest.mark.parametrize(
    "tag", ["<lora:a:1", "<lora a:1>", "< lora:a:1>", "&lt;lora:a:1&gt;", "<loha:a:1>", "<dora:a>"]
)
def test_what_only_looks_like_a_tag_is_said(tag):
    assert "read as words" in left_out(f"a cat {tag}")[0]
    assert left_out("a cat <3 <lora:a:1> a lora: b, exploratory <b>") == ()


def test_loras_that_do_other_than_they_say_are_said():
    assert "negative prompt" in left_out("a cat", "blurry <lora:a:1>")[0]
    assert "every step" in left_out("[<lora:a:1>::0.5] cat")[0] and "every step" in left_out("[<lora:a:1>|dog] cat")[0]
    assert left_out("[<lora:a:1>] ([cat:dog:0.5]) (<lora:a:1>:1.2)") == ()


@pytest.mark.parametrize("word", ["__*__", "__a b__", "__~colour__", r"__sub\\col__", "2$$red and blue", "0.5::red"])
def test_wildcards_of_another_language_are_said(word):
    assert "read as words" in left_out(f"a {word}, house")[0]
    assert left_out("a __init__.py, snake__case__x, 5$, [cat::0.4] [a:b:0.5] 12:30") == ()
