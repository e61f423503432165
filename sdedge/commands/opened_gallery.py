"""The gallery as the commands use it: opened, and a picture of it by number or path."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import click

from sdedge.commands.terminal import echo, note
from sdedge.errors import InvalidRequest
from sdedge.library.gallery import Gallery, GalleryEntry
from sdedge.library.gallery_scan import rescan as rescan_files
from sdedge.places import expanded

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@contextlib.contextmanager
def open_gallery() -> Iterator[Gallery]:
    """The gallery of the app's data folder; one that was made anew finds its pictures first."""
    from sdedge.library.store import open_store

    with open_store() as store:
        for said in store.notes:
            note(said)
        gallery = Gallery(store)
        if gallery.needs_rescan:
            echo("note: finding the pictures again from their files", err=True)
            rescan_files(gallery)
        yield gallery


def entry_of(gallery: Gallery, picture: str) -> GalleryEntry:
    """The picture of a number or a path. Raises SdedgeError or InvalidRequest."""
    if picture.isdecimal():
        return gallery.get(int(picture))
    entry = gallery.find(expanded(picture))
    if entry is None:
        raise InvalidRequest(f"{picture} is not in the gallery; adopt its folder with `sdedge gallery rescan FOLDER`.")
    return entry
