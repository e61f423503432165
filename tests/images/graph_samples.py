"""Node graphs as ComfyUI and InvokeAI leave them in pictures, for the tests of metadata."""

from __future__ import annotations

from typing import Any


def comfyui_prompt(**changes: dict[str, Any]) -> dict[str, Any]:
    """A graph of the common nodes, in the form that a server takes; `changes` are inputs by the node's name here."""
    nodes: dict[str, tuple[str, dict[str, Any]]] = {
        "checkpoint": ("CheckpointLoaderSimple", {"ckpt_name": "sd\\v1-5.safetensors"}),
        "lora": ("LoraLoader", {"lora_name": "detail.safetensors", "strength_model": 0.8, "strength_clip": 0.5,
                                "model": ["checkpoint", 0], "clip": ["checkpoint", 1]}),
        "skip": ("CLIPSetLastLayer", {"stop_at_clip_layer": -2, "clip": ["lora", 1]}),
        "size": ("EmptyLatentImage", {"width": 512, "height": 640, "batch_size": 1}),
        "yes": ("CLIPTextEncode", {"text": "a [cat] AND (dog:1.2)", "clip": ["skip", 0]}),
        "no": ("CLIPTextEncode", {"text": "bad", "clip": ["skip", 0]}),
        "sampler": ("KSampler", {"seed": 5, "steps": 20, "cfg": 7.5, "sampler_name": "dpmpp_2m", "scheduler": "karras",
            "denoise": 1,
                                 "model": ["lora", 0], "positive": ["yes", 0], "negative": ["no", 0], "latent_image": ["size",
                                     0]}),
        "vae": ("VAELoader", {"vae_name": "vae-ft.pt"}),
        "decode": ("VAEDecode", {"samples": ["sampler", 0], "vae": ["vae", 0]}),
        "save": ("SaveImage", {"filename_prefix": "x", "images": ["decode", 0]}),
    }  # fmt: skip
    graph = {name: {"class_type": type, "inputs": dict(inputs)} for name, (type, inputs) in nodes.items()}
    for name, inputs in changes.items():
        type = inputs.pop("class_type", None)
        graph.setdefault(name, {"class_type": type, "inputs": {}})["inputs"].update(inputs)
    return graph


COMFYUI_WORKFLOW = {
    "nodes": [
        {"id": 3, "type": "KSampler", "widgets_values": [5, "fixed", 20, 7.5, "euler_ancestral", "normal", 1],
         "inputs": [{"name": "model", "link": 1}, {"name": "positive", "link": 2}, {"name": "negative", "link": 3},
                    {"name": "latent_image", "link": 4}]},
        {"id": 4, "type": "CheckpointLoaderSimple", "widgets_values": ["v1.ckpt"]},
        {"id": 5, "type": "EmptyLatentImage", "widgets_values": [512, 512, 2]},
        {"id": 6, "type": "CLIPTextEncode", "widgets_values": ["a cat"],
         "inputs": [{"name": "clip", "link": 5}, {"name": "text", "link": 9, "widget": {"name": "text"}}]},
        {"id": 7, "type": "CLIPTextEncode", "widgets_values": ["bad"]},
        {"id": 8, "type": "VAEDecode", "inputs": [{"name": "samples", "link": 6}, {"name": "vae", "link": 7}]},
        {"id": 9, "type": "SaveImage", "inputs": [{"name": "images", "link": 8}], "widgets_values": ["ComfyUI"]},
        {"id": 10, "type": "PrimitiveNode", "widgets_values": ["a dog", "fixed"]},
        {"id": 11, "type": "Reroute", "inputs": [{"name": "", "link": 10}]},
        {"id": 12, "type": "FreeU", "mode": 4, "widgets_values": [1.3, 1.4, 0.9, 0.2], "inputs": [{"name": "model", "link": 11}]},
    ],
    "links": [
        [1, 12, 0, 3, 0, "MODEL"], [2, 6, 0, 3, 1, "C"], [3, 7, 0, 3, 2, "C"], [4, 5, 0, 3, 3, "L"], [5, 4, 1, 6, 0, "CLIP"],
        [6, 3, 0, 8, 0, "L"], [7, 4, 2, 8, 1, "VAE"], [8, 8, 0, 9, 0, "IMAGE"], [9, 11, 0, 6, 1, "STRING"],
        [10, 10, 0, 11, 0, "STRING"], [11, 4, 0, 12, 0, "MODEL"],
    ],
}  # fmt: skip
"""As the page saves it: widgets without names, a primitive behind a reroute, a bypassed node, a batch of two."""


def invokeai_graph() -> dict[str, Any]:
    """A graph of version 5 without its metadata node: a LoRA through a collector, a prompt out of a text node."""
    nodes: dict[str, dict[str, Any]] = {
        "model": {"type": "main_model_loader", "model": {"name": "dream", "hash": "blake3:11", "base": "sd-1"}},
        "selector": {"type": "lora_selector", "lora": {"name": "style", "hash": "blake3:22"}, "weight": 0.7},
        "collect": {"type": "collect"},
        "loras": {"type": "lora_collection_loader"},
        "skip": {"type": "clip_skip", "skipped_layers": 1},
        "text": {"type": "string", "value": "a cat+"},
        "yes": {"type": "compel", "prompt": ""},
        "no": {"type": "compel", "prompt": "bad"},
        "noise": {"type": "noise", "seed": 3, "width": 512, "height": 512, "use_cpu": True},
        "denoise": {
            "type": "denoise_latents",
            "steps": 25,
            "cfg_scale": 6.5,
            "scheduler": "dpmpp_2m_k",
            "denoising_start": 0,
        },
        "decode": {"type": "l2i"},
    }
    edges = (
        ("model.unet", "loras.unet"), ("selector.lora", "collect.item"), ("collect.collection", "loras.loras"),
        ("loras.unet", "denoise.unet"), ("model.clip", "skip.clip"), ("skip.clip", "yes.clip"), ("text.value", "yes.prompt"),
        ("yes.conditioning", "denoise.positive_conditioning"), ("no.conditioning", "denoise.negative_conditioning"),
        ("noise.noise", "denoise.noise"), ("denoise.latents", "decode.latents"),
    )  # fmt: skip
    ends = [[dict(zip(("node_id", "field"), end.split("."))) for end in edge] for edge in edges]
    return {"nodes": nodes, "edges": [{"source": source, "destination": destination} for source, destination in ends]}
