"""The engine that draws from a bundle of Core ML packages with torch, on any system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from sdedge.engines.coreml.lora_changes import FindModel
from sdedge.engines.coreml.packages import Model, PackageEngine
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.runner import PRECISIONS, Runner
from sdedge.errors import InvalidRequest, ModelError
from sdedge.text.tokenizer import LENGTH


class MILEngine(PackageEngine):
    """Runs the packages on the CPU. "float16", the default, rounds what the programs say; "float32" keeps results wide."""

    def __init__(self, folder: str | Path, dtype: str | None = None, *, find_model: FindModel | None = None) -> None:
        """Raises InvalidRequest for another precision, ModelError for a damaged bundle."""
        self.precision = dtype or PRECISIONS[0]
        if self.precision not in PRECISIONS:
            raise InvalidRequest(f"Core ML bundles run in {' or '.join(PRECISIONS)}, not {dtype}; choose one of them.")
        super().__init__(folder, f"mil {self.precision}", find_model)

    def token_embeddings(self, count: int) -> Iterator[Tensor]:
        """Yields what the text encoder looks up for each of the first `count` token ids: (D,), in order.

        Raises ModelError for a text encoder that looks nothing up.
        """
        runner = Runner(self._package("text_encoder"), None, self.precision)
        length = self._component("text_encoder").inputs["input_ids"].shape[-1] or LENGTH
        for start in range(0, count, length):
            ids = (torch.arange(start, start + length) % count)[None].float()
            yield from _looked_up(runner, ids)[: count - start]

    def open_model(self, package: Package, function: str) -> Model:
        return Runner(package, function, self.precision)


def _looked_up(runner: Runner, ids: Tensor) -> Tensor:
    """Returns the rows (77, D) of the first table that ids (1, 77) index; nothing after it is run."""
    for operation, (first, *_) in runner.trace({"input_ids": ids}):
        if operation.type == "gather":
            return first.reshape(-1, first.shape[-1]).float()
    raise ModelError("The text encoder of the bundle looks up no token; convert the model again.")
