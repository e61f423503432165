"""`sdedge gallery board …`: named groups of pictures."""

from __future__ import annotations

import json

import click

from sdedge.commands.opened_gallery import as_json, entry_of, open_gallery
from sdedge.commands.terminal import echo
from sdedge.errors import InvalidRequest
from sdedge.library.boards import Boards


@click.command()
@click.argument("name", required=False)
@click.option("--add", "added", multiple=True, metavar="PICTURE", help="Put a picture on it; may be repeated.")
@click.option("--take-off", "taken", multiple=True, metavar="PICTURE", help="Take a picture off it; may be repeated.")
@click.option("--rename", metavar="NEW", help="Give it another name.")
@click.option("--remove", is_flag=True, help="Forget the board; its pictures stay.")
@as_json
def board(
    name: str | None, added: tuple[str, ...], taken: tuple[str, ...], rename: str | None, remove: bool, as_json: bool
) -> None:
    """Make or change the board NAME; without one, list them all. A PICTURE is its number or its path.

    List its pictures with `sdedge gallery search --board NAME`.
    """
    changes = bool(added or taken or rename is not None or remove)
    if name is None and changes:
        raise InvalidRequest(
            "No board is named; say which one is meant, as in `sdedge gallery board holidays --add 12`."
        )
    if remove and (added or taken or rename is not None):
        raise InvalidRequest("A board that is removed cannot be changed as well; leave out --remove or the rest.")
    with open_gallery() as gallery:
        boards = Boards(gallery)
        if name is not None:
            _change(boards, name, [entry_of(gallery, each).id for each in added], rename, remove)
            if taken:
                boards.take_off(rename or name, [entry_of(gallery, each).id for each in taken])
        counts = boards.counts()
    if as_json:
        echo(json.dumps([{"name": each, "pictures": count} for each, count in counts.items()]))
        return
    for each, count in counts.items():
        echo(f"{count:6}  {each}")


def _change(boards: Boards, name: str, added: list[int], rename: str | None, remove: bool) -> None:
    if remove:
        boards.remove(name)
        return
    if rename is not None:
        name = boards.rename(name, rename)
    boards.add(name, added)
