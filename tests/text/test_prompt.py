"""The prompt language against the A1111 web UI's documented behaviour."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdedge.errors import InvalidRequest
from sdedge.text import prompt
from sdedge.text.prompt import Lora, Part, Segment, describe_prompt, parse, prompt_chunks, weighted_segments, written
from sdedge.text.scheduling import prompt_schedule
from sdedge.text.tokenizer import Tokenizer, from_vocabulary

BPE = Path(__file__).parents[3] / "shared" / "clip" / "bpe_simple_vocab_16e6.txt.gz"
PIECES = [*"ab 1.:|()[]{}\\,<>_-e", "BREAK", " AND ", "<lora:", "0.5", "__", ":1.2)"]
MARKED = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def segments(text: str) -> list[tuple[str, float]]:
    return [(s.text, pytest.approx(s.weight)) for s in weighted_segments(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("normal text", [("normal text", 1)]),
        ("an (important) word", [("an ", 1), ("important", 1.1), (" word", 1)]),
        ("(unbalanced", [("unbalanced", 1.1)]),
        ("[un(balanced", [("un", 1 / 1.1), ("balanced", 1)]),
        ("un)balanced]", [("un)balanced]", 1)]),
        (r"\(literal\]", [("(literal]", 1)]),
        (r"a\\b", [("a\\b", 1)]),
        (r"(a \(b\):1.5)", [("a (b)", 1.5)]),
        ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
        (
            "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
            [
                ("a ", 1), ("house", 1.573), (" ", 1.1), ("on", 1), (" a ", 1.1), ("hill", 0.55), (", sun, ", 1.1),
                ("sky", 1.4641), (".", 1.1),
            ],
        ),
        ("(a:b:1.3)", [("a:b", 1.3)]),
        ("(a:-1)", [("a", -1)]),
        ("(a:+.5)", [("a", 0.5)]),
        ("(a: 1.3 )", [("a", 1.3)]),
        ("(x:1e3)", [("x:1e3", 1.1)]),
        ("(a:1.2.3)", [("a:1.2.3", 1.1)]),
        ("(a:.)", [("a:.", 1.1)]),
        ("a:1.3) b", [("a:1.3) b", 1)]),
        ("[a:1.3]", [("a:1.3", 1 / 1.1)]),
        ("((a))[[b]]", [("a", 1.21), ("b", 1 / 1.21)]),
        ("(a [b) c]", [("a ", 1.1), ("b", 1), (" c", 1 / 1.1)]),
        ("", [("", 1)]),
        ("()", [("", 1)]),
    ],
)  # fmt: skip
def test_attention(text, expected):
    assert segments(text) == expected


def test_break_is_a_whole_upper_case_word_outside_groups():
    assert [s.text for s in weighted_segments("a BREAK b") if s.is_break] == ["BREAK"]
    assert not any(
        s.is_break for text in ("a break b", "a BREAKS b", "(a BREAK b:1.2)") for s in weighted_segments(text)
    )
    # A1111 tokenises the word in a group and gives it the negated weight.
    assert segments("(a BREAK b:1.2)") == [("a", 1.2), ("BREAK", -1.2), ("b", 1.2)]


@given(MARKED)
@settings(max_examples=60)
def test_weights_survive_being_written(text):
    def normal(segs):
        nonempty = [(s.text.strip(), s.weight) for s in segs if s.text.strip()]
        return [("".join(t for t, _ in run), w) for w, run in groupby(nonempty, lambda pair: pair[1])]

    once = weighted_segments(text)
    assert normal(weighted_segments(written(once))) == normal(once)


@given(st.lists(st.tuples(st.text("ab ()[]:,\\", min_size=1), st.floats(-9, 9).filter(lambda w: w != 1)), max_size=6))
@settings(max_examples=60)
def test_any_weights_survive_being_written(pairs):
    wanted = [Segment(text, weight) for text, weight in pairs]
    merged = [Segment("".join(s.text for s in run), w) for w, run in groupby(wanted, lambda s: s.weight)]
    assert weighted_segments(written(wanted)) == (tuple(merged) or (Segment(""),))


@given(st.one_of(st.text(max_size=200), MARKED), st.integers(1, 12))
@settings(max_examples=100)
def test_no_text_crashes(text, steps):
    for stage in prompt_schedule(text, steps):
        assert all(abs(s.weight) <= prompt.HEAVIEST for s in weighted_segments(stage))
    try:
        parse(text)
    except InvalidRequest as error:
        assert "<lora:name:0.8>" in str(error)


@pytest.mark.parametrize("text", ["(" * 20000, "[" * 20000, "(a" * 10000, "[a:" * 6000 + ":1]" * 6000, ":" * 20000,
                                  "[a|" * 5000 + "]" * 5000, "<lora:" * 3000, "(a:9" + "9" * 400 + ")" * 400])  # fmt: skip
def test_hostile_texts_are_read_at_once(text):
    assert len(prompt_schedule(text, 2)) == 2
    assert weighted_segments(text)


def runs(text: str, steps: int = 10) -> list[list]:
    out, step = [], 0
    for stage, run in groupby(prompt_schedule(text, steps)):
        step += len(list(run))
        out.append([step, stage])
    return out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("test", [[10, "test"]]),
        ("a [b:3]", [[3, "a "], [10, "a b"]]),
        ("a [b: 3]", [[3, "a "], [10, "a b"]]),
        ("a [[[b]]:2]", [[2, "a "], [10, "a [[b]]"]]),
        ("[(a:2):3]", [[3, ""], [10, "(a:2)"]]),
        ("a [b : c : 1] d", [[1, "a b  d"], [10, "a  c  d"]]),
        ("a[b:[c:d:2]:1]e", [[1, "abe"], [2, "ace"], [10, "ade"]]),
        ("a [unbalanced", [[10, "a [unbalanced"]]),
        ("a [b:.5] c", [[5, "a  c"], [10, "a b c"]]),
        ("((a][:b:c [d:3]", [[3, "((a][:b:c "], [10, "((a][:b:c d"]]),
        ("[from::0.3]x", [[3, "fromx"], [10, "x"]]),
        ("[a:b:1.0]", [[10, "a"]]),
        ("[a:b:0]", [[10, "b"]]),
        ("[a:b:-1]", [[10, "b"]]),
        ("[a:b:99]", [[10, "a"]]),
        (r"[a\:b:c:3]", [[3, r"a\:b"], [10, "c"]]),
        ("[a:b:c:3]", [[10, "[a:b:c:3]"]]),
        ("[a:b]", [[10, "[a:b]"]]),
    ],
)
def test_schedule(text, expected):
    assert runs(text) == expected


def test_schedule_of_the_reference_documentation():
    text = (
        "fantasy landscape with a [mountain:lake:0.25] and [an oak:a christmas tree:0.75][ in foreground::0.6]"
        "[ in background:0.25] [shoddy:masterful:0.5]"
    )
    assert runs(text, 100) == [
        [25, "fantasy landscape with a mountain and an oak in foreground shoddy"],
        [50, "fantasy landscape with a lake and an oak in foreground in background shoddy"],
        [60, "fantasy landscape with a lake and an oak in foreground in background masterful"],
        [75, "fantasy landscape with a lake and an oak in background masterful"],
        [100, "fantasy landscape with a lake and a christmas tree in background masterful"],
    ]


def test_alternation_takes_turns():
    assert prompt_schedule("[a|(b:1.1)|] x", 5) == ("a x", "(b:1.1) x", " x", "a x", "(b:1.1) x")
    assert prompt_schedule("[a|[b:c:2]]", 4) == ("a", "b", "a", "c")


def test_texts_of_a_changing_prompt_are_bounded_together_and_each_is_read_once(tokenizer, monkeypatch):
    options = "|".join(f"{'a ' * 500}{i}" for i in range(30))
    assert len(set(prompt_schedule(f"[{options}]", 30))) == 30
    changes = "|".join(map(str, range(21)))
    with pytest.raises(InvalidRequest, match=r"into 20 texts of together over 200000 characters") as error:
        prompt_schedule(f"{'b ' * 5250}[{changes}]", 50)
    assert error.value.field == "prompt"
    read = []
    chunked_once = prompt.prompt_chunks
    monkeypatch.setattr(prompt, "prompt_chunks", lambda *inputs: read.append(inputs) or chunked_once(*inputs))
    assert len(describe_prompt("[red|green] house", tokenizer, 50).stages) == 50 and len(read) == 2


def test_and_has_weights_and_alone_has_none():
    assert parse("a cat:1.2 AND a dog AND (x:2) :-.5").parts == (Part("a cat", 1.2), Part("a dog"), Part("(x:2)", -0.5))
    assert parse("ratio 16:9").parts == (Part("ratio 16:9"),)
    assert parse("SAND AND").parts == (Part("SAND"), Part(""))
    assert parse("a AND b", negative=True).parts == (Part("a AND b"),)


def test_lora_tags_leave_the_text():
    prompt = parse("a <lora:foo:0.8>b<LORA:x/y z:te=.5:unet=1> <lora:n:.2:.4><lora:plain>")
    assert prompt.parts == (Part("a b "),)
    assert prompt.loras == (Lora("foo", 0.8, 0.8), Lora("x/y z", 0.5, 1), Lora("n", 0.2, 0.4), Lora("plain"))
    for bad in ("<lora:a:x>", "<lora::1>", "<lora:a:1:2:3>", "<lora:a:nan>"):
        with pytest.raises(InvalidRequest, match="not a LoRA"):
            parse(bad)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return from_vocabulary(["cat", "dog", "cat", ",", "special"])


def test_chunks_hold_75_and_follow_the_comma(tokenizer):
    def used(text):
        return [chunk.used for chunk in prompt_chunks(weighted_segments(text), tokenizer)]

    assert used("") == [0]
    assert used("cat " * 75) == [75]
    assert used("cat " * 76) == [75, 1]
    # The comma is token 60; the 15 after it are within reach and move on with the 76th.
    assert used("cat " * 59 + ", " + "dog " * 16) == [60, 16]
    # A comma 21 tokens back is out of reach, and so is one that has already moved to the next chunk.
    assert used("cat " * 54 + ", " + "dog " * 21) == [75, 1]
    assert used("cat " * 55 + ", " + "dog " * 20) == [56, 20]
    assert used("cat " * 75 + ", dog") == [75, 2]
    assert used("cat BREAK dog dog BREAK BREAK cat") == [1, 2, 0, 1]
    assert used("cat BREAK") == [1]


def test_chunk_layout(tokenizer):
    (chunk,) = prompt_chunks(weighted_segments("cat (dog:1.5)"), tokenizer)
    cat, dog = tokenizer.vocab["cat</w>"], tokenizer.vocab["dog</w>"]
    assert chunk.ids == (tokenizer.bos, cat, dog, *[tokenizer.eos] * 74)
    assert chunk.weights == (1, 1, 1.5, *[1] * 74)


def test_embeddings_take_their_places_and_are_never_cut(tokenizer):
    (chunk,) = prompt_chunks(weighted_segments("dog (Special:1.2) dog"), tokenizer, {"special": 3})
    assert chunk.embeddings == ((2, "special"),)
    assert chunk.used == 5
    assert chunk.weights[:7] == (1, 1, 1.2, 1.2, 1.2, 1, 1)
    first, second = prompt_chunks(weighted_segments("dog " * 73 + "special"), tokenizer, {"special": 3})
    assert (first.used, second.used, second.embeddings) == (73, 3, ((1, "special"),))
    with pytest.raises(InvalidRequest, match="76 vectors"):
        prompt_chunks(weighted_segments("x"), tokenizer, {"special": 76})


@given(MARKED)
@settings(max_examples=50)
def test_every_chunk_is_77_long(tokenizer, text):
    for chunk in prompt_chunks(weighted_segments(text), tokenizer):
        assert len(chunk.ids) == len(chunk.weights) == 77
        assert chunk.ids[0] == tokenizer.bos and chunk.ids[-1] == tokenizer.eos


def test_description_shows_stages_tokens_and_weights(tokenizer):
    description = describe_prompt("[cat:dog:0.5] AND (dog:1.2):0.7 <lora:x:1>", tokenizer, 10)
    assert [(s.text, s.part, s.part_weight, s.first, s.last) for s in description.stages] == [
        ("cat", 0, 1.0, 1, 5), ("dog", 0, 1.0, 6, 10), ("(dog:1.2)", 1, 0.7, 1, 10),
    ]  # fmt: skip
    assert [(t.text, t.weight) for t in description.stages[2].chunks[0]] == [("dog</w>", 1.2)]
    assert description.loras == (Lora("x"),)


@pytest.mark.skipif(not BPE.is_file(), reason="CLIP's BPE file is not here")
def test_clip_vocabulary():
    clip = Tokenizer.from_bpe_file(BPE)
    (chunk,) = prompt_chunks(weighted_segments("a photo of an (astronaut:1.2), photo"), clip)
    assert chunk.ids[:9] == (49406, 320, 1125, 539, 550, 18376, 267, 1125, 49407)
    assert [round(w, 3) for w in chunk.weights[:8]] == [1, 1, 1, 1, 1, 1.2, 1, 1]
