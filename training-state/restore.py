"""Makes the state files of a training run again from the embedded model: restore.py OUT, a new folder.

Run with the checkout in PYTHONPATH. The weights are the averages at the end of `guided`, with a fresh optimiser, so that the run goes
on with `decoder`.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from sdedge.training.illustrations.reading import Reader
from sdedge.training.illustrations.recipe import TrainingRecipe, networks

MODEL = Path(__file__).parents[1] / "resources" / "models" / "pocket"


def weights(module: nn.Module, file: str) -> None:
    """Load a file of the model into a network."""
    module.load_state_dict({name: tensor.float() for name, tensor in load_file(MODEL / file).items()})


def write(out: Path, stage: str, steps: int, module: nn.Module) -> None:
    """Write the file of a stage that is finished."""
    average = [parameter.detach().clone() for parameter in module.parameters()]
    optimizer = torch.optim.AdamW(module.parameters(), fused=True)
    state = {"step": steps, "model": module.state_dict(), "optimizer": optimizer.state_dict(), "average": average}
    torch.save(state, out / f"{stage}.pt")


out = Path(sys.argv[1])
out.mkdir(parents=True)
recipe = TrainingRecipe()
nets = networks(recipe)
text = nets.conditioned.text_encoder
weights(nets.vae, "vae/diffusion_pytorch_model.safetensors")
weights(text, "text_encoder/model.safetensors")
weights(nets.conditioned.unet, "unet/diffusion_pytorch_model.safetensors")
for stage in recipe.autoencoder:
    write(out, stage.name, stage.optimisation.steps, nets.vae)
write(out, "words", recipe.reading.steps, Reader(text, nets.tokenizer.eos))
for stage in recipe.stages:
    write(out, stage.name, stage.optimisation.steps, nets.conditioned)
