"""The second judge: a small convolutional network that was trained on renders and reads every fact of a picture.

It shares nothing with the geometric judge, and training and tuning of the embedded model never see it (`sdedge.training` cannot
import this package). The last layer before its heads gives the features of the Fréchet distance.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save
from torch import Tensor, nn

from sdedge.errors import ModelError, Remedy
from sdedge.evaluation.world import Answers, Value
from sdedge.files import atomic_write
from sdedge.json_values import read_json
from sdedge.weights.files import open_tensors

SIDE = 64  # pixels that the network reads
CHANNELS = (24, 48, 72, 112)
GRID = 3  # of the places that the features tell apart, a side
FEATURES = 96
TELLABLE = 0.5  # probability below which a fact cannot be told
BATCH = 64
MOST_VALUES = 2000  # of all facts together, in a file that may come from elsewhere
NAME = "judge.safetensors"


class JudgeNetwork(nn.Module):
    """Four convolutions that halve the picture, each but the first with a residual one; a linear head for every kind of fact."""

    def __init__(self, values: Mapping[str, Sequence[Value]]) -> None:
        super().__init__()
        self.values = {name: tuple(options) for name, options in values.items()}
        pairs = list(zip((3, *CHANNELS), CHANNELS, strict=False))
        self.halving = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in pairs)
        self.norms = nn.ModuleList(nn.GroupNorm(8, b) for _, b in pairs)
        self.residual = nn.ModuleList(nn.Conv2d(b, b, 3, 1, 1) for _, b in pairs[1:])
        self.residual_norms = nn.ModuleList(nn.GroupNorm(8, b) for _, b in pairs[1:])
        self.project = nn.Linear(CHANNELS[-1] * GRID**2, FEATURES)
        self.heads = nn.ModuleDict({name: nn.Linear(FEATURES, len(options)) for name, options in values.items()})

    def features(self, images: Tensor) -> Tensor:
        """Images (B, 3, SIDE, SIDE) in [-1, 1] -> (B, FEATURES)."""
        x = images
        for i, (halve, norm) in enumerate(zip(self.halving, self.norms, strict=True)):
            x = F.silu(norm(halve(x)))
            if i:
                x = x + F.silu(self.residual_norms[i - 1](self.residual[i - 1](x)))
        return self.project(F.adaptive_avg_pool2d(x, GRID).flatten(1))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Images (B, 3, SIDE, SIDE) in [-1, 1] -> logits (B, values) of every kind of fact."""
        features = F.silu(self.features(images))
        return {name: head(features) for name, head in self.heads.items()}


class LearnedJudge:
    """Reads facts and features of pictures with a trained network."""

    def __init__(self, network: JudgeNetwork, version: str) -> None:
        self.network, self.version = network.eval().requires_grad_(False), version

    def read(self, pictures: Sequence[np.ndarray]) -> list[Answers]:
        """Returns the facts of each picture, uint8 (H, W, 3) of any size; None for a fact that it cannot tell."""
        answers: list[dict[str, Value | None]] = [{} for _ in pictures]
        for start in range(0, len(pictures), BATCH):
            logits = self.network(_prepared(pictures[start : start + BATCH]))
            for name, rows in logits.items():
                probabilities, best = rows.softmax(1).max(1)
                for i, (probability, choice) in enumerate(zip(probabilities.tolist(), best.tolist(), strict=True)):
                    answers[start + i][name] = self.network.values[name][choice] if probability > TELLABLE else None
        return list(answers)

    def features(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Returns float32 (n, FEATURES) of pictures, uint8 (H, W, 3) of any size."""
        batches = [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]
        return np.concatenate([self.network.features(_prepared(batch)).numpy() for batch in batches])


def shrunk(picture: np.ndarray) -> np.ndarray:
    """Returns the middle square of a picture, uint8 (H, W, 3), as the network sees it: uint8 (SIDE, SIDE, 3)."""
    H, W, _ = picture.shape
    side = min(H, W)
    top, left = (H - side) // 2, (W - side) // 2
    square = Image.fromarray(picture[top : top + side, left : left + side]).convert("RGB")
    return np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def as_images(pixels: np.ndarray) -> Tensor:
    """uint8 (B, SIDE, SIDE, 3) -> float32 (B, 3, SIDE, SIDE) in [-1, 1]."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def _prepared(pictures: Sequence[np.ndarray]) -> Tensor:
    return as_images(np.stack([shrunk(picture) for picture in pictures]))


# ---- The file -----------------------------------------------------------------------------------------------------


def save_judge(network: JudgeNetwork, path: Path) -> Path:
    """Writes the network in half precision, with the facts that its heads are of in the header."""
    tensors = {name: tensor.detach().half().contiguous() for name, tensor in network.state_dict().items()}
    with atomic_write(path) as file:
        file.write(save(tensors, {"facts": json.dumps(network.values)}))
    return path


def load_judge(path: Path) -> LearnedJudge:
    """Returns the judge in a file. Raises ModelError for a file that is none."""
    source = open_tensors(path)
    try:
        record = read_json(source.metadata.get("facts", ""), f"The header of {path}")
        values = {str(name): tuple(options) for name, options in record.items()}
        if sum(map(len, values.values())) > MOST_VALUES:
            raise TypeError("more values than any scenes have")
        network = JudgeNetwork(values)
        tensors = {name: tensor.read().float() for name, tensor in source.items()}
        network.load_state_dict(tensors)
    except (RuntimeError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise ModelError(f"{path} is no judge of scenes; {Remedy.TRAIN_JUDGE}.", remedy=Remedy.TRAIN_JUDGE) from error
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(tensors[name].numpy().tobytes())
    return LearnedJudge(network, digest.hexdigest()[:8])


def shipped_judge() -> Path:
    """Returns where the judge that comes with the project is, or would be."""
    return Path(str(files("sdedge.resources"))) / NAME


def find_judge(path: Path | None, values: Mapping[str, Sequence[Value]]) -> LearnedJudge | None:
    """Returns the judge in a file that was named, or the shipped one; None where there is none that reads these facts.

    Raises ModelError for a named file that is not there, is no judge, or reads other facts.
    """
    if path is None and not shipped_judge().is_file():
        return None
    judge = load_judge(path or shipped_judge())
    if judge.network.values == {name: tuple(options) for name, options in values.items()}:
        return judge
    if path is None:
        return None
    raise ModelError(f"The judge {path} reads facts of other scenes; {Remedy.TRAIN_JUDGE}.", remedy=Remedy.TRAIN_JUDGE)
