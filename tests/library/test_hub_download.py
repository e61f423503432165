"""Models from a stand-in hub into the library: whole or not at all, whatever the hub and the disk do. No network."""

from __future__ import annotations

import json
import os
import struct
import threading
import time
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save

from sdedge.cli import cli
from sdedge.errors import InvalidRequest, ModelError, OutputError, Remedy
from sdedge.library import hub_download
from sdedge.library.adapters import find_lora
from sdedge.library.hub_download import discard, get, offer, unfinished
from sdedge.library.hub_entries import ENTRIES
from sdedge.library.models import Library
from sdedge.places import data_folder
from sdedge.weights import download
from sdedge.weights.hub import look_up, parse_address
from sdedge.weights.lora import open_lora
from tests.conftest import cases
from tests.stand_in_hub import TOKEN, Repository, serving

CUT = 20_000
MODULE = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
LORA = save({f"{MODULE}.lora_down.weight": torch.ones(4, 320), f"{MODULE}.lora_up.weight": torch.ones(320, 4)})
NAME = "stable-diffusion-v1-5/stable-diffusion-v1-5"


@pytest.fixture(scope="session")
def files(tiny_model) -> dict[str, bytes]:
    """A narrow model of v1's shape, as a repository has its files."""
    paths = [path for path in tiny_model.rglob("*") if path.is_file()]
    return {path.relative_to(tiny_model).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def hub(files, monkeypatch):
    """A hub with a narrow model in place of v1-5."""
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(download, "_PAUSE", 0.0)
    monkeypatch.setattr(download, "_PIECE", 10_000)
    with serving() as answers:
        answers.repositories[NAME] = Repository(dict(files))
        monkeypatch.setenv("HF_ENDPOINT", answers.url)
        yield answers


def fetch(wanted: str = "v1-5", edition: str = "", **how):
    offered = offer(wanted, **{key: value for key, value in how.items() if key in ("token", "name")})
    return get(offered, offered.edition(edition), how.get("token"))


def largest(files: dict[str, bytes]) -> str:
    """The first of the weights that come."""
    return max((path for path in files if path.endswith(".safetensors")), key=lambda path: len(files[path]))


def models() -> list[str]:
    library = Library()
    try:
        return [model.name for model in library.models()]
    finally:
        library.close()


def left_over() -> list[str]:
    """What lies about of downloads and of installations, but for locks."""
    folders = (data_folder() / "downloads", data_folder() / "models")
    return sorted(
        path.name for folder in folders if folder.is_dir() for path in folder.iterdir() if path.suffix != ".lock"
    )


@pytest.mark.slow
def test_a_model_comes_whole_with_its_licence_source_and_revision(hub, files):
    assert fetch() == ("v1-5", "model")
    library = Library()
    model = library.find("v1-5")
    assert (model.licence, model.linked, model.base) == ("CreativeML OpenRAIL-M", False, "v1-5")
    assert model.source == f"{NAME}@{'c' * 12}" and not library.verify("v1-5")
    with pytest.raises(ModelError, match="use restrictions"):
        library.locate("v1-5")
    library.close()
    assert left_over() == ["v1-5"]
    with pytest.raises(ModelError) as taken:
        fetch()
    assert taken.value.remedy is Remedy.OTHER_NAME


@pytest.mark.slow
def test_a_connection_that_breaks_off_again_and_again_is_continued_from_each_place(hub, files):
    hub.cut = CUT
    assert fetch() == ("v1-5", "model")
    wanted = hub.ranges_of(largest(files))
    assert wanted[0] is None and wanted[1:] == [f"bytes={CUT * n}-" for n in range(1, len(wanted))] and len(wanted) > 5


def test_halves_of_two_revisions_are_never_joined(hub, files, monkeypatch):
    """The file has the same name and length in the second one."""
    broken_off(hub, monkeypatch)
    path = largest(files)
    second = bytearray(files[path])
    second[-1] ^= 1
    text = "unet/config.json"
    changed = {path: bytes(second), text: files[text] + b" "}
    hub.repositories[NAME] = Repository({**files, **changed}, commit="d" * 40)
    hub.seen.clear()
    fetch()
    assert (data_folder() / "models" / "v1-5" / text).read_bytes() == changed[text]
    assert hub.ranges_of(path) == [None]
    assert (data_folder() / "models" / "v1-5" / path).read_bytes() == second


def broken_off(hub, monkeypatch) -> None:
    """Leaves a download of which a part of the UNet is there."""
    hub.cut, hub.ranges = CUT, False
    monkeypatch.setattr(download, "_ATTEMPTS", 1)
    with pytest.raises(ModelError, match="it goes on from there"):
        fetch()
    hub.cut, hub.ranges = 0, True
    assert models() == []
    (left,) = unfinished()
    assert (left.wanted, left.edition) == ("v1-5", "full") and CUT <= left.done < left.size


def test_what_was_paused_goes_on_where_the_data_folder_is_a_link(hub, files, monkeypatch, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk", target_is_directory=True)
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "link"))
    broken_off(hub, monkeypatch)
    hub.seen.clear()
    fetch()
    assert hub.ranges_of("unet/config.json") == [] and hub.ranges_of(largest(files)) == [f"bytes={CUT}-"]


