"""Token counts and chunk marks, and how long a job will take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gui.form.tokens import count
from gui.models.card import ModelCard
from gui.queue.progress import PictureProgress, spoken
from sdedge.engines.open import find_tokenizer
from sdedge.events import ImageDone, Loading, Step
from sdedge.text.prompt import prompt_chunks, weighted_segments
from tests.gui.form.test_refusals import converted


@pytest.fixture(scope="module")
def tokenizer():
    return find_tokenizer("pocket")


@given(text=st.text(alphabet="ab ,()[]:|<>{}_.1lorAND\n") | st.text())
def test_no_text_is_too_strange_to_be_counted(tokenizer, text):
    counted = count(text, tokenizer)
    assert counted.fault or 0 <= counted.used <= counted.limit


def test_marks_are_where_the_text_encoder_begins_a_chunk(tokenizer):
    text = ", ".join(f"a red house number {i}" for i in range(40))
    counted = count(text, tokenizer)
    chunks = prompt_chunks(weighted_segments(text), tokenizer)
    assert counted.limit == 75 * len(chunks) and len(counted.starts) == len(chunks) - 1
    for start, end, chunk in zip((0, *counted.starts), (*counted.starts, len(text)), chunks):
        assert prompt_chunks(weighted_segments(text[start:end]), tokenizer)[0].ids == chunk.ids


def test_a_prompt_longer_than_a_converted_model_takes_is_said(tokenizer):
    text = ", ".join(f"a red house number {i}" for i in range(40))
    assert "takes 1;" in count(text, tokenizer, longest=1).fault
    assert not count(text, tokenizer, longest=9).fault and not count("a house", tokenizer, longest=1).fault


def test_what_a_converted_model_takes_none_of_is_said_wherever_it_comes_from(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path))
    for folder, name in (("loras", "ink.safetensors"), ("embeddings", "badhands.pt")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(b"")
    (tmp_path / "wildcards").mkdir()
    (tmp_path / "wildcards" / "style.txt").write_text("plain\nplain\nplain\n<lora:ink:1>\n")
    core_ml, graph = converted().fixed_adapters, converted("graph").fixed_adapters
    assert "LoRA ink" in count("a house, __style__", tokenizer, fixed=graph).fault
    assert not count("a house, __style__", tokenizer, fixed=core_ml).fault
    assert "badhands" in count("a house, (badhands:1.2)", tokenizer, fixed=core_ml, negative=True).fault
    assert not count("a house, badhands", tokenizer, fixed=graph).fault  # a graph's encoder takes their vectors
    for text in ("a house, __style__", "a house, badhands"):
        assert not count(text, tokenizer, fixed=ModelCard("other", 512).fixed_adapters).fault
    assert not count("{a house|a boat}", tokenizer, fixed=core_ml).fault


def test_the_longest_of_all_steps_counts(tokenizer):
    assert count("[a:a red house by the sea:0.5]", tokenizer).used == 6


@pytest.mark.parametrize(
    "text, named", [("<lora:nothere>", "nothere"), ("<lora::1>", "<lora::1>"), ("__nope__", "nope")]
)
def test_what_cannot_be_read_is_named(tokenizer, text, named):
    assert named in count(text, tokenizer).fault


@pytest.fixture
def colours(tmp_path, monkeypatch):
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path))
    (tmp_path / "wildcards").mkdir()
    (tmp_path / "wildcards" / "colour.txt").write_text("red\n")
    return tmp_path


def test_wildcards_of_the_library_are_counted_as_the_engine_reads_them(tokenizer, colours):
    for negative in (False, True):
        counted = count("a __colour__ house", tokenizer, negative=negative)
        assert counted == count("a red house", tokenizer) and not counted.fault


def test_a_lora_that_a_wildcard_names_is_looked_up(tokenizer, colours):
    (colours / "wildcards" / "style.txt").write_text("<lora:nothere>\n")
    assert "nothere" in count("a house __style__", tokenizer).fault


def test_names_of_embeddings_may_hold_the_marks_of_wildcards(tokenizer, colours):
    (colours / "embeddings").mkdir()
    (colours / "embeddings" / "my__own__words.pt").touch()
    assert not count("a house, my__own__words", tokenizer).fault


def test_halves_of_surrogates_are_counted_as_they_will_be_drawn(tokenizer):
    assert count("a \ud83d house", tokenizer).used == count("a \ufffd house", tokenizer).used


def test_time_left_is_the_median_step_without_the_first():
    progress = PictureProgress(count=1, began=0, phase_began=0)
    progress.hear(Loading("model"), 0)
    progress.hear(Loading("text"), 1)
    times = [30, 31, 32, 33, 34, 44, 45]  # the first carries the loading, one was interrupted
    for index, at in enumerate(times, 1):
        assert progress.remaining is None or index > 2
        progress.hear(Step(index, 20), at)
    assert progress.remaining == 13 and progress.phase == "denoising" and progress.fraction == 7 / 20
    progress.hear(Loading("decoding"), 60)
    assert progress.remaining is None and progress.elapsed(63) == 3


def test_pictures_and_batches_that_follow_are_counted_in():
    progress = PictureProgress(count=5, began=0, phase_began=0)
    for index in (1, 2, 3):
        progress.hear(Step(index, 10, 0, 2), float(index))
    assert progress.remaining == 7 + 2 * 10 and progress.fraction == pytest.approx(2 * 0.3 / 5)
    progress.hear(ImageDone("a", 1, 0))
    progress.hear(ImageDone("b", 2, 1))
    progress.hear(Step(1, 10, 2, 2), 20.0)
    assert progress.saved == 2 and progress.remaining == 9 + 10


def test_several_passes_are_parts_of_a_picture_and_none_is_foretold():
    """Two pictures whose first pass is drawn together; their second passes follow one after another."""
    progress, fractions, left = PictureProgress(count=2, began=0, phase_began=0), [], []
    passes = [(0, 2, 1), (0, 1, 2), (1, 1, 2)]  # first, size, pass
    for at, (first, size, number) in enumerate(passes):
        for index in (1, 2, 3, 4):
            progress.hear(Step(index, 4, first, size, None, number, 2), float(10 * at + index))
            fractions.append(progress.fraction)
            left.append(progress.remaining)
    assert fractions == sorted(fractions) and fractions[3] == 0.5 and fractions[7] == 0.75 and fractions[-1] == 1
    assert left == [None] * 8 + [3, 2, 1, 0]


@given(seconds=st.floats(0, 1e6))
def test_durations_are_short_words(seconds):
    assert 2 <= len(spoken(seconds)) <= 12
