"""The safety checker that ships with Stable Diffusion v1 (Rando et al. 2022 describe it): CLIP's vision tower and 20 fixed
concepts. Its decisions equal those of diffusers' StableDiffusionSafetyChecker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from sdedge.errors import ModelError, Remedy
from sdedge.models.clip_vision import vision_config

CONCEPTS, SPECIAL_CARE = 17, 3
CAUTION = np.float32(0.01)
"""Added to every concept's score when a picture comes near a special-care concept."""
MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)


class SafetyChecker(nn.Module):
    """The vision tower, the projection into CLIP's shared space, and the concepts' directions and thresholds there.

    `config` is the folder's config.json. Raises ModelError when it describes no CLIP vision tower.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        from transformers import CLIPVisionModel

        try:
            # The published files say it twice; transformers lets the second one win.
            vision = {**(config.get("vision_config") or {}), **(config.get("vision_config_dict") or {})}
            width = config.get("projection_dim", 512)
            tower = vision_config({**vision, "projection_dim": width})
            self.image_size = int(vision.get("image_size", 224))
            self.vision_model = CLIPVisionModel(tower)
        except Exception as error:  # configurations are checked by several libraries, each with errors of its own
            raise ModelError(
                f"The safety checker's config.json does not describe it ({' '.join(str(error).split())[:200]}); get it again."
            ) from error
        self.visual_projection = nn.Linear(tower.hidden_size, width, bias=False)
        self.concept_embeds = nn.Parameter(torch.ones(CONCEPTS, width), requires_grad=False)
        self.special_care_embeds = nn.Parameter(torch.ones(SPECIAL_CARE, width), requires_grad=False)
        self.concept_embeds_weights = nn.Parameter(torch.ones(CONCEPTS), requires_grad=False)
        self.special_care_embeds_weights = nn.Parameter(torch.ones(SPECIAL_CARE), requires_grad=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Turns prepared pictures (B, 3, S, S) into cosines with the concepts (B, 17) and the special-care concepts (B, 3)."""
        image = F.normalize(self.visual_projection(self.vision_model(x).pooler_output))
        concepts, special = F.normalize(self.concept_embeds), F.normalize(self.special_care_embeds)
        return image @ concepts.T, image @ special.T

    @torch.inference_mode()
    def check(self, images: np.ndarray) -> list[bool]:
        """Returns whether each of the uint8 RGB pictures (B, H, W, 3) is to be filtered.

        Raises ModelError when the scores are not numbers, which would otherwise let everything pass.
        """
        if len(images) == 0:
            return []
        x = torch.stack([prepare(pixels, self.image_size) for pixels in images])
        concepts, special = (cosines.float().cpu().numpy() for cosines in self(x.to(self.concept_embeds)))
        scores = score(
            concepts, self.concept_embeds_weights.float().cpu().numpy(),
            special, self.special_care_embeds_weights.float().cpu().numpy(),
        )  # fmt: skip
        if not (np.isfinite(scores).all() and np.isfinite(special).all()):
            raise ModelError(
                f"The safety checker gave values that are not numbers; get its weights again, or {Remedy.SAFETY_OFF}.",
                remedy=Remedy.SAFETY_OFF,
            )
        return (scores.max(1) > 0).tolist()


def score(concepts: np.ndarray, thresholds: np.ndarray, special: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Returns how far the cosines (B, 17) are above the thresholds (17,), rounded to 3 places; above 0 filters the picture.

    Cosines with the special-care concepts (B, 3) above their limits (3,) never filter by themselves; they add 0.01 to
    all scores. All float32, so that roundings fall as in diffusers under numpy 2.
    """
    near = (np.round(special - limits, 3) > 0).any(1, keepdims=True)
    return np.round(concepts - thresholds + near * CAUTION, 3)


def prepare(pixels: np.ndarray, side: int = 224) -> Tensor:
    """Turns uint8 RGB (H, W, 3) into float32 (3, side, side), equal to transformers' CLIPImageProcessor (Pillow).

    The short side is scaled to `side` with bicubic filtering and antialiasing, the middle is cut out, and the channels
    are normalised by CLIP's means and deviations.
    """
    H, W, _ = pixels.shape
    short = min(H, W)
    size = (side if short == W else int(side * W / short), side if short == H else int(side * H / short))
    image = Image.fromarray(np.ascontiguousarray(pixels)).resize(size, Image.Resampling.BICUBIC)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    cut = np.asarray(image)[top : top + side, left : left + side]
    return torch.from_numpy(((cut / np.float32(255) - MEAN) / STD).transpose(2, 0, 1).copy())
