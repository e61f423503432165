"""What a package says of itself: Xcode and apps show it, and a licence's conditions travel with the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from converters.recipe import PackageRecipe
from sdedge.library.bundle_controls import CONTROLNET, HINT, RESIDUAL
from sdedge.library.licences import LICENCE_PAGES, LONGEST_TEXT, OPENRAIL, card_licence, header_texts, licence_text
from sdedge.text.clean import clean

V1_CONTEXT = 768
OPENRAIL_PAGE = LICENCE_PAGES[OPENRAIL]
NOTICE = (
    f"CreativeML Open RAIL-M ({OPENRAIL_PAGE}), with its restrictions of use: that of Stable Diffusion v1 and of models trained "
    "from it. This model's files name none of their own; see where it comes from."
)
UNKNOWN = "The model's files name no licence; see where it comes from."
SUMMARIES = {
    "text_encoder": "Stable Diffusion v1, text encoder: token ids of a prompt to hidden states that guide the UNet.",
    "unet": "Stable Diffusion v1, UNet: predicts the noise in latents at a timestep, guided by a text's hidden states.",
    "unet_chunk1": "Stable Diffusion v1, first half of the UNet; the second half takes what it gives.",
    "unet_chunk2": "Stable Diffusion v1, second half of the UNet: predicts the noise in latents.",
    "controlled_unet": "Stable Diffusion v1, UNet that a ControlNet's residuals are added to: predicts the noise in latents.",
    "controlled_unet_chunk1": "Stable Diffusion v1, first half of the UNet that a ControlNet's residuals are added to.",
    "controlled_unet_chunk2": "Stable Diffusion v1, second half of the UNet that a ControlNet's residuals are added to.",
    CONTROLNET: "Stable Diffusion v1, ControlNet: what a hint picture adds to the UNet's skips and middle at a timestep.",
    "vae_decoder": "Stable Diffusion v1, decoder of the autoencoder: latents to a picture.",
    "vae_encoder": "Stable Diffusion v1, encoder of the autoencoder: a picture to the mean and log variance of its latents.",
    "safety_checker": "Stable Diffusion v1, safety checker: blackens a picture that is near one of 17 concepts.",
}
FEATURES = {
    "input_ids": "Ids of the prompt's 77 tokens, as floats.",
    "last_hidden_state": "Hidden states after the last layer, one for each token.",
    "pooled_outputs": "The hidden state at the end token.",
    "sample": "Noisy latents.",
    "timestep": "Timestep of the noise, 0 to 999, one for each latent. From 512 on, half precision holds steps of 0.5.",
    "encoder_hidden_states": "The text encoder's last_hidden_state, channels before tokens.",
    HINT: "The hint: a picture of edges, depths or poses, as the ControlNet was trained to read; 0 to 1.",
    "noise_pred": "The noise (or velocity, for models that predict it) in the latents.",
    "z": "Latents divided by 0.18215.",
    "image": "The picture, about -1 to 1.",
    "x": "A picture, -1 to 1.",
    "latent": "Mean, then log variance of the latents; a sample of them times 0.18215 is what the UNet takes.",
    "clip_input": "The picture, 224x224, normalised for CLIP.",
    "images": "The picture's pixels, 0 to 1.",
    "adjustment": "Added to the scores of concepts that need special care; 0 as published.",
    "filtered_images": "The pixels, or black.",
    "has_nsfw_concepts": "1 where a concept is near, 0 otherwise.",
    "concept_scores": "How far above each concept's threshold the picture is.",
    "hidden": "The hidden state where the UNet is cut.",
    "time": "The embedded timestep.",
}
RESIDUAL_TEXT = "A ControlNet's residual, of several the sum: the skips' from the outermost on, and then the middle's."
SKIP = "A skip connection's features, for the second half of the UNet."


@dataclass(frozen=True)
class About:
    """The texts of a package. `extra` is what is kept under keys of our own."""

    author: str
    license: str
    version: str
    extra: Mapping[str, str] = field(default_factory=dict)

    def write(self, spec: Any, component: str) -> None:
        """Writes it into a model's protobuf, with a sentence for every input and output."""
        about = spec.description.metadata
        about.author, about.license, about.versionString = self.author, self.license, self.version
        about.shortDescription = SUMMARIES[CONTROLNET if component.startswith(CONTROLNET) else component]
        for key, value in self.extra.items():
            about.userDefined[key] = value
        for described in (spec.description, *spec.description.functions):
            for feature in (*described.input, *described.output):
                is_residual = feature.name.startswith(RESIDUAL)
                feature.shortDescription = RESIDUAL_TEXT if is_residual else FEATURES.get(feature.name, SKIP)


def about_model(path: Path, name: str, context_width: int, identity: Mapping[str, Any], recipe: PackageRecipe) -> About:
    """Returns what is known of the model at `path` and how it was converted; no path of this machine is in it."""
    said = header_texts(path)
    licence = licence_text(path) or said.get("license") or card_licence(path)
    if not licence:
        licence = NOTICE if context_width == V1_CONTEXT else UNKNOWN
    elif "openrail" in licence.lower() and OPENRAIL_PAGE not in licence and len(licence) < 100:
        licence = f"{licence} ({OPENRAIL_PAGE})"
    extra = {
        "sdedge.source": name,
        "sdedge.source.sha256": str(identity["sha256"]),
        "sdedge.sizes": ", ".join(f"{w}x{h}" for w, h in recipe.sizes),
        "sdedge.attention": recipe.attention,
        "sdedge.compress": recipe.compress,
        "sdedge.loras": ", ".join(f"{lora[0]}:{lora[1]}" for lora in identity["loras"]),
    }
    author = said.get("author") or f"Please refer to the model card of {name}."
    version = f"{name}, SHA-256 {extra['sdedge.source.sha256'][:12]}"
    further = {key: clean(value)[:LONGEST_TEXT] for key, value in extra.items() if value}
    return About(clean(author), clean(licence)[:LONGEST_TEXT], clean(version), further)
