"""`sdedge cache`: what is kept on disk to save time, which can all be made again: listed, bounded, cleared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from sdedge.commands.model_facts import size_in_words
from sdedge.commands.terminal import echo

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", re.IGNORECASE | re.ASCII)
_LARGEST = 10**15  # bytes: no disk is larger


class ByteSize(click.ParamType):  # type: ignore[type-arg]
    """A number of bytes, such as 12GB."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = _SIZE.fullmatch(str(value).strip())
        size = float(match[1]) * _UNITS[match[2].upper()] if match else _LARGEST + 1
        if size > _LARGEST:
            self.fail(f"{str(value)[:40]!r} is no size; write one such as 12GB or 500MB.", param, ctx)
        return int(size)


@dataclass(frozen=True)
class CacheRow:
    """Something that is kept: the kind it is of, its name, its bytes."""

    kind: str
    name: str
    bytes: int


@click.command()
@click.option(
    "--keep/--no-keep",
    default=None,
    help="Keep full-size models' weights as they were packed for this processor, or stop; what is there stays.",
)
@click.option("--limit", type=ByteSize(), help="How many bytes of packed weights to keep, such as 12GB.")
@click.option("--clear", is_flag=True, help="Delete it all; it is made again when it is needed.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def cache(keep: bool | None, limit: int | None, clear: bool, as_json: bool) -> None:
    """Show the room that can be made again: networks converted for OpenVINO, Core ML packages with LoRAs, packed weights, which a
    model starts faster by, and what `models quantize` measured."""
    from sdedge.engines.coreml import lora_copies
    from sdedge.engines.openvino import cache as converted
    from sdedge.engines.torch.cpu import packed_cache
    from sdedge.generation import calibrations

    if clear:
        removed = converted.clear() + lora_copies.clear() + packed_cache.clear() + calibrations.clear()
        if not as_json:
            echo(f"Deleted {size_in_words(removed)}.")
    if keep is not None or limit is not None:
        packed_cache.choose(keep=keep, limit=limit)
    rows = list(_rows())
    if as_json:
        chosen = packed_cache.choice()
        packed = {"keep": bool(chosen.keep), "limit": chosen.limit, "folder": str(packed_cache.packed_folder())}
        echo(json.dumps({"entries": [asdict(row) for row in rows], "packed": packed}, indent=1))
    elif not clear or keep is not None or limit is not None:
        _show(rows)


def _rows() -> Iterator[CacheRow]:
    from sdedge.engines.coreml import lora_copies
    from sdedge.engines.openvino import cache as converted
    from sdedge.engines.torch.cpu import packed_cache
    from sdedge.generation import calibrations

    yield from (CacheRow("openvino", entry.path.name, entry.size) for entry in converted.entries())
    yield from (CacheRow("coreml", copy.title, copy.bytes) for copy in lora_copies.entries())
    yield from (CacheRow("packed", entry.name, entry.size) for entry in packed_cache.entries())
    yield from (CacheRow("int8", entry.name, entry.size) for entry in calibrations.entries())


def _show(rows: list[CacheRow]) -> None:
    from sdedge.engines.coreml import lora_copies
    from sdedge.engines.openvino import cache as converted
    from sdedge.engines.torch.cpu import packed_cache
    from sdedge.generation import calibrations

    places: dict[str, tuple[Path, str]] = {
        "openvino": (converted.cache_folder(), ""),
        "coreml": (lora_copies.lora_folder(), ", of which a part is shared"),
        "packed": (packed_cache.packed_folder(), f", of {size_in_words(packed_cache.choice().limit)} at most"),
        "int8": (calibrations.calibration_folder(), ""),
    }
    for kind, (folder, note) in places.items():
        own = [row for row in rows if row.kind == kind]
        for row in own:
            echo(f"{row.name}  {size_in_words(row.bytes)}")
        if own or kind == "openvino":
            echo(f"{size_in_words(sum(row.bytes for row in own))} in {folder}{note}")
    echo(packed_cache.state_in_words())
