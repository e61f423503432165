"""A random v1 model in every container and layout: equal tensor for tensor, one denoising call equal across all, and
load time and peak memory beside diffusers; then what the first call of the UNet costs (`first_call`).

    python -m tests.benchmarks.loading [--width narrow] [--folder DIR]

Full size needs 22 GB of disk for a while (4.3 GB of it throughout) and 10 GB of memory; narrow is a smoke test.
Every figure is taken in a process of its own. Peaks are VmHWM, so mapped pages count.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.support.processes import check_quiet, child, peak_bytes

NARROW: dict[str, dict[str, Any]] = {
    "unet": {"block_out_channels": [32, 64, 64, 64], "cross_attention_dim": 64, "attention_head_dim": 8},
    "vae": {"block_out_channels": [32, 32, 64, 64]},
    "text_encoder": {"vocab_size": 49408, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
                     "num_attention_heads": 1},
}  # fmt: skip
FULL: dict[str, dict[str, Any]] = {"unet": {}, "vae": {}, "text_encoder": {}}
BENCHMARK = "tests.benchmarks.loading"
CONTAINERS = [
    "folder fp32", "folder fp16", "folder bf16", "folder bin fp16", "safetensors fp32", "safetensors fp16",
    "safetensors bf16", "ckpt zip fp32", "ckpt zip fp16", "ckpt legacy fp16", "ckpt legacy fp32",
]  # fmt: skip
DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
BPE = Path(__file__).resolve().parents[2].parent / "shared" / "clip" / "bpe_simple_vocab_16e6.txt.gz"


# Making


def make_reference(folder: Path, width: str) -> None:
    """Three networks with their initial random weights, as a diffusers folder of fp32, written by safetensors."""
    import torch
    from safetensors.torch import save_file

    from sdedge.engines.torch.networks import NETWORKS

    torch.manual_seed(0)
    for name, config in (NARROW if width == "narrow" else FULL).items():
        network = NETWORKS[name](config)
        (folder / name).mkdir(parents=True)
        checkpoint = {
            "_class_name": {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL"}.get(name),
            **published_config(name, config),
        }
        (folder / name / "config.json").write_text(json.dumps(checkpoint))
        save_file(network.state_dict(), folder / name / weights_name(name, "safetensors"))
    write_pipeline_files(folder)


def published_config(name: str, config: dict[str, Any]) -> dict[str, Any]:
    """A configuration with everything diffusers and transformers want to read."""
    from dataclasses import asdict

    from sdedge.models.config import TextConfig, UNetConfig, VAEConfig

    kinds = {"unet": UNetConfig, "vae": VAEConfig, "text_encoder": TextConfig}
    full = asdict(kinds[name].from_json(config))
    depth = 4
    if name == "vae":
        full |= {"down_block_types": ["DownEncoderBlock2D"] * depth, "up_block_types": ["UpDecoderBlock2D"] * depth}
    if name == "text_encoder":
        full |= {
            "architectures": ["CLIPTextModel"],
            "model_type": "clip_text_model",
            "projection_dim": full["hidden_size"],
        }
    return {key: value for key, value in full.items() if value is not None}


def write_pipeline_files(folder: Path) -> None:
    from sdedge.text.tokenizer import Tokenizer
    from sdedge.weights.architecture import SCHEDULER

    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULER))
    if BPE.exists():
        Tokenizer.from_bpe_file(BPE).save(folder / "tokenizer")
    index = {
        "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.38.0", "requires_safety_checker": False,
        "safety_checker": [None, None], "feature_extractor": [None, None],
        "scheduler": ["diffusers", "PNDMScheduler"], "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
    }  # fmt: skip
    (folder / "model_index.json").write_text(json.dumps(index))


def weights_name(name: str, suffix: str) -> str:
    if name != "text_encoder":
        return f"diffusion_pytorch_model.{suffix}"
    return "model.safetensors" if suffix == "safetensors" else "pytorch_model.bin"


def write(container: str, reference: Path, target: Path) -> Path:
    """The reference in another container, written by torch and safetensors, not by us."""
    import torch
    from safetensors.torch import load_file, save_file

    dtype = getattr(torch, DTYPES[container.split()[-1]])
    parts = {
        name: {n: t.to(dtype) for n, t in load_file(reference / name / weights_name(name, "safetensors")).items()}
        for name in FULL
    }
    if container.startswith("folder"):
        suffix = "bin" if " bin " in container else "safetensors"
        for name, state in parts.items():
            (target / name).mkdir(parents=True)
            (target / name / "config.json").write_bytes((reference / name / "config.json").read_bytes())
            path = target / name / weights_name(name, suffix)
            torch.save(state, path) if suffix == "bin" else save_file(state, path)
        for folder_name in ("scheduler", "tokenizer"):
            if (reference / folder_name).exists():
                shutil.copytree(reference / folder_name, target / folder_name)  # a model's links lead nowhere else
        (target / "model_index.json").write_bytes((reference / "model_index.json").read_bytes())
        return target
    state = _ldm(parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    if container.startswith("safetensors"):
        path = target.with_suffix(".safetensors")
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
        return path
    path = target.with_suffix(".ckpt")
    unet = {
        n.removeprefix("model.diffusion_model."): t for n, t in state.items() if n.startswith("model.diffusion_model.")
    }
    averages = {f"model_ema.diffusion_model{n.replace('.', '')}": tensor + 1 for n, tensor in unet.items()}
    record = {"state_dict": {**state, **averages}, **_lightning()}
    torch.save(record, path, _use_new_zipfile_serialization="zip" in container)
    return path


def _ldm(parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    from sdedge.weights import keys

    tables = {
        "unet": keys.invert(keys.unet_table(keys.unet_layout(parts["unet"]))),
        "vae": keys.invert(keys.vae_table(keys.vae_layout(parts["vae"]))),
    }
    prefixes = {"unet": keys.UNET_PREFIX, "vae": keys.VAE_PREFIX}
    state = {keys.TEXT_PREFIX + keys.text_name(name): tensor for name, tensor in parts["text_encoder"].items()}
    for part, table in tables.items():
        for name, tensor in parts[part].items():
            theirs = str(keys.rename(name, table))
            if part == "vae" and ".attn_1." in theirs and tensor.ndim == 2:
                tensor = tensor[:, :, None, None]
            state[prefixes[part] + theirs] = tensor
    return state


def _lightning() -> dict[str, Any]:
    """Extras under a class of a module that is gone when the file is read."""
    name = "pytorch_lightning.callbacks.model_checkpoint"
    module = types.ModuleType(name)
    kind = type("ModelCheckpoint", (), {"__module__": name})
    module.ModelCheckpoint = kind  # type: ignore[attr-defined]
    for i in (2, 1):
        sys.modules[name.rsplit(".", i)[0]] = types.ModuleType(name.rsplit(".", i)[0])
    sys.modules[name] = module
    return {"callbacks": {kind: {"monitor": None}}, "epoch": 1, "optimizer_states": [], "hyper": kind()}


# Checking and measuring, each in a child process


def compare(path: Path, reference: Path, dtype: str) -> dict[str, Any]:
    """Every tensor of the file against the reference, and a digest of one denoising call in fp32."""
    import torch

    from sdedge.weights.checkpoint import open_checkpoint

    target = getattr(torch, dtype)
    ours, theirs = open_checkpoint(path), open_checkpoint(reference)
    count = 0
    for part, tensors in theirs.components.items():
        assert set(tensors) == set(ours.components[part]), part
        for name, lazy in tensors.items():
            read = ours.components[part][name].copy()
            assert read.dtype == target and torch.equal(read, lazy.copy(target)), name
            count += 1
    return {"tensors": count, "denoised": _denoise(ours), "ema": _check_averages(path, ours, target)}


def _check_averages(path: Path, plain: Any, dtype: Any) -> int:
    """EMA weights, where the container has them, are the plain ones plus one."""
    import torch

    from sdedge.weights.checkpoint import open_checkpoint

    if path.suffix != ".ckpt":
        return 0
    averaged = open_checkpoint(path, ema=True).unet
    for name, lazy in averaged.items():
        assert torch.equal(lazy.copy(), plain.unet[name].copy() + 1), name
    return len(averaged)


def _denoise(checkpoint: Any) -> str:
    import torch

    from sdedge.engines.torch.networks import NETWORKS
    from sdedge.weights.checkpoint import load_into

    torch.set_num_threads(1)  # one order of summation
    with torch.device("meta"):
        unet = NETWORKS["unet"](checkpoint.configs["unet"])
    load_into(unet, checkpoint.unet, torch.float32)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 4, 8, 8, generator=generator)
    context = torch.randn(1, 77, checkpoint.configs["unet"]["cross_attention_dim"], generator=generator)
    with torch.inference_mode():
        out = unet.eval()(x, torch.tensor([500.0]), context)
    assert torch.isfinite(out).all()
    return hashlib.sha256(out.numpy().tobytes()).hexdigest()[:16]


def measure(engine: str, path: Path, reference: Path, dtype: str) -> dict[str, Any]:
    """Load everything; seconds and the peak above what the process had after importing torch."""
    import torch

    target = getattr(torch, dtype)
    base = _memory("VmRSS")
    load = _loader(engine, path, reference, target)
    imported = _memory("VmRSS")
    start = time.perf_counter()
    network, weights = load()
    seconds = time.perf_counter() - start
    assert network is not None
    return {
        "seconds": round(seconds, 3), "peak_mb": round(_memory("VmHWM") - base), "weights_mb": round(weights / 1e6),
        "imports_mb": round(imported - base),
    }  # fmt: skip


def _loader(engine: str, path: Path, reference: Path, dtype: Any) -> Callable[[], tuple[Any, float]]:
    if engine.startswith("sdedge"):
        from sdedge.engines.torch.networks import NETWORKS  # noqa: F401  imported before the clock starts

        return lambda: _load_ours(path, dtype, mapped={"sdedge mapped": True, "sdedge copied": False}.get(engine))
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from diffusers import StableDiffusionPipeline
    from transformers import CLIPTextModel, CLIPTokenizer  # noqa: F401

    def load() -> tuple[Any, float]:
        options: dict[str, Any] = {"torch_dtype": dtype, "local_files_only": True, "safety_checker": None}
        if path.is_dir():
            pipeline = StableDiffusionPipeline.from_pretrained(path, **options)
        else:
            pipeline = StableDiffusionPipeline.from_single_file(path, config=str(reference), **options)
        parts: list[torch.nn.Module] = [pipeline.unet, pipeline.vae, pipeline.text_encoder]
        return pipeline, sum(p.numel() * p.element_size() for part in parts for p in part.parameters())

    return load


def _load_ours(path: Path, dtype: Any, mapped: bool | None) -> tuple[Any, float]:
    import torch

    from sdedge.engines.torch.networks import NETWORKS
    from sdedge.weights.checkpoint import load_into, open_checkpoint

    checkpoint = open_checkpoint(path)
    networks = []
    for name, tensors in checkpoint.components.items():
        with torch.device("meta"):
            network = NETWORKS[name](checkpoint.configs[name])
        load_into(network, tensors, dtype, mapped=mapped)
        networks.append(network)
    return networks, sum(p.numel() * p.element_size() for network in networks for p in network.parameters())


def _memory(field: str) -> float:
    """MB of this process: VmRSS now or VmHWM at most."""
    status = Path("/proc/self/status")
    if not status.exists():
        return peak_bytes() / 1e6
    line = next(line for line in status.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024 / 1e6


# The run


def run_child(verb: str, arguments: list[str]) -> Any:
    if verb == "make":
        return make_reference(Path(arguments[0]), arguments[1])
    if verb == "write":
        return str(write(arguments[0], Path(arguments[1]), Path(arguments[2])))
    if verb == "compare":
        return compare(Path(arguments[0]), Path(arguments[1]), arguments[2])
    return measure(arguments[0], Path(arguments[1]), Path(arguments[2]), arguments[3])


def warm(path: Path) -> None:
    for file in [path] if path.is_file() else path.rglob("*"):
        if file.is_file():
            with open(file, "rb") as opened:
                while opened.read(8 << 20):
                    pass


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def run(folder: Path, width: str) -> None:
    reference = folder / "reference"
    child(BENCHMARK, "make", reference, width)
    digests: dict[str, set[str]] = {}
    rows: list[str] = []
    for container in CONTAINERS:
        kind = container.split()[-1]
        path = Path(str(child(BENCHMARK, "write", container, reference, folder / "model")))
        figures = child(BENCHMARK, "compare", path, reference, DTYPES[kind])
        digests.setdefault(kind, set()).add(figures["denoised"])
        print(
            f"{container:18} {figures['tensors']} tensors equal, {figures['ema']} averages, output {figures['denoised']}",
            flush=True,
        )
        if container in ("folder fp16", "safetensors fp16", "safetensors fp32", "ckpt zip fp16"):
            rows += compare_loaders(container, path, reference, DTYPES[kind])
        remove(path)
    for kind, seen in digests.items():
        print(f"one denoising call of every {kind} container: {'equal' if len(seen) == 1 else 'DIFFERENT'}")
    print(
        "\n| file | loader | s | peak MB above import torch | of it imports | weights MB |\n|---|---|---|---|---|---|"
    )
    print("\n".join(rows))
    if any(len(seen) != 1 for seen in digests.values()):
        raise SystemExit(1)


def compare_loaders(container: str, path: Path, reference: Path, dtype: str) -> list[str]:
    rows = []
    engines = [(name, dtype) for name in ("sdedge", "sdedge mapped", "sdedge copied", "diffusers")]
    if dtype != "float32":
        engines += [("sdedge", "float32"), ("diffusers", "float32")]
    for engine, target in engines:
        if engine == "diffusers" and not (reference / "tokenizer").exists():
            rows.append(f"| {container} | diffusers | not run: CLIP's vocabulary is not here | | | |")
            continue
        warm(path)
        figures = child(BENCHMARK, "measure", engine, path, reference, target)
        label = f"{engine} as {target}"
        rows.append(
            f"| {container} | {label} | {figures['seconds']} | {figures['peak_mb']} | {figures['imports_mb']} | "
            f"{figures['weights_mb']} |"
        )
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", choices=("full", "narrow"), default="full")
    parser.add_argument("--folder", type=Path, help="where the files go for a while; a temporary folder by default")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    check_quiet(parser)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(run_child(options.child[0], options.child[1:])))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        run(Path(folder), options.width)
        from tests.benchmarks import first_call

        side = 64 if options.width == "full" else 8
        first_call.run(Path(folder), first_call.make(Path(folder), options.width), side, 3)


if __name__ == "__main__":
    main()
