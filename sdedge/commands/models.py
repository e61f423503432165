"""`sdedge models …` and `sdedge tokenizer …`: the library from the command line."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from sdedge.commands import hub
from sdedge.commands.cache import cache
from sdedge.commands.model_adapters import add_adapter, list_adapters, remove_adapter
from sdedge.commands.model_copies import export, merge, quantize
from sdedge.commands.model_facts import describe, size_in_words
from sdedge.commands.model_notes import note
from sdedge.commands.progress import counting
from sdedge.commands.terminal import echo
from sdedge.errors import ModelError
from sdedge.field_types import Flag

if TYPE_CHECKING:
    from sdedge.library.models import Library, Model
    from sdedge.weights.files import LazyTensor


@click.group()
def models() -> None:
    """Install, list, check and export models."""


for command in (cache, note, export, merge, quantize, hub.available, hub.get, hub.downloads, hub.token):
    models.add_command(command)


@models.command()
@click.argument("path")
@click.option("--name", help="Its name; the file's by default.")
@click.option("--link", is_flag=True, help="Leave the files of a model where they are instead of copying them.")
@click.option("--base", default="", help="Version it was made from, such as v1-5; guessed by default.")
@click.option("--source", default="", help="Where it came from, for your own records.")
@click.option("--license", "licence", help="Its licence; by default the one that its files name.")
@click.option("--accept-license", is_flag=True, help="Record that you read and accept the licence.")
@click.option("--json", "as_json", is_flag=True, help="One JSON event per line.")
def add(
    path: str, name: str | None, link: bool, base: str, source: str, licence: str | None, accept_license: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Install what is at PATH: a model or VAE as a checkpoint file, a diffusers folder or one in the Hugging Face cache,
    a converted bundle, a control model, an upscaler, a detector, the image encoder of IP-Adapters, a LoRA or an embedding."""
    from sdedge.library.adapters import recognise

    if role := recognise(path):
        of_models = {
            "--link": link,
            "--base": base,
            "--source": source,
            "--license": licence,
            "--accept-license": accept_license,
        }
        add_adapter(path, role, name, [option for option, value in of_models.items() if value], as_json)
        return
    with _library() as library:
        _add(library, path, name, link, base, source, licence, accept_license, as_json)


def _add(
    library: Library, path: str, name: str | None, link: bool, base: str, source: str, licence: str | None, accepted: bool,
    as_json: bool = False,
) -> None:  # fmt: skip
    with counting("Hashing" if link else "Copying", as_json) as progress:
        model = library.add(path, name, link=link, base=base, source=source, licence=licence, progress=progress)
    if as_json:
        echo(json.dumps({"event": "Added", **_record(model)}))
        if accepted:
            library.accept(model.licence)
        return
    echo(f"Added {model.name} ({_what(model)}, {size_in_words(model.size)}" + _hash_note(model) + ")")
    if not model.licence and model.base:
        model = _ask_which(library, model)
    ask_licence(library, model.licence, accepted)


def _ask_which(library: Library, model: Model) -> Model:
    """Say that a model names no licence; on a terminal, ask for it."""
    from sdedge.library.licences import OPENRAIL

    echo(
        f"Its files name no licence. Models trained from Stable Diffusion v1 carry the use restrictions of {OPENRAIL}; where it "
        f"comes from says which it is under.",
        err=True,
    )
    if sys.stdin.isatty():
        licence = click.prompt("Its licence (Enter for not known)", default="", show_default=False, err=True)
        return library.set_licence(model.name, licence)
    echo(f"Say it with `sdedge models license {model.name} LICENCE`.", err=True)
    return model


def ask_licence(library: Library, licence: str, accepted: bool = False) -> None:
    """Show a licence with conditions and record its acceptance, asked for on a terminal; later without one."""
    from sdedge.library.licences import LICENCE_PAGES

    if not library.needs_acceptance(licence):
        return
    echo(
        f"Its weights are under the {licence} licence: {LICENCE_PAGES[licence]}\n"
        "It allows use and sharing, also commercial, and forbids the uses listed in its Attachment A;"
        " these restrictions apply to you and go along with every copy.",
        err=True,
    )
    if not accepted and sys.stdin.isatty():
        accepted = click.confirm("Have you read it and do you accept it?", err=True)
    if accepted:
        library.accept(licence)
    else:
        echo("Before first use: `sdedge models accept NAME`.", err=True)