@pytest.mark.slow
def test_what_was_paused_goes_on_or_is_deleted(hub, files, monkeypatch):
    broken_off(hub, monkeypatch)
    hub.seen.clear()
    fetch()
    assert hub.ranges_of(largest(files)) == [f"bytes={CUT}-"]
    assert unfinished() == [] and left_over() == ["v1-5"]
    assert not discard("v1-5")


@pytest.mark.slow
def test_a_disk_that_is_full_in_the_middle_keeps_what_came(hub, monkeypatch):
    write, room = download.os.fsync, [1]

    def full(descriptor: int) -> None:
        if not room:
            raise OSError(28, "No space left on device")
        write(descriptor)
        if os.fstat(descriptor).st_size > CUT:
            room.clear()

    monkeypatch.setattr(download.os, "fsync", full)
    with pytest.raises(OutputError, match="free some space"):
        fetch()
    room.append(1)
    assert models() == [] and unfinished()[0].done > CUT
    monkeypatch.setattr(download.os, "fsync", write)
    assert fetch() == ("v1-5", "model")


@pytest.mark.slow
def test_too_small_a_disk_is_told_before_anything_comes(hub, monkeypatch):
    monkeypatch.setattr(download.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(OutputError, match="free some space"):
        fetch()
    assert not hub.ranges_of(".safetensors")


@pytest.mark.slow
@pytest.mark.parametrize("nonsense", ["html", "circle", "length", "content", "short", "endless"])
def test_nonsense_in_place_of_a_file_is_told_and_nothing_installed(hub, monkeypatch, nonsense):
    monkeypatch.setattr(download, "_ATTEMPTS", 1)
    hub.repositories[NAME].nonsense = nonsense
    with pytest.raises(ModelError) as raised:
        fetch()
    assert "\n" not in str(raised.value) and models() == []
    hub.repositories[NAME].nonsense = ""
    assert fetch() == ("v1-5", "model")


@pytest.mark.parametrize(
    "nonsense",
    cases(["api-html", "api-circle", "api-endless", "api-json", "api-shape", "api-link"], ["api-html", "api-link"]),
)
def test_nonsense_in_place_of_the_list_is_told_as_that(hub, nonsense):
    hub.repositories[NAME].nonsense = nonsense
    with pytest.raises(ModelError, match="no answer of a hub"):
        offer("v1-5")
    assert left_over() == []


@pytest.mark.slow
def test_a_token_is_wanted_refused_and_goes_to_the_hub_alone(hub):
    hub.repositories[NAME].gated = True
    for token, remedy in ((None, Remedy.TOKEN), ("hf_wrong", Remedy.GIVE_TOKEN)):
        with pytest.raises(ModelError) as raised:
            offer("v1-5", token)
        assert raised.value.remedy is remedy and "hf_wrong" not in str(raised.value)
    assert fetch(token=TOKEN) == ("v1-5", "model")
    with pytest.raises(InvalidRequest, match="not an access token"):
        offer("v1-5", "two words")


def test_a_token_is_not_sent_without_tls_beyond_this_machine(monkeypatch):
    from sdedge.weights.hub import request_headers

    assert "Authorization" in request_headers("https://huggingface.co/x", "hf_x")
    assert "Authorization" in request_headers("http://127.0.0.1:80/x", "hf_x")
    assert "Authorization" not in request_headers("http://example.org/x", "hf_x")


@pytest.mark.slow
def test_what_is_not_v1_is_refused_before_its_weights_come(hub, files):
    xl = json.dumps({"_class_name": "StableDiffusionXLPipeline"}).encode()
    hub.repositories["someone/xl"] = Repository({**files, "model_index.json": xl})
    with pytest.raises(ModelError, match="Stable Diffusion XL"):
        fetch("someone/xl")
    two = {**json.loads(files["unet/config.json"]), "cross_attention_dim": 1024}
    hub.repositories["someone/two"] = Repository({**files, "unet/config.json": json.dumps(two).encode()})
    with pytest.raises(ModelError, match="text width 1024"):
        fetch("someone/two")
    assert not hub.ranges_of(".safetensors") and left_over() == []
    hub.repositories["someone/words"] = Repository({"notes.txt": b"hello"})
    with pytest.raises(ModelError, match="no weights"):
        fetch("someone/words")
    with pytest.raises(ModelError, match="no repository"):
        fetch("someone/else")


@pytest.mark.slow
def test_a_single_file_of_another_family_is_known_by_its_beginning(hub):
    names = {"conditioner.embedders.0.x": {"dtype": "F16", "shape": [4_000_000], "data_offsets": [0, 8_000_000]}}
    header = json.dumps(names).encode()
    file = struct.pack("<Q", len(header)) + header + bytes(8_000_000)
    hub.repositories["someone/big"] = Repository({"big.safetensors": file})
    with pytest.raises(ModelError, match="Stable Diffusion XL"):
        fetch("someone/big")
    assert set(hub.ranges_of("big.safetensors")) == {"bytes=0-7", f"bytes=0-{7 + len(header)}"} and left_over() == []


@pytest.mark.slow
def test_a_lora_by_its_address_is_named_by_its_repository(hub):
    hub.repositories["someone/style"] = Repository({"pytorch_lora_weights.safetensors": LORA, "other.pt": b"x" * 2000})
    url = f"{hub.url}/someone/style/blob/main/pytorch_lora_weights.safetensors"
    assert fetch(url) == ("style", "lora")
    assert (data_folder() / "loras" / "style.safetensors").read_bytes() == LORA and left_over() == []


@pytest.mark.parametrize("stem", ["adapter_model", "style"])
def test_a_lora_of_pefts_comes_with_its_alpha(hub, stem):
    module = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    down, up = torch.ones(4, 320), torch.ones(320, 4)
    lora = save({f"{module}.lora_A.weight": down, f"{module}.lora_B.weight": up})
    config = json.dumps({"r": 4, "lora_alpha": 16}).encode()
    hub.repositories["someone/ink"] = Repository({f"{stem}.safetensors": lora, "adapter_config.json": config})
    assert fetch("someone/ink") == ("ink", "lora")
    (patch,) = open_lora(find_lora("ink")).patches["unet"].values()
    assert torch.equal(patch.delta(torch.zeros(320, 320)), 16.0 * torch.ones(320, 320))
    hub.repositories["someone/wash"] = hub.repositories["someone/ink"]
    if stem == "adapter_model":
        assert fetch(f"{hub.url}/someone/wash/blob/main/adapter_model.safetensors") == ("wash", "lora")


def test_a_name_that_a_lora_has_is_told_before_the_download_or_costs_no_second_one(hub):
    for repository in ("latent-consistency/lcm-lora-sdv1-5", "someone/style"):
        hub.repositories[repository] = Repository({"pytorch_lora_weights.safetensors": LORA})
    fetch("lcm-lora")
    hub.seen.clear()
    for wanted, name in (("lcm-lora", ""), ("someone/style", "lcm-lora")):
        with pytest.raises(ModelError) as taken:
            fetch(wanted, name=name)
        assert taken.value.remedy is Remedy.OTHER_NAME
    assert [path.split("/")[1] for method, path, *_ in hub.seen if method == "GET" and "/resolve/" in path] == [
        "someone"
    ]
    hub.seen.clear()
    assert fetch("someone/style", name="style") == ("style", "lora")
    assert hub.ranges_of(".safetensors") == left_over() == [] and find_lora("style").name == "style.safetensors"


@pytest.mark.slow
def test_editions_are_half_before_full_and_single_files_after(hub, files):
    half = {path.replace(".safetensors", ".fp16.safetensors"): data for path, data in files.items()}
    hub.repositories["x/y"] = Repository({**files, **half, "y.safetensors": b"z" * 2000, "y.ckpt": b"z" * 3000})
    hub.page = 4
    assert [edition.key for edition in offer("x/y").editions] == ["half", "full", "y.safetensors", "y.ckpt"]
    assert [edition.pickled for edition in offer("x/y").editions] == [False, False, False, True]
    with pytest.raises(InvalidRequest, match="choose one of half, full"):
        fetch("x/y", "third")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("CompVis/stable-diffusion-v1-4", ("CompVis/stable-diffusion-v1-4", "", "main")),
        (" https://huggingface.co/a/b/ ", ("a/b", "", "main")),
        ("huggingface.co/a/b/tree/fp16", ("a/b", "", "fp16")),
        ("https://huggingface.co/a/b/resolve/main/x/y%20z.ckpt?download=true", ("a/b", "x/y z.ckpt", "main")),
        ("https://huggingface.co/a/b/blob/refs%2Fpr%2F1/f.pt", ("a/b", "f.pt", "refs/pr/1")),
        ("a/b/f.safetensors", ("a/b", "f.safetensors", "main")),
    ],
)
def test_addresses_are_read_as_people_have_them(text, meant):
    address = parse_address(text)
    assert (address.repository, address.file, address.revision) == meant


