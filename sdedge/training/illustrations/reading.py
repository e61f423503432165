"""The stage in which the text encoder learns to read: every fact of a scene from its caption, before there is a UNet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdedge.models.clip import CLIPText
from sdedge.text.tokenizer import Tokenizer
from sdedge.training.fit import Optimisation, TrainingProgress, fit
from sdedge.training.illustrations.captions import caption, facts
from sdedge.training.illustrations.world import (
    COLOURS,
    GROUNDS,
    KINDS,
    LIGHTS,
    MAX_COUNT,
    MAX_TREES,
    RELATIONS,
    STYLES,
    sample,
)  # fmt: skip

ANSWERS: dict[str, tuple[Any, ...]] = {
    "kind": KINDS, "colour": COLOURS, "count": tuple(range(1, MAX_COUNT + 1)), "relation": RELATIONS, "other_kind": KINDS,
    "other_colour": COLOURS, "light": LIGHTS, "ground": GROUNDS, "mountains": (False, True),
    "trees": tuple(range(MAX_TREES + 1)), "style": STYLES,
}  # fmt: skip


class Reader(nn.Module):
    """A text encoder with a linear reading of each fact from its last word's state."""

    def __init__(self, text_encoder: CLIPText, eos: int) -> None:
        super().__init__()
        self.text_encoder, self.eos = text_encoder, eos
        width = text_encoder.config.hidden_size
        self.heads = nn.ModuleDict({name: nn.Linear(width, len(values) + 1) for name, values in ANSWERS.items()})

    def forward(self, ids: Tensor) -> dict[str, Tensor]:
        """Token ids (B, 77) -> for each fact the scores (B, answers + 1) of its answers, the last being "not said"."""
        states = self.text_encoder(ids)
        ends = ids.eq(self.eos).int().argmax(dim=1)
        last = states[torch.arange(len(ids)), ends]
        return {name: head(last) for name, head in self.heads.items()}


def answers(captions: list[str]) -> dict[str, Tensor]:
    """For each fact, the index of its answer in every caption (B,)."""
    read = [facts(text) for text in captions]
    return {
        name: torch.tensor([values.index(said[name]) if name in said else len(values) for said in read])
        for name, values in ANSWERS.items()
    }


def token_ids(tokenizer: Tokenizer, captions: list[str]) -> Tensor:
    """Captions as ids (B, 77)."""
    return torch.tensor([tokenizer.frame(tokenizer.ids(text)) for text in captions])


def train_words(
    text_encoder: CLIPText, tokenizer: Tokenizer, batch: int, optimisation: Optimisation, seed: int, folder: Path
) -> Iterator[TrainingProgress]:
    """Learn to tell every fact that a caption states; the readings are thrown away afterwards."""
    torch.manual_seed(seed)
    reader = Reader(text_encoder, tokenizer.eos)

    def loss_at(step: int) -> Tensor:
        rng = np.random.default_rng((seed, 13, step))
        captions = [caption(sample(rng), rng) for _ in range(batch)]
        scores, right = reader(token_ids(tokenizer, captions)), answers(captions)
        return torch.stack([F.cross_entropy(scores[name], right[name]) for name in ANSWERS]).mean()

    yield from fit("words", reader, loss_at, optimisation, folder)
