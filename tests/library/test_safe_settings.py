"""Settings out of pictures: nothing in them is opened, statted or used as a path until a person gives it."""

from __future__ import annotations

import json
import os
import sys

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sdedge.commands.generate import generate
from sdedge.commands.requested import requests_of
from sdedge.errors import InvalidRequest
from sdedge.library.safe_settings import is_path, last_part, safe_settings, unconfirmed_paths
from sdedge.passes import Changes, Enlargement, Pass

INSTALLED = {"v1-5": "v1-5", "cc6cb27103": "v1-5", "soft": "soft"}.get
HOSTILE = {
    "prompt": "a <lora:/srv/x/evil.safetensors:0.8> <lora:C:\\x\\bad.pt:1> <lora:fine:0.5> <lora:..:1> cat", "model": "/srv/fifo",
    "vae": "..\\..\\v.pt", "image": "in.png", "mask": "mask.png", "outpaint": (8, 0, 0, 0), "seed": 3,
}  # fmt: skip


def test_what_is_a_path():
    assert all(map(is_path, ("/a", "a/b", "a\\b", "~", "~root/x", "..", "C:x", "\\\\host\\share")))
    assert not any(map(is_path, ("v1-5", "a.b c", "model.safetensors", "家")))
    assert [last_part(path) for path in ("/a/b.CKPT", "C:\\x\\y.pt", "a.b", "/")] == ["b", "y", "a.b", ""]


def test_paths_are_named_by_field():
    assert unconfirmed_paths({"model": "v1-5", "prompt": "a <lora:x:1>"}) == {}
    paths = unconfirmed_paths(HOSTILE)
    assert paths["lora"] == ("/srv/x/evil.safetensors", "C:\\x\\bad.pt", "..")
    assert {name: value for name, value in paths.items() if name != "lora"} == {
        "model": ("/srv/fifo",), "vae": ("..\\..\\v.pt",), "image": ("in.png",), "mask": ("mask.png",),
    }  # fmt: skip


def test_passes_name_no_path_either():
    again = Pass(Changes(prompt="x <lora:/srv/evil.pt:1>", strength=0.5), Enlargement("/srv/x/4x.pth"))
    settings = {"model": "v1-5", "prompt": "x", "passes": (again,)}
    assert unconfirmed_paths(settings) == {"passes": ("/srv/x/4x.pth",), "lora": ("/srv/evil.pt",)}
    safe, notices = safe_settings(settings, INSTALLED)
    assert safe["passes"] == (Pass(Changes(prompt="x <lora:evil:1>", strength=0.5), Enlargement("4x")),)
    assert len(notices) == 2 and all(notice.endswith("opened.") for notice in notices)


def test_only_what_is_installed_stays():
    safe, notices = safe_settings(HOSTILE, INSTALLED)
    assert safe == {"prompt": "a <lora:evil:0.8> <lora:bad:1> <lora:fine:0.5>  cat", "seed": 3}
    assert len(notices) == 8 and all(notice.endswith(".") for notice in notices)
    assert safe_settings({"model": "v1-5"}, INSTALLED) == ({"model": "v1-5"}, ())
    assert safe_settings({"model": "/a/v1-5.ckpt"}, INSTALLED)[0] == {"model": "v1-5"}
    assert safe_settings({"model": "renamed"}, INSTALLED, hashes={"model": "cc6cb27103"})[0] == {"model": "v1-5"}
    assert safe_settings({**HOSTILE, "prompt": ""}, INSTALLED, named_fields={"model", "vae", "image", "mask"}) == (
        {"prompt": "", "outpaint": (8, 0, 0, 0), "seed": 3}, (),
    )  # fmt: skip
    assert safe_settings(safe, INSTALLED) == (safe, ())


OPTIONS = {param.name: None for param in generate.params} | {"count": 1, "options": (), "styles": ()}


def picture(path, **fields):
    info = PngInfo()
    info.add_itxt("sdedge", json.dumps({"sdedge": "1", "request": fields}))
    Image.new("RGB", (64, 64)).save(path, pnginfo=info)
    return path


def test_like_opens_nothing_that_the_picture_names(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "home"))
    touched: list[str] = []

    def hook(event: str, args: tuple[object, ...]) -> None:
        if event in ("open", "os.listdir", "os.scandir"):
            touched.append(str(args[0]))

    sys.addaudithook(hook)
    stat = os.stat
    monkeypatch.setattr(os, "stat", lambda path, *a, **k: (touched.append(str(path)), stat(path, *a, **k))[1])
    trap = f"{tmp_path}/trap"
    fields = {
        "prompt": f"a <lora:{trap}/l:1>",
        "image": f"{trap}/i",
        "mask": f"{trap}/m",
        "vae": f"{trap}/v",
        "seed": 4,
    }
    (request,) = requests_of(None, {**OPTIONS, "like": picture(tmp_path / "a.png", **fields)})
    assert (request.image, request.mask, request.vae, request.seed, request.prompt) == (
        None,
        None,
        None,
        4,
        "a <lora:l:1>",
    )
    assert capsys.readouterr().err.count("note: ") == 4
    with pytest.raises(InvalidRequest, match="not installed; choose one with --model"):
        requests_of(None, {**OPTIONS, "like": picture(tmp_path / "b.png", prompt="a", model=trap)})
    assert touched and not [path for path in touched if "trap" in path]


def test_what_the_person_types_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "home"))
    like = picture(tmp_path / "a.png", prompt="a", model="/x", image="/y", outpaint=[8, 0, 0, 0])
    (request,) = requests_of("b", {**OPTIONS, "like": like, "model": "/mine", "image": "in.png"})
    assert (request.prompt, request.model, request.image, request.outpaint) == ("b", "/mine", "in.png", (8, 0, 0, 0))