@pytest.mark.parametrize("text", ["", "v1", "https://civitai.com/models/1", "a/../b/c", "file:///etc/passwd", "a b/c",
    "https://huggingface.co/datasets/a/b", "a/b/../../c", "-a/b", "civitai.com/models/1", "http://[", "https://hf.co",
    "http://huggingface.co.evil.org/a/b", "a/b\u202e/c"])  # fmt: skip
def test_what_is_no_address_is_refused_without_asking_anybody(text, hub):
    with pytest.raises(InvalidRequest):
        offer(text)
    assert not hub.seen


@pytest.mark.slow
def test_paths_that_lead_out_of_the_folder_are_not_followed(hub):
    evil = {"config.json": b"{}", "../../evil.safetensors": b"x" * 2000, "/etc/evil.safetensors": b"x" * 2000}
    hub.repositories["x/evil"] = Repository(evil)
    for edition in offer("x/evil").editions:
        with pytest.raises(ModelError):
            fetch("x/evil", edition.key)
    assert not list(data_folder().parent.rglob("evil*.safetensors"))


@pytest.mark.slow
def test_the_command_shows_the_licence_and_asks_for_it(hub):
    run = CliRunner().invoke
    shown = run(cli, ["models", "get", "v1-5", "--dry-run", "--json"])
    offered = json.loads(shown.output)
    assert (offered["event"], offered["licence"], offered["accepted"]) == ("Offer", "CreativeML OpenRAIL-M", False)
    assert [edition["key"] for edition in offered["editions"]] == ["full"]
    refused = run(cli, ["models", "get", "v1-5"])
    assert isinstance(refused.exception, ModelError) and "--accept-license" in str(refused.exception)
    assert not hub.ranges_of(".safetensors")
    done = run(cli, ["models", "get", "v1-5", "--accept-license", "--json"])
    events = [json.loads(line) for line in done.output.splitlines()]
    assert events[-1] == {"event": "Added", "name": "v1-5", "role": "model"} and done.exit_code == 0
    assert any(event.get("event") == "Progress" and event["done"] == event["total"] for event in events)
    library = Library()
    assert library.locate("v1-5").is_dir()
    library.close()
    hub.repositories[NAME].gated = True
    failed = [json.loads(line) for line in run(cli, ["models", "get", "v1-4", "--json"]).output.splitlines()]
    assert failed[-1]["event"] == "Failed" and failed[-1]["remedy"] == "GIVE_TOKEN"
    listed = run(cli, ["models", "available"]).output
    assert "* v1-5 " in listed and "  v1-4 " in listed


@pytest.mark.slow
def test_two_do_not_download_one_thing(hub):
    hub.cut, hub.stall = CUT, threading.Event()
    first = threading.Thread(target=fetch)
    first.start()
    while not unfinished() or unfinished()[0].done < CUT:
        time.sleep(0.01)
    with pytest.raises(ModelError, match="another sdedge"):
        fetch()
    with pytest.raises(ModelError, match="end that first"):
        discard("v1-5")
    hub.stall.set()
    first.join()
    assert models() == ["v1-5"]


def test_entries_say_where_they_are_known_from_and_are_named_once():
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)
    for entry in ENTRIES:
        assert entry.known_from and parse_address(entry.repository).repository == entry.repository
        assert entry.role in ("model", "vae", "control", "upscaler", "detector", "lora", "vocabulary")
        assert hub_download.source(entry).startswith(entry.repository)


@pytest.mark.parametrize("address", ["nonsense", "ftp://x", "http://[", "https://x y", "http://"])
def test_an_endpoint_that_is_none_is_told(address, hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(ModelError, match="HF_ENDPOINT"):
        offer("v1-5")


def test_nothing_is_asked_while_downloads_are_forbidden(hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE"):
        look_up(NAME)
    assert not hub.seen