@models.command()
@click.argument("name")
def accept(name: str) -> None:
    """Record that you read and accept the licence of a model."""
    with _library() as library:
        model = library.find(name)
        if not model.licence:
            raise ModelError(
                f"The licence of {name!r} is not known; say which it is with `sdedge models license {name} LICENCE`."
            )
        library.accept(model.licence)
        echo(f"Accepted: {model.licence}")


@models.command("license")
@click.argument("name")
@click.argument("licence", required=False)
def show_licence(name: str, licence: str | None) -> None:
    """Show the licence of a model, or record that it is under LICENCE ("" for not known)."""
    with _library() as library:
        model = library.find(name) if licence is None else library.set_licence(name, licence)
        echo(model.licence or "not known")
        if licence is not None:
            ask_licence(library, model.licence)


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def list_models(as_json: bool) -> None:
    """Show what is installed."""
    with _library() as library:
        default = library.default
        if not as_json:
            mark = "*" if default == "pocket" else " "
            echo(f"{mark} pocket  (embedded)")
        for model in library.models():
            if as_json:
                echo(json.dumps(_record(model)))
                continue
            mark = "*" if model.name == default else " "
            state = "" if os.path.exists(model.path) else "  MISSING"
            echo(f"{mark} {model.name}  {_described(model)}, {size_in_words(model.size)}{_hash_note(model)}{state}")
    list_adapters(as_json)


@models.command()
@click.argument("name")
def info(name: str) -> None:
    """Show everything about an installed model, or about the model file or folder at a path."""
    from sdedge.engines.open import locate
    from sdedge.library.models import EMBEDDED

    with _library() as library:
        if name == EMBEDDED or os.path.exists(name):
            record = describe(str(locate(name)))
        else:
            model = library.find(name)
            known = {**_record(model), "size": size_in_words(model.size), "linked": Flag().format(model.linked)}
            record = {**known, **describe(str(model.path))}
    for key, value in record.items():
        for line in value if isinstance(value, list) else [value]:
            echo(f"{key.replace('_', ' '):>16}  {line}")


@models.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove a model from the library, with its files if they were copied in, or a LoRA or an embedding."""
    with _library() as library:
        if name not in {model.name for model in library.models()} and remove_adapter(name):
            return
        model = library.remove(name)
        echo(f"Removed {model.name}" + (f"; its files stay at {model.path}" if model.linked else ""))


@models.command()
@click.argument("name", required=False)
@click.option("--weights", is_flag=True, help="Also look for NaN and infinite weights.")
@click.option("--json", "as_json", is_flag=True, help="One JSON event per line.")
def verify(name: str | None, weights: bool, as_json: bool) -> None:
    """Hash models again and compare with what was added; all of them without NAME, which may also be a LoRA's or an
    embedding's: these are read whole."""
    faults = 0
    with _library() as library:
        for label, differences in _verified(library, name, weights, as_json):
            faults += len(differences)
            if as_json:
                echo(json.dumps({"event": "Verified", "name": label, "faults": differences}))
                continue
            for fault in differences or ["as it was added"]:
                echo(f"{label}: {fault}")
    if faults:
        raise ModelError(f"{faults} faults found; get the models named above again.")


def _verified(library: Library, name: str | None, weights: bool, as_json: bool) -> Iterator[tuple[str, list[str]]]:
    from sdedge.library.adapters import faults_of, installed

    models = library.models()
    known = {model.name for model in models}
    if name and name not in known and (adapters := [adapter for adapter in installed() if adapter.name == name]):
        yield from ((adapter.name, faults_of(adapter)) for adapter in adapters)
        return
    for model in [library.find(name)] if name else models:
        with counting(f"Verifying {model.name}", as_json) as progress:
            faults = library.verify(model.name, progress)
        if weights and not faults:
            faults = _broken_weights(model)
        yield model.name, faults


