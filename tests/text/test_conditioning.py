"""Contexts of prompts, on an encoder whose output can be told by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sdedge.text.conditioning import chunk_counts, condition, emphasized
from sdedge.text.prompt import prompt_chunks, weighted_segments
from sdedge.text.tokenizer import Tokenizer, from_vocabulary

VOCABULARY = ["cat", "dog", "bird", ",", "style"]
D = 3


class Encoder:
    """Each vector is made of its id, its position and the sum of all ids of its chunk: order and framing show."""

    def __init__(self) -> None:
        self.tokenizer: Tokenizer = from_vocabulary(VOCABULARY)
        self.rows: list[tuple[int, ...]] = []
        self.replaced: list[tuple[int, int, Tensor]] = []
        self.skips: set[int] = set()

    def encode_text(self, ids: Tensor, skip: int = 0, replacements: list | None = None) -> Tensor:
        self.rows += [tuple(row.tolist()) for row in ids]
        self.replaced += replacements or []
        self.skips.add(skip)
        total = ids.sum(1, keepdim=True).expand_as(ids)
        z = torch.stack([ids, torch.arange(77).expand_as(ids), total], -1).double() + 1  # (B, 77, 3)
        for row, position, vectors in replacements or []:
            z[row, position : position + len(vectors)] = vectors.double()
        return z


def encode(text: str) -> Tensor:
    """The reference by hand: chunks of one text, encoded apart, weighted, joined."""
    engine = Encoder()
    rows = []
    for chunk in prompt_chunks(weighted_segments(text), engine.tokenizer):
        z = engine.encode_text(torch.tensor([chunk.ids]))[0]
        heavy = z * torch.tensor(chunk.weights, dtype=z.dtype)[:, None]
        rows.append(heavy * (z.mean() / heavy.mean()))
    return torch.cat(rows)


def test_one_prompt_is_one_context():
    engine = Encoder()
    conditioning = condition(engine, ["a (cat:1.3)"], ["dog"], steps=4, clip_skip=2)
    torch.testing.assert_close(conditioning.cond, encode("a (cat:1.3)")[None])
    torch.testing.assert_close(conditioning.uncond, encode("dog")[None])
    assert not conditioning.changes and engine.skips == {1}
    assert condition(engine, ["cat"], None).uncond is None


def test_emphasis_keeps_the_mean_and_nothing_else():
    z = torch.randn(77, 5, dtype=torch.float64)
    heavy = emphasized(z, [1.0] * 70 + [1.5] * 7)
    assert heavy.mean() == pytest.approx(float(z.mean()))
    torch.testing.assert_close(heavy[70:] / z[70:], (heavy[0] / z[0] * 1.5).expand(7, 5))
    assert emphasized(z, [1.0] * 77) is z
    assert torch.isfinite(emphasized(torch.zeros(2, 3), [1.0, 2.0])).all()


def test_long_prompts_are_chunks_side_by_side_and_the_other_half_repeats_its_last_vector():
    conditioning = condition(Encoder(), ["cat " * 80], ["dog"])
    assert conditioning.cond.shape == conditioning.uncond.shape == (1, 154, D)
    torch.testing.assert_close(conditioning.cond[0], encode("cat " * 80))
    torch.testing.assert_close(conditioning.uncond[0, :77], encode("dog"))
    assert (conditioning.uncond[0, 77:] == encode("dog")[-1]).all()


def test_scheduling_gives_each_step_its_text_and_encodes_each_once():
    engine = Encoder()
    conditioning = condition(engine, ["[cat:dog:0.5] [bird|cat]"], [""], steps=4)
    for context, text in zip(conditioning.steps, ["cat bird", "cat cat", "dog bird", "dog cat"]):
        torch.testing.assert_close(context.cond[0], encode(text))
    assert conditioning.changes
    assert len(engine.rows) == len(set(engine.rows)) == 5
    conditioning = condition(engine, ["[cat|dog]"], [""], steps=6)
    assert conditioning.steps[0] is conditioning.steps[2] is conditioning.steps[4]


def test_a_run_of_one_prompt_has_one_length():
    conditioning = condition(Encoder(), ["[cat:" + "dog " * 80 + ":1]"], [""], steps=2)
    assert [context.cond.shape[1] for context in conditioning.steps] == [154, 154]
    torch.testing.assert_close(conditioning.steps[0].cond[0], torch.cat([encode("cat"), encode("")]))
    assert chunk_counts(Encoder().tokenizer, "[cat:" + "dog " * 80 + ":1]", "", 2) == 2
    assert chunk_counts(Encoder().tokenizer, "cat", "dog " * 160, 2) == 3


def test_levels_find_their_step():
    conditioning = condition(Encoder(), ["[cat:dog:2]"], [""], steps=4)
    at = conditioning.along([10.0, 5.0, 2.0, 1.0, 0.0])
    cat, dog = conditioning.steps[0], conditioning.steps[2]
    assert cat is not dog
    assert all(at(sigma) is cat for sigma in (20.0, 10.0, 7.0, 5.0, 3.0))
    assert all(at(sigma) is dog for sigma in (2.0 * (1 + 1e-8), 2.0, 1.5, 1.0, 0.5, 0.0))
    tail = conditioning.along([2.0, 1.0, 0.0])  # image to image at half strength
    assert tail(2.0) is conditioning.steps[2] and tail(0.5) is conditioning.steps[3]


def test_and_composes_with_weights_for_each_picture():
    conditioning = condition(Encoder(), ["cat AND dog:0.5", "bird"], ["", "style"])
    context = conditioning.steps[0]
    assert context.cond.shape == (4, 77, D) and context.uncond.shape == (2, 77, D)
    assert context.weights.tolist() == [[1, 1], [0.5, 0]]
    assert condition(Encoder(), ["cat AND dog"], None).uncond is not None
    assert condition(Encoder(), ["cat AND dog"], ["a AND b"]).uncond.shape == (1, 77, D)


def test_a_batch_gives_each_picture_what_it_has_alone():
    prompts, negatives = ["a (cat:1.4)", "[dog:bird:1] cat"], ["", "(style)"]
    together = condition(Encoder(), prompts, negatives, steps=2)
    for i, (prompt, negative) in enumerate(zip(prompts, negatives)):
        alone = condition(Encoder(), [prompt], [negative], steps=2)
        for a, b in zip(together.steps, alone.steps):
            torch.testing.assert_close(a.cond[i], b.cond[0])
            torch.testing.assert_close(a.uncond[i], b.uncond[0])


def test_learned_vectors_are_handed_to_the_encoder_with_their_place():
    engine, vectors = Encoder(), torch.full((2, D), 7.0)
    conditioning = condition(engine, ["a style"], ["style"], embeddings={"style": vectors})
    assert sorted((position, v.shape) for _, position, v in engine.replaced) == [(1, (2, D)), (2, (2, D))]
    assert (conditioning.cond[0, 2:4] == 7).all() and (conditioning.uncond[0, 1:3] == 7).all()


def test_a_cache_spares_the_encoder():
    engine, cache = Encoder(), {}
    first = condition(engine, ["cat"], ["dog"], cache=cache)
    seen = len(engine.rows)
    again = condition(engine, ["cat"], ["dog"], cache=cache)
    assert len(engine.rows) == seen
    assert torch.equal(first.cond, again.cond)
