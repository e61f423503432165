"""A look at a latent without the decoder: a linear map to RGB, one pixel per latent cell."""

from __future__ import annotations

import base64
import io

import torch
from PIL import Image
from torch import Tensor

from sdedge.images.convert import to_pixels

Rows = tuple[tuple[float, ...], ...]

# Least-squares rows (4 latent channels and a bias to RGB in [-1, 1]) for v1's VAE, as published with A1111.
V1_ROWS: Rows = (
    (0.298, 0.207, 0.208),
    (0.187, 0.286, 0.173),
    (-0.158, 0.189, 0.264),
    (-0.184, -0.271, -0.473),
    (0.0, 0.0, 0.0),
)


def fit_rows(latents: Tensor, images: Tensor) -> Rows:
    """Fits rows for another VAE by least squares: scaled latents (N, 4, h, w), images (N, 3, 8h, 8w) in [-1, 1]."""
    small = torch.nn.functional.interpolate(images, size=latents.shape[2:], mode="area")
    x = latents.permute(0, 2, 3, 1).reshape(-1, latents.shape[1]).double()
    y = small.permute(0, 2, 3, 1).reshape(-1, 3).double()
    solution = torch.linalg.lstsq(torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1), y).solution
    return tuple(tuple(round(float(v), 4) for v in row) for row in solution)


def preview(latents: Tensor, rows: Rows = V1_ROWS) -> list[Image.Image]:
    """Turns predicted clean latents (B, 4, h, w) into B pictures of (w, h) pixels."""
    matrix = torch.tensor(rows)
    rgb = torch.einsum("bchw,cr->brhw", latents.detach().float().cpu(), matrix[:-1]) + matrix[-1][:, None, None]
    return [Image.fromarray(pixels) for pixels in to_pixels(rgb)]


def data_uri(image: Image.Image) -> str:
    """Returns a PNG data URI, small enough to travel in an event."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