def _broken_weights(model: Model) -> list[str]:
    from sdedge.weights.checkpoint import find_broken

    opened = _opened_weights(model)
    return [
        f"{part}: {broken} has NaN or infinite values"
        for part, tensors in opened.items()
        for broken in find_broken(tensors)
    ]


def _opened_weights(model: Model) -> Mapping[str, Mapping[str, LazyTensor]]:
    """Returns the tensors of each part of an installed model."""
    from sdedge.weights.checkpoint import open_checkpoint, open_vae
    from sdedge.weights.control import open_control
    from sdedge.weights.detector import open_detector
    from sdedge.weights.hint_network import HintNetwork, open_hint_network
    from sdedge.weights.image_encoder import KIND, open_image_encoder
    from sdedge.weights.upscaler import open_upscaler

    if model.role == "model":
        return open_checkpoint(model.path).components
    if model.role == "vae":
        return {"vae": open_vae(model.path)[0]}
    if model.role in ("upscaler", "detector"):
        file = open_upscaler(model.path) if model.role == "upscaler" else open_detector(model.path)
        return {model.kind: file.tensors}
    if model.kind in tuple(HintNetwork):
        return {model.kind: open_hint_network(model.path)}
    opened = open_image_encoder(model.path) if model.kind == KIND else open_control(model.path)
    return {model.kind: opened.tensors}


@models.command()
@click.argument("name", required=False)
def default(name: str | None) -> None:
    """Show or choose the model that is used when a request names none; `pocket` is the embedded one."""
    with _library() as library:
        if name:
            library.set_default(name)
        echo(library.default)


@models.command()
@click.argument("repository")
@click.option("--name", help="Name in the library.")
@click.option("--revision", default="main", show_default=True)
@click.option("--variant", help="Such as fp16: half the download.")
@click.option(
    "--token", envvar="HF_TOKEN", help="Access token for gated repositories; HF_TOKEN or `hf auth login` serve too."
)
@click.option("--accept-license", is_flag=True, help="Record that you read and accept the licence.")
def fetch(
    repository: str, name: str | None, revision: str, variant: str | None, token: str | None, accept_license: bool
) -> None:
    """Download a model such as CompVis/stable-diffusion-v1-4 from the Hugging Face Hub and install it."""
    from sdedge.weights.fetch import fetch as download

    folder = download(repository, revision, variant, token)
    with _library() as library:
        _add(library, str(folder), name or repository.rpartition("/")[2], True, "", repository, None, accept_license)


@click.group()
def tokenizer() -> None:
    """CLIP's vocabulary, which single-file models need."""


@tokenizer.command()
@click.argument("path", required=False)
def install(path: str | None) -> None:
    """Install CLIP's vocabulary once, from PATH or, without one, out of the open_clip_torch wheel through pip."""
    from sdedge.text.vocabulary import install as put

    echo(put(path))


@contextlib.contextmanager
def _library() -> Iterator[Library]:
    from sdedge.library.models import Library

    library = Library()
    try:
        yield library
    finally:
        library.close()


def _record(model: Model) -> dict[str, Any]:
    record = {**vars(model), "path": str(model.path), "short_hash": model.short_hash}
    return {key: value for key, value in record.items() if value is not None}


def _what(model: Model) -> str:
    """Returns what a model is made for, or what it is where it works on any picture."""
    return model.base or _described(model)


def _described(model: Model) -> str:
    """Returns what it is, and the version it was made from or its network."""
    from sdedge.library.model_kinds import KINDS, kind_in_words

    more = model.base or ("" if model.kind in KINDS else model.kind)
    return ", ".join(filter(None, (kind_in_words(model.role, model.kind, model.path), more)))


def _hash_note(model: Model) -> str:
    return f", {model.short_hash}" if model.short_hash else ""
