"""InvokeAI's weights in the web UI's language, and LoRAs that stand beside a prompt."""

from __future__ import annotations

import json

import pytest

from sdedge.images import metadata_compel
from sdedge.images.metadata_apps import from_texts
from sdedge.images.metadata_compel import translate
from sdedge.text.prompt import parse, weighted_segments


@pytest.mark.parametrize(
    ("text", "translated"),
    [
        ("a (red)1.4 house++ by (an artist)", "a (red:1.4) (house:1.21) by an artist"),
        ("(a (b)1.2 c)1.3, (tall)+", "(a (b:1.2) c:1.3), (tall:1.1)"),
        ("well-known, a - b, 1-2, d+-", "well-known, a - b, 1-2, d+-"),
        ('("a cat", "a (dog)1.5").and()', "a cat BREAK a (dog:1.5)"),
        (r"a \(b\) [c]", r"a \(b\) \[c\]"),
        ("(a)(b)", "a b"),
    ],
)
def test_weights_are_translated_exactly(text, translated):
    assert translate(text) == (translated, ())


def test_what_has_no_counterpart_is_said_and_never_other_weights():
    for text in ('("a","b").blend(.7,.3)', "a cat.swap(dog)", "(a", "a)", "(" * 60 + "a"):
        prompt, notes = translate(text)
        assert len(notes) == 1 and "plain text" in notes[0]
        (segment,) = weighted_segments(prompt)
        assert (segment.text, segment.weight) == (text, 1.0)
    assert translate("blurry---") == ("(blurry:0.729)", translate("a-")[1]) and "below 1" in translate("a-")[1][0]


def test_our_own_words_stay_text():
    prompt, _ = translate("you AND me BREAK <lora:x:1> {a|b} __c__")
    assert len(parse(prompt).parts) == 1 and not parse(prompt).loras
    (segment,) = weighted_segments(prompt)
    assert segment.text == "you AND me BREAK <lora:x:1> {a|b} __c__"


@pytest.mark.parametrize("piece", ["(", "(a)", "+", "a+", "a-", "\\", '("a",', ").", "(a)1.1 "])
def test_translation_makes_a_token_of_each_character_at_most(monkeypatch, piece):
    class Counted:
        calls = 0

        def finditer(self, text):
            for token in pattern.finditer(text):
                Counted.calls += len(token[0])
                yield token

    pattern = metadata_compel._TOKEN
    monkeypatch.setattr(metadata_compel, "_TOKEN", Counted())
    translate(piece * 5000)
    assert Counted.calls <= 5000 * len(piece)


def test_loras_beside_the_prompt_become_tags():
    loras = [{"model": {"name": "soft"}, "weight": 0.75}, {"lora": {"model_name": "x"}}, 3]
    invokeai = {"positive_prompt": "a cat", "loras": loras}
    result = from_texts({"invokeai_metadata": json.dumps(invokeai)})
    assert result.fields["prompt"] == "a cat <lora:soft:0.75> <lora:x:1>"
    assert any("<lora:soft:0.75>" in note for note in result.notes) and any(
        "cannot be read" in note for note in result.notes
    )
    drawn = {"c": "a cat", "sampler": "DDIM", "v2": {"loras": [{"file": "detail_lora_f16.ckpt", "weight": 0.6}]}}
    assert from_texts({"Comment": json.dumps(drawn)}).fields["prompt"] == "a cat <lora:detail:0.6>"
