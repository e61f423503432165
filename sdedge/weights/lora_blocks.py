"""Block weights: which of the 26 parts of a v1 model a module belongs to, and the factor that a tag gives it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from sdedge.text.tags import BLOCKS
from sdedge.weights.keys import invert, rename, unet_layout, unet_table

_LDM_BLOCK = re.compile(r"(?:model\.diffusion_model\.)?(input|middle|output)_blocks?\.(\d+)\.")


def factors(part: str, names: Collection[str], blocks: Sequence[float]) -> dict[str, float]:
    """Returns module -> factor, for a network ('unet', 'text_encoder') with the tensors `names` (diffusers names)."""
    by_block = dict(zip(BLOCKS, blocks, strict=True))
    modules = {name.rpartition(".")[0] for name in names}
    if part != "unet":
        return dict.fromkeys(modules, by_block["BASE"])
    to_ldm = invert(unet_table(unet_layout(names)))
    return {module: by_block[_block(rename(f"{module}.weight", to_ldm) or "")] for module in modules}


def _block(ldm_name: str) -> str:
    match = _LDM_BLOCK.match(ldm_name)
    if match is None:
        return "BASE"  # the time embedding and the last convolution, as in sd-webui-lora-block-weight
    label = "M00" if match[1] == "middle" else f"{'IN' if match[1] == 'input' else 'OUT'}{int(match[2]):02}"
    return label if label in BLOCKS else "BASE"
