"""Why settings of the web UI and its extensions are not honoured, by the beginnings of their keys. No torch."""

from __future__ import annotations

from sdedge.images.metadata_fields import NO_COUNTERPART

_REASONS: dict[str, str] = {
    "Hires": "This setting of hires fix is not carried over.",
    "First pass": "A second, larger pass (hires fix) is not carried over.",
    "Latent": "A second, larger pass (hires fix) is not carried over.",
    "ADetailer": "This setting of the extension ADetailer is not carried over.",
    "RP ": "The regions of the Regional Prompter extension are not carried over.",
    "Regional": "Regions are not carried over.",
    "Region": "Regions are not carried over.",
    "Tiled Diffusion": "Tiled diffusion is not carried over.",
    "Tiled VAE": "A VAE that works in tiles is not carried over; it changes a picture a little at most.",
    "Latent Couple": "Regions are not carried over.",
    "ControlNet": "The control cannot be read.",
    "AddNet": "LoRAs of the Additional Networks extension are not carried over.",
    "Refiner": "A second model for the last steps is not available.",
    "Soft inpainting": "Soft inpainting blends latents in a way of its own; the soft mask here is another algorithm.",
    "Face restoration": "A network that repairs faces in the finished picture is not available.",
    "ENSD": "The steps' noise comes from the picture's seed plus this number there; it matters to samplers that renew noise.",
    "Eta DDIM": "It is another program's name for eta at its default.",
    "NGMS": "Guidance is left out of every other step at low noise there.",
    "Token merging": "Tokens are merged in another way there than in a fast speed here.",
    "FreeU": "FreeU is not carried over.",
    "Dynamic thresholding": "Dynamic thresholding is not available.",
    "DynThres": "Dynamic thresholding is not available.",
    "CFG Rescale": "Rescaled guidance of this extension is not carried over.",
    "PAG": "Perturbed attention guidance is not carried over.",
    "SAG": "Self attention guidance is not available.",
    "Seed resize": "Noise of another size is not brought to this one.",
    "Mask mode": "The mask was turned round there, so that its black was drawn anew; give it turned round.",
    "Conditional mask weight": "What an inpainting model sees of the masked part is not weighed.",
    "FP8": "Weights in fp8 are not rounded here as there.",
    "Downcast alphas": "The noise schedule in half precision, as of old versions, is not available.",
    "Pad conds": "Prompts of different lengths are padded in another way there.",
    "Skip Early CFG": "Guidance is left out of the first steps there.",
    "Discard penultimate": "The next to last noise level is left out there.",
    "Always discard": "The next to last noise level is left out there.",
    "Schedule": "Bounds of the noise schedule are not carried over.",
    "Script": "Scripts are not run.",
    "X Type": "The picture is a sheet of several, drawn by a script.",
    "Y Type": "The picture is a sheet of several, drawn by a script.",
    "Dynamic prompt": "The prompt is the one that was chosen already.",
    "Hypernet": "Hypernetworks are not supported.",
    "Upscale": "The picture was enlarged afterwards.",
    "Postprocess": "The picture was changed afterwards.",
    "Crop": "The picture was changed afterwards.",
    "Distilled CFG": "It belongs to models of another kind.",
    "Noise multiplier": "The noise of image to image is not scaled.",
    "Extra noise": "Noise is not added to the picture to start from.",
    "Clip skip 2": "It belongs to models of another kind.",
}


def reason_of(key: str) -> str:
    """Returns a sentence on why the setting of this key is not honoured."""
    return next((reason for start, reason in _REASONS.items() if key.startswith(start)), NO_COUNTERPART)
