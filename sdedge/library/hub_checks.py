"""Whether what the hub has is of use here, as far as that can be known before it is there."""

from __future__ import annotations

from pathlib import Path

from sdedge.errors import ModelError
from sdedge.weights import download
from sdedge.weights.hub import HubAddress, read_beginning

_HEADER_LIMIT = 4 << 20  # bytes of a safetensors header that is looked at before the rest


class Unusable(ModelError):
    """What was downloaded, or is about to be, is nothing that sdedge draws with: nothing of it is kept."""


def check_texts(content: Path, address: HubAddress) -> None:
    """Raises Unusable when the configuration says that this is no model of v1, before its weights are downloaded."""
    from sdedge.weights.architecture import check_unet_config
    from sdedge.weights.folders import check_pipeline, read_config

    try:
        if (content / "model_index.json").is_file():
            check_pipeline(content)
        for place in ("unet/config.json", "config.json"):
            if (content / place).is_file():
                check_unet_config(read_config(content / place, content))
    except ModelError as error:
        raise Unusable(f"{address} is of no use here: {lowered(str(error), content)}") from error


def check_header(remote: download.Remote, address: HubAddress, token: str | None) -> None:
    """Raises Unusable when the names of a file's tensors are another family's, before the gigabytes that follow them."""
    from sdedge.weights.architecture import other_family
    from sdedge.weights.headers import parse_header

    if not remote.name.endswith(".safetensors") or remote.size < _HEADER_LIMIT:
        return
    beginning = read_beginning(remote, 8, token)
    length = int.from_bytes(beginning[:8], "little")
    if len(beginning) < 8 or not 2 <= length <= _HEADER_LIMIT:
        return
    text = read_beginning(remote, 8 + length, token)[8:]
    try:
        family = other_family(parse_header(text, remote.size - 8 - length).entries)
    except ModelError:  # damaged: the whole file is judged when it is there
        return
    if family is not None:
        raise Unusable(f"{address} is {family}, not Stable Diffusion v1; nothing of it was kept.")


def lowered(sentence: str, content: Path) -> str:
    """Returns a sentence to stand behind a colon, without the path of a folder that is gone by then."""
    sentence = sentence.replace(f"{content}/", "").replace(str(content), "the repository")
    return sentence[:1].lower() + sentence[1:]
