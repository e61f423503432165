"""Makes the state files of a training run again: restore.py OUT, a new folder. Run with the checkout in PYTHONPATH."""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from sdedge.training.illustrations.recipe import TrainingRecipe, networks

STEPS = {"vae": 3134, "details": 3567}
out = Path(sys.argv[1])
out.mkdir(parents=True)
vae = networks(TrainingRecipe()).vae
tensors = {name: tensor.float() for name, tensor in load_file(Path(__file__).parent / "details.safetensors").items()}
average = [tensors[f"average.{name}"] for name, p in vae.named_parameters() if p.requires_grad]
model = {name.removeprefix("model."): tensor for name, tensor in tensors.items() if name.startswith("model.")}
optimizer = torch.optim.AdamW(vae.parameters(), fused=True)
for stage, step in STEPS.items():
    state = {"step": step, "model": model, "optimizer": optimizer.state_dict(), "average": average}
    torch.save(state, out / f"{stage}.pt")
