"""`sdedge models` and `sdedge tokenizer` as a person uses them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import unicodedata
from importlib.resources import files
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file, save_file

from sdedge.commands.models import models, tokenizer
from sdedge.commands.tokens import tokens
from sdedge.errors import InvalidRequest, ModelError
from sdedge.library import adapters
from sdedge.library.manifest import BundleComponent, Manifest, Port
from sdedge.text.wildcards import resolve
from tests.weights.conftest import Tiny, tiny  # noqa: F401


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(models, [str(argument) for argument in arguments])


def test_a_models_life(tiny: Tiny, tmp_path: Path) -> None:
    save_file(tiny.ldm(), tmp_path / "sd-v1-4.safetensors")
    added = run("add", tmp_path / "sd-v1-4.safetensors", "--name", "mine")
    assert "name no licence" in added.output and "sdedge models license mine LICENCE" in added.output
    assert run("remove", "mine").exit_code == 0
    added = run("add", tmp_path / "sd-v1-4.safetensors", "--name", "mine", "--license", "creativeml-openrail-m")
    assert added.exit_code == 0 and "Added mine (v1-4" in added.output
    for said in ("CreativeML OpenRAIL-M", "huggingface.co/spaces/CompVis/stable-diffusion-license", "Attachment A"):
        assert said in added.output
    refused = run("export", "mine", tmp_path / "out.safetensors")
    assert isinstance(refused.exception, ModelError) and "sdedge models accept" in str(refused.exception)
    assert run("accept", "mine").exit_code == 0
    second = run("add", tmp_path / "sd-v1-4.safetensors", "--name", "second", "--link")
    assert "name no licence" in second.output and "Attachment A" not in second.output
    assert run("license", "second").output == "not known\n"
    assert "Attachment A" not in run("license", "second", "CreativeML Open RAIL-M").output  # accepted already
    assert run("license", "second").output == "CreativeML OpenRAIL-M\n"
    assert run("export", "mine", tmp_path / "out.safetensors", "--dtype", "float16").exit_code == 0
    halved = load_file(tmp_path / "out.safetensors")["model.diffusion_model.out.2.weight"]
    assert (halved == tiny.unet["conv_out.weight"].half()).all()
    exported = run("export", "mine", tmp_path / "folder")
    assert (
        "run `sdedge tokenizer install`" in exported.output and (tmp_path / "folder" / "unet" / "config.json").is_file()
    )
    records = [json.loads(line) for line in run("list", "--json").output.splitlines()]
    assert [record["name"] for record in records] == ["mine", "second"]
    assert records[0]["short_hash"] in run("list").output
    assert run("default", "mine").output == run("default").output == "mine\n"
    assert "* mine" in run("list").output
    shown = run("info", "mine").output
    assert "parameters" in shown and "epsilon" in shown and "ldm safetensors" in shown
    assert re.search(r"linked  no\n", shown) and re.search(r"size  [\d.]+ MB\n", shown) and "text encoder" in shown
    assert "as it was added" in run("verify", "mine", "--weights").output
    assert run("remove", "mine").output == "Removed mine\n"
    assert "its files stay" in run("remove", "second").output
    assert run("list").output == "* pocket  (embedded)\n"


def test_faults_are_found(tiny: Tiny, tmp_path: Path) -> None:
    state = tiny.ldm()
    state["model.diffusion_model.out.2.bias"][0] = float("nan")
    save_file(state, tmp_path / "m.safetensors")
    state["model.diffusion_model.out.2.bias"][0] = 0
    run("add", tmp_path / "m.safetensors", "--link", "--license", "mine")
    assert run("verify").exit_code == 0
    broken = run("verify", "m", "--weights")
    assert "conv_out.bias has NaN" in broken.output and isinstance(broken.exception, ModelError)
    (tmp_path / "m.safetensors").write_bytes(b"x")
    assert "has 1 bytes" in run("verify", "m").output
    (tmp_path / "m.safetensors").unlink()
    assert "MISSING" in run("list").output


def test_tokenizer_install_says_what_is_wrong(tmp_path: Path) -> None:
    failed = CliRunner().invoke(tokenizer, ["install", str(tmp_path / "nothing")])
    assert isinstance(failed.exception, ModelError) and "no vocabulary at" in str(failed.exception)


def kohya_lora(path: Path) -> Path:
    stem = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    pieces = {"lora_down.weight": torch.randn(4, 16), "lora_up.weight": torch.randn(16, 4), "alpha": torch.tensor(4.0)}
    save_file({f"{stem}.{name}": tensor for name, tensor in pieces.items()}, path)
    return path


def test_loras_and_embeddings_go_where_prompts_find_them(tmp_path: Path) -> None:
    save_file({"<cat>": torch.randn(2, 768)}, tmp_path / "cat.safetensors")
    assert "Added the LoRA ink" in run("add", kohya_lora(tmp_path / "ink.safetensors")).output
    assert "Added the embedding cat" in run("add", tmp_path / "cat.safetensors").output
    assert [(extra.name, extra.role) for extra in adapters.installed()] == [("ink", "lora"), ("cat", "embedding")]
    assert adapters.find_lora("ink").read_bytes() == (tmp_path / "ink.safetensors").read_bytes()
    assert run("verify", "ink").output == "ink: as it was added\n" and run("verify", "cat").exit_code == 0
    weights = load_file(adapters.find_lora("ink"))
    weights[next(name for name in weights if "lora_down" in name)][0, 0] = float("nan")
    save_file(weights, adapters.find_lora("ink"))
    assert "has NaN or infinite values" in run("verify", "ink").output
    again = run("add", tmp_path / "ink.safetensors")
    assert isinstance(again.exception, ModelError) and "already" in str(again.exception)


def peft_lora(folder: Path) -> Path:
    folder.mkdir(parents=True)
    module = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    pieces = {f"{module}.lora_A.weight": torch.randn(4, 16), f"{module}.lora_B.weight": torch.randn(16, 4)}
    save_file(pieces, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text('{"r": 4, "lora_alpha": 16}')
    return folder / "adapter_model.safetensors"


def test_a_lora_of_pefts_is_named_by_its_folder_from_inside_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(peft_lora(tmp_path / "my-style").parent)
    assert "Added the LoRA my-style" in run("add", "adapter_model.safetensors").output
    assert [extra.name for extra in adapters.installed()] == ["my-style"]


def test_a_lora_of_pefts_without_its_configuration_is_named_by_its_file(tmp_path: Path) -> None:
    lora = peft_lora(tmp_path / "my-style")
    lora.with_name("adapter_config.json").unlink()
    assert "Added the LoRA adapter_model" in run("add", lora).output
    assert [extra.name for extra in adapters.installed()] == ["adapter_model"]
    assert adapters.find_lora("adapter_model").name == "adapter_model.safetensors"
    assert run("remove", "adapter_model").exit_code == 0 and adapters.installed() == []


@pytest.mark.parametrize("role", ["lora", "embedding"])
def test_a_name_in_two_unicode_forms_is_one_name(tmp_path: Path, role: str) -> None:
    """Drives of a Mac give the decomposed one, in which no prompt would find it beside the other."""
    for form in ("NFD", "NFC"):
        (tmp_path / form).mkdir()
        path = tmp_path / form / f"{unicodedata.normalize(form, 'é')}.safetensors"
        if role == "lora":
            kohya_lora(path)
        else:
            save_file({"<x>": torch.ones(1, 768)}, path)
        added = run("add", path)
        assert added.exit_code == 0 if form == "NFD" else "already" in str(added.exception)
    assert [extra.name for extra in adapters.installed()] == [unicodedata.normalize("NFC", "é")]


def test_what_a_mac_keeps_beside_a_lora_on_other_drives_is_none(tmp_path: Path) -> None:
    adapters.lora_folder().mkdir(parents=True)
    kohya_lora(adapters.lora_folder() / "style.safetensors")
    (adapters.lora_folder() / "._style.safetensors").write_bytes(b"\0\5\x16\7" + bytes(92))
    assert [extra.name for extra in adapters.installed()] == ["style"]


def test_extras_have_the_name_that_is_given_are_listed_and_removed(tmp_path: Path) -> None:
    save_file({"<cat>": torch.randn(2, 768)}, tmp_path / "cat.safetensors")
    files = [kohya_lora(tmp_path / "ink.safetensors"), peft_lora(tmp_path / "style"), tmp_path / "cat.safetensors"]
    names = ["New Ink", "new-style", "kitty"]
    for file, name in zip(files, names, strict=True):
        assert f"{name} (" in run("add", file, "--name", name).output
    assert sorted(extra.name for extra in adapters.installed()) == sorted(names)
    listed = run("list").output
    assert "New Ink  LoRA" in listed and "new-style  LoRA" in listed and "kitty  embedding" in listed
    records = [json.loads(line) for line in run("list", "--json").output.splitlines()]
    assert {(record["name"], record["role"]) for record in records} >= {("New Ink", "lora"), ("kitty", "embedding")}
    assert all(run("remove", name).exit_code == 0 for name in names)
    assert adapters.installed() == [] and list(adapters.lora_folder().iterdir()) == [] and all(map(Path.exists, files))
    assert "no model named 'kitty'" in str(run("remove", "kitty").exception)


def test_an_extra_is_not_linked(tmp_path: Path) -> None:
    refused = run("add", kohya_lora(tmp_path / "ink.safetensors"), "--link")
    assert isinstance(refused.exception, InvalidRequest) and "leave out --link" in str(refused.exception)
    refused = run("add", tmp_path / "ink.safetensors", "--base", "v1-5", "--license", "MIT")
    assert isinstance(refused.exception, InvalidRequest) and "leave out --base, --license." in str(refused.exception)
    assert adapters.installed() == []


def test_an_extra_for_another_model_is_refused_and_not_copied(tmp_path: Path) -> None:
    save_file({"clip_g": torch.randn(2, 1280)}, tmp_path / "xl.safetensors")
    refused = run("add", tmp_path / "xl.safetensors")
    assert isinstance(refused.exception, ModelError) and "Stable Diffusion XL" in str(refused.exception)
    assert adapters.installed() == []


def test_a_program_reads_events(tiny: Tiny, tmp_path: Path) -> None:
    save_file(tiny.ldm(), tmp_path / "m.safetensors")
    added = [json.loads(line) for line in run("add", tmp_path / "m.safetensors", "--json").stdout.splitlines()]
    size = (tmp_path / "m.safetensors").stat().st_size
    assert added[-2] == {"event": "Progress", "phase": "Copying", "done": size, "total": size}
    assert (added[-1]["event"], added[-1]["name"], added[-1]["role"]) == ("Added", "m", "model")
    verified = [json.loads(line) for line in run("verify", "m", "--json").stdout.splitlines()]
    assert verified[-1] == {"event": "Verified", "name": "m", "faults": []}


def test_a_converted_bundle_is_a_model(tmp_path: Path) -> None:
    port = {"x": Port((1, 4, 8, 8), "float16")}
    part = BundleComponent("unet.pt2", port, port, 3, "0" * 64)
    Manifest("graph", "small", {"unet": part}, ((64, 64),), {}, {}, {}).write(tmp_path / "small-graph")
    (tmp_path / "small-graph" / "unet.pt2").write_bytes(b"abc")
    assert "Added small-graph" in run("add", tmp_path / "small-graph", "--link").output
    assert run("verify", "small-graph").exit_code == 0
    (tmp_path / "small-graph" / "unet.pt2").write_bytes(b"abd")
    assert "has changed" in run("verify", "small-graph").output


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
def test_ended_by_another_program_it_cleans_up(tmp_path: Path) -> None:
    """SIGTERM in the middle of a copy leaves nothing behind."""
    code = (
        "import sys, time\n"
        "from sdedge.library import imports\n"
        "real = imports.hash_file\n"
        "def slow(*given):\n"
        "    print('copying', flush=True); time.sleep(60)\n"
        "imports.hash_file = slow\n"
        "sys.argv = ['sdedge', 'models', 'add', sys.argv[1]]\n"
        "from sdedge.cli import main\n"
        "main()\n"
    )
    model = str(Path(str(files("sdedge.resources"))) / "models" / "pocket")
    process = subprocess.Popen([sys.executable, "-c", code, model], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "copying\n"
    process.terminate()
    assert process.wait(20) == 143
    process.stdout.close()
    assert list((tmp_path / "home" / "models").iterdir()) == []


def test_info_says_what_an_unfinished_bundle_is_and_what_to_do(tmp_path):
    from sdedge.locks import ProcessLock

    folder = tmp_path / "bundle"

    def said(command):
        error = run(command, folder).exception
        assert isinstance(error, ModelError)
        return str(error)

    (folder / "Unet.mlpackage").mkdir(parents=True)
    assert "no manifest.json" in said("info")
    (folder / ".converting.json").write_text("{}")
    assert "unfinished bundle (Unet so far)" in said("info") and "the same command again" in said("info")
    lock = ProcessLock(folder / ".converting.lock")
    assert lock.acquire()
    assert f"process {os.getpid()} is converting now" in said("info")
    lock.release()
    shutil.rmtree(folder / "Unet.mlpackage")
    assert "nothing usable yet" in said("add")
    (folder / ".converting.json").unlink()
    (folder / ".converting.lock").unlink()
    assert "not a model folder" in said("info")


def test_info_describes_a_bundle(tiny_bundle):
    output = run("info", tiny_bundle).output
    assert "converted bundle (coreml)" in output and "Unet.mlpackage" in output


def test_merge_takes_the_file_that_is_there_and_says_what_is_not_used(
    tiny: Tiny,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save_file(tiny.ldm(), tmp_path / "m.safetensors")
    stem = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    pieces = {f"{stem}.lora_down.weight": torch.randn(2, 8), f"{stem}.lora_up.weight": torch.randn(8, 2)}
    save_file({**pieces, "lora_unet_nowhere.diff": torch.ones(8)}, tmp_path / "ink.safetensors")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sdedge.weights.export.export_single", lambda checkpoint, target, *_: target)
    for typed in ("ink.safetensors", "ink.safetensors:0.5"):
        merged = run("merge", "m.safetensors", tmp_path / "out.safetensors", "--lora", typed)
        assert merged.exit_code == 0, merged.exception
        assert "note: The LoRA ink has 1 names that match nothing" in merged.stderr
    missing = run("merge", "m.safetensors", tmp_path / "no.safetensors", "--lora", "gone.safetensors")
    assert isinstance(missing.exception, InvalidRequest) and "no LoRA 'gone.safetensors'" in str(missing.exception)


def test_a_weight_is_what_follows_a_files_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a:1").touch()
    assert adapters.with_weight("ink:0.5") == ("ink", 0.5) and adapters.with_weight("a:1") == ("a:1", 1.0)
    assert [adapters.with_weight(text) for text in ("ink", "ink:nan", "1", ":1")] == [
        ("ink", 1.0), ("ink:nan", 1.0), ("1", 1.0), (":1", 1.0),
    ]  # fmt: skip


def test_of_two_imports_of_one_name_one_is_refused(tmp_path: Path) -> None:
    files = [kohya_lora(tmp_path / f"ink{suffix}") for suffix in (".safetensors", ".pt")]
    started = threading.Barrier(2, timeout=10)
    ended: list[str] = []

    def put(path: Path) -> None:
        waited: list[int] = []

        def meet(done: int, total: int) -> None:
            if not waited:  # both have found the name free by now
                waited.append(started.wait())

        try:
            ended.append(adapters.install(path, "lora", meet).path.name)
        except ModelError as error:
            ended.append(str(error))

    threads = [threading.Thread(target=put, args=(path,)) for path in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (installed,) = adapters.installed()
    assert sum("There is one named 'ink' already" in text for text in ended) == 1
    assert installed.path.name in ended and os.listdir(adapters.lora_folder()) == [installed.path.name]


def test_tokens_shows_wildcards_embeddings_and_which_lora(tmp_path: Path) -> None:
    run("add", kohya_lora(tmp_path / "Big Ink.safetensors"))
    save_file({"cat": torch.randn(3, 768)}, tmp_path / "cat.safetensors")
    run("add", tmp_path / "cat.safetensors")
    adapters.wildcard_folder().mkdir()
    (adapters.wildcard_folder() / "colour.txt").write_text("red\nblue\n")
    shown = CliRunner().invoke(tokens, ["a __colour__ cat {x|y} <lora:big_ink:0.5>", "--seed", "3"])
    assert shown.exit_code == 0, shown.exception
    chosen = resolve("__colour__ {x|y}", 3, adapters.wildcard_lines())
    assert [f"{choice.wildcard}: {choice.chosen}" for choice in chosen.choices] == shown.stdout.splitlines()[:2]
    assert "embedding cat: 3 vectors" in shown.stdout and "chunk 1, 6 of 75" in shown.stdout
    assert "LoRA Big Ink.safetensors: text 0.5, UNet 0.5" in shown.stdout and "is Big Ink.safetensors" in shown.stderr
    missing = CliRunner().invoke(tokens, ["<lora:gone:1>"])
    assert isinstance(missing.exception, InvalidRequest)
