"""Settings out of a picture or a text, before the form takes them: no path in them is opened, looked at or taken over. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.library.gallery import GalleryEntry
from sdedge.request import Request

if TYPE_CHECKING:
    from sdedge.images.metadata_fields import Metadata

PICTURES = ("image", "mask")


@dataclass(frozen=True)
class Restored:
    """A request that names nothing but what is installed, and the fields that the form is to `keep`. `model` is the one it
    was drawn with, where that is not here; `vae`, `loras` and `pictures` are what else was left out, or is looked up by its
    name alone."""

    request: Request
    keep: tuple[str, ...] = ()
    model: str = ""
    vae: str = ""
    loras: tuple[str, ...] = ()
    pictures: bool = False
    notes: tuple[str, ...] = ()


def from_metadata(metadata: Metadata) -> Restored:
    """Returns what a picture's file or a pasted text says of its making.

    Raises InvalidRequest for settings that are no request.
    """
    hashes = {"model": metadata.details.get("Model hash"), "vae": metadata.details.get("VAE hash")}
    return _restored(
        metadata.fields, {name: hash for name, hash in hashes.items() if isinstance(hash, str)}, metadata.notes
    )


def from_entry(entry: GalleryEntry) -> Restored:
    """Returns what the gallery knows of a picture. One that was drawn by a job of ours has its person's own paths; any other
    was found in a folder, and says what its maker wanted; what of that could not be taken over is in the notes. Raises
    InvalidRequest for a request of a later version."""
    if entry.job is None and entry.source not in ("", "sdedge") and (metadata := _read(entry)) is not None:
        return from_metadata(metadata)
    request = entry.request
    if entry.job is not None:
        return Restored(request)
    fields = {
        name: value for name, value in vars(request).items() if value != getattr(Request, name, None) or name == "model"
    }
    return _restored(fields, {"model": entry.model_hash} if entry.model_hash else {}, ())


def _read(entry: GalleryEntry) -> Metadata | None:
    """Returns what the picture's own file says; None where it is gone, damaged or says nothing any more."""
    from sdedge.images.metadata import read

    try:
        metadata = read(entry.path)
    except (SdedgeError, OSError):
        return None
    return metadata if metadata.source else None


def _restored(fields: Mapping[str, Any], hashes: Mapping[str, str], notes: tuple[str, ...]) -> Restored:
    from sdedge.library.safe_settings import library_names, safe_settings, unconfirmed_paths

    paths = unconfirmed_paths(fields)
    safe, _ = safe_settings(fields, library_names, hashes=hashes)
    return Restored(
        _request(safe),
        keep=() if "model" in safe else ("model",),
        model=fields["model"] if "model" in fields and "model" not in safe else "",
        vae=fields["vae"] if fields.get("vae") and "vae" not in safe else "",
        loras=paths.get("lora", ()),
        pictures=any(fields.get(name) is not None for name in PICTURES),
        notes=notes,
    )


def _request(fields: Mapping[str, Any]) -> Request:
    """Without the picture to start from, what was said about it counts for nothing."""
    try:
        return Request(**fields)
    except InvalidRequest as error:
        if error.field not in fields:
            raise
        return _request({name: value for name, value in fields.items() if name != error.field})
