"""What *Get models* offers by name: the one list of repositories, as data. Sizes, files and hashes are asked of the hub.

`known_from` says where a row's repository, and the names of files where it has some, are known from.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HubEntry:
    """One thing to get. `role` is where it goes: a role of the library, "lora" or "vocabulary"; `files` are paths in the
    repository where not its usual files make the model."""

    name: str
    role: str
    repository: str
    text: str
    known_from: str
    files: tuple[str, ...] = ()


_CARD_V1_4 = "model card of CompVis/stable-diffusion-v1-4"
_CARD_V1_5 = "page of stable-diffusion-v1-5 on the hub, which took the place of runwayml's"
_COLLECTION = "collection 'Official Diffusers ControlNets 1.1' on the hub"
_IP_ADAPTER = "model card of h94/IP-Adapter"

# fmt: off
ENTRIES = (
    HubEntry("v1-5", "model", "stable-diffusion-v1-5/stable-diffusion-v1-5",
             "The one that most LoRAs, ControlNets and community models are made for.", _CARD_V1_5),
    HubEntry("v1-5-inpainting", "model", "stable-diffusion-v1-5/stable-diffusion-inpainting",
             "Paints a part of a picture anew, and sees what is around it.", _CARD_V1_5),
    HubEntry("v1-4", "model", "CompVis/stable-diffusion-v1-4",
             "225,000 steps from v1-2 on pictures chosen for their looks.", _CARD_V1_4),
    HubEntry("v1-3", "model", "CompVis/stable-diffusion-v1-3",
             "195,000 steps from v1-2, a tenth of them without a text.", _CARD_V1_4),
    HubEntry("v1-2", "model", "CompVis/stable-diffusion-v1-2",
             "515,000 steps from v1-1 on pictures chosen for their looks.", _CARD_V1_4),
    HubEntry("v1-1", "model", "CompVis/stable-diffusion-v1-1",
             "The first: 237,000 steps at 256 × 256 and 194,000 at 512 × 512.", _CARD_V1_4),
    HubEntry("clip-vocabulary", "vocabulary", "openai/clip-vit-large-patch14",
             "CLIP's words and their numbers. Models of a single file need it once.",
             "transformers' pages of CLIP; the two files are those of every CLIP tokenizer", ("vocab.json", "merges.txt")),
    HubEntry("lcm-lora", "lora", "latent-consistency/lcm-lora-sdv1-5",
             "Pictures in four to eight steps, with the sampler LCM.", "model card of latent-consistency/lcm-lora-sdv1-5",
             ("pytorch_lora_weights.safetensors",)),
    HubEntry("vae-ft-mse", "vae", "stabilityai/sd-vae-ft-mse",
             "Cleaner faces and small print than v1's own VAE; a little smoother.", "config.json of models made with it"),
    HubEntry("vae-ft-ema", "vae", "stabilityai/sd-vae-ft-ema",
             "Cleaner faces than v1's own VAE, and closer to it.", "model card of stabilityai/sd-vae-ft-mse"),
    HubEntry("controlnet-canny", "control", "lllyasviel/control_v11p_sd15_canny",
             "Follows the edges of a picture.", _COLLECTION),
    HubEntry("controlnet-depth", "control", "lllyasviel/control_v11f1p_sd15_depth",
             "Follows a depth map: what is near, what is far.", "files of lllyasviel/ControlNet-v1-1"),
    HubEntry("controlnet-openpose", "control", "lllyasviel/control_v11p_sd15_openpose",
             "Follows the pose of people.", _COLLECTION),
    HubEntry("controlnet-scribble", "control", "lllyasviel/control_v11p_sd15_scribble",
             "Follows a drawing of a few lines.", _COLLECTION),
    HubEntry("controlnet-lineart", "control", "lllyasviel/control_v11p_sd15_lineart",
             "Follows a line drawing.", _COLLECTION),
    HubEntry("controlnet-softedge", "control", "lllyasviel/control_v11p_sd15_softedge",
             "Follows soft edges.", _COLLECTION),
    HubEntry("controlnet-inpaint", "control", "lllyasviel/control_v11p_sd15_inpaint",
             "Lets any v1-5 model paint a part of a picture anew.", _COLLECTION),
    HubEntry("t2i-adapter-canny", "control", "TencentARC/t2iadapter_canny_sd15v2",
             "Follows edges, at a fraction of a ControlNet's size.", "its page on the hub"),
    HubEntry("ip-adapter", "control", "h94/IP-Adapter",
             "Pictures in the manner of a picture; it needs the image encoder too.", _IP_ADAPTER,
             ("models/ip-adapter_sd15.safetensors",)),
    HubEntry("ip-adapter-image-encoder", "control", "h94/IP-Adapter",
             "Sees the picture for every IP-Adapter of v1.", _IP_ADAPTER,
             ("models/image_encoder/config.json", "models/image_encoder/model.safetensors")),
    HubEntry("real-esrgan-x4", "upscaler", "ai-forever/Real-ESRGAN",
             "Enlarges pictures four times.", "examples of ai-forever/Real-ESRGAN", ("RealESRGAN_x4.pth",)),
    HubEntry("real-esrgan-x2", "upscaler", "ai-forever/Real-ESRGAN",
             "Enlarges pictures twice.", "examples of ai-forever/Real-ESRGAN", ("RealESRGAN_x2.pth",)),
)
# fmt: on


def entry_named(name: str) -> HubEntry | None:
    """Returns the row of this name, if there is one."""
    return next((entry for entry in ENTRIES if entry.name == name), None)
