"""`sdedge models available | get | downloads | token`: models from the Hugging Face Hub into the library."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from sdedge.commands.progress import counting
from sdedge.commands.terminal import echo
from sdedge.errors import ModelError, Remedy, SdedgeError
from sdedge.events import Loading, to_json

if TYPE_CHECKING:
    from sdedge.library.hub_download import HubOffer


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def available(as_json: bool) -> None:
    """List what `sdedge models get` knows by name. Nothing is asked of the network."""
    from sdedge.library.hub_download import installed_entries
    from sdedge.library.hub_entries import ENTRIES

    there = installed_entries()
    for entry in ENTRIES:
        if as_json:
            record = {"name": entry.name, "role": entry.role, "repository": entry.repository, "text": entry.text}
            echo(json.dumps({**record, "known_from": entry.known_from, "installed": there.get(entry.name)}))
        else:
            mark = "*" if entry.name in there else " "
            echo(f"{mark} {entry.name:<25} {entry.role:<10} {entry.repository}\n    {entry.text}")


@click.command()
@click.argument("address")
@click.option("--name", default="", help="Name in the library.")
@click.option("--edition", default="", help="Which of several: half, full, or a file of the repository.")
@click.option("--revision", default="", help="A branch, tag or commit of the repository; main by default.")
@click.option(
    "--token", help="Access token for gated repositories; HF_TOKEN, the keyring and `hf auth login` serve too."
)
@click.option("--accept-license", is_flag=True, help="Record that you read and accept the licence.")
@click.option("--dry-run", is_flag=True, help="Only show what there is: sizes, licence, editions.")
@click.option("--json", "as_json", is_flag=True, help="One JSON event per line.")
def get(
    address: str, name: str, edition: str, revision: str, token: str | None, accept_license: bool, dry_run: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Download a model from the Hugging Face Hub into the library: ADDRESS is a name of `sdedge models available`,
    OWNER/NAME, OWNER/NAME/FILE, or what the browser shows. A call after one that broke off goes on where that stopped."""
    from sdedge.library import hub_download
    from sdedge.library.hub_tokens import find_token

    with failure_events(as_json):
        token = token or find_token()
        offered = hub_download.offer(address, token, name, revision)
        chosen = offered.edition(edition)
        _show(offered, chosen.key, as_json)
        if dry_run:
            return
        _accept(offered, accept_license)

        def phase(text: str) -> None:
            if as_json:
                echo(to_json(Loading(text)))

        with counting("Downloading", as_json) as progress:
            added, role = hub_download.get(offered, chosen, token, progress, phase)
        if as_json:
            echo(json.dumps({"event": "Added", "name": added, "role": role}))
        else:
            echo(f"Added {added} ({role})")


@click.command()
@click.option("--discard", metavar="ADDRESS", help="Delete what has come of one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def downloads(discard: str | None, as_json: bool) -> None:
    """Show the downloads that were paused or broke off; `sdedge models get` goes on with them."""
    from sdedge.library import hub_download

    if discard is not None:
        if not hub_download.discard(discard):
            raise ModelError(f"There is no unfinished download of {discard!r}; look at the list of them.")
        echo(f"Deleted what has come of {discard}")
        return
    unfinished = hub_download.unfinished()
    if not unfinished and not as_json:
        echo("There are none.")
    for left in unfinished:
        echo(json.dumps(vars(left)) if as_json else f"{left.wanted}  {left.done / 1e6:.0f} of {left.size / 1e6:.0f} MB")


@click.command()
@click.option("--forget", is_flag=True, help="Take it out of the keyring.")
def token(forget: bool) -> None:
    """Keep an access token of the Hugging Face Hub in the system's keyring; it is asked for, or read from standard input."""
    from sdedge.library import hub_tokens

    if forget:
        echo("Forgotten." if hub_tokens.forget_token() else "The keyring holds none.")
        return
    typed = click.prompt("Token", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline(1000)
    if not hub_tokens.keep_token(typed):
        raise ModelError(
            "There is no keyring that the system locks, and a token goes into no file; set HF_TOKEN for each call."
        )
    echo("The keyring holds it now.")


@contextmanager
def failure_events(as_json: bool) -> Iterator[None]:
    """Says a failure as an event too, so that who reads them need not read sentences."""
    try:
        yield
    except SdedgeError as error:
        if as_json:
            remedy = error.remedy.name if isinstance(error.remedy, Remedy) else ""
            echo(json.dumps({"event": "Failed", "message": str(error), "remedy": remedy, "field": error.field}))
        raise


def _show(offered: HubOffer, chosen: str, as_json: bool) -> None:
    if as_json:
        echo(json.dumps(_event(offered)))
        return
    licence = offered.licence or "not named"
    echo(f"{offered.address} at {offered.repository.commit[:12]}: licence {licence}, {offered.page}", err=True)
    for edition in offered.editions:
        mark = "*" if edition.key == chosen else " "
        echo(f"{mark} {edition.key}  {edition.size / 1e6:.1f} MB{'  (pickle)' if edition.pickled else ''}", err=True)


def _event(offered: HubOffer) -> dict[str, Any]:
    editions = [
        {"key": edition.key, "size": edition.size, "pickled": edition.pickled, "file": edition.is_file}
        for edition in offered.editions
    ]
    return {
        "event": "Offer", "wanted": offered.wanted, "name": offered.name, "role": offered.role,
        "repository": offered.repository.name, "commit": offered.repository.commit, "page": offered.page,
        "licence": offered.licence, "licence_page": offered.licence_page, "accepted": offered.accepted,
        "gated": offered.repository.gated, "editions": editions,
    }  # fmt: skip


def _accept(offered: HubOffer, accepted: bool) -> None:
    """Records that the licence was accepted, asking at a terminal. Raises ModelError without it."""
    from sdedge.library.hub_download import opened_library

    if offered.accepted:
        return
    if not accepted and sys.stdin.isatty():
        echo(f"It is under the licence {offered.licence}: {offered.licence_page}", err=True)
        accepted = click.confirm("Have you read it and do you accept it?", err=True)
    if not accepted:
        raise ModelError(
            f"{offered.address} is under the licence {offered.licence}, see {offered.licence_page}; {Remedy.ACCEPT_FIRST}.",
            remedy=Remedy.ACCEPT_FIRST,
        )
    with opened_library() as library:
        library.accept(offered.licence)
