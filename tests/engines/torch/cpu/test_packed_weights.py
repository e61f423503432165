"""Packed weights that are kept give the same picture, and what is wrong with them is noticed: they are made again."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from sdedge.engines.protocol import LoraUse
from sdedge.engines.torch.cpu import (
    fused_unet,
    int8_unet,
    packed_cache,
    packed_file,
    packed_weights,
    packing,
    streaming,
)
from sdedge.engines.torch.cpu.packed_file import PackedFile, PackedWriter, Unusable
from sdedge.engines.torch.engine import TorchEngine
from sdedge.generation import price
from sdedge.generation.pipeline import Pipeline
from sdedge.machine import memory_plan
from sdedge.models.unet_inputs import UNetInputs
from sdedge.request import Request
from sdedge.weights.files import WeightFile
from tests.conftest import cases

pytestmark = pytest.mark.skipif(
    not fused_unet.available(torch.float32) or not packing.available(),
    reason="this torch packs no weights or keeps them to itself",
)
ADAPTED = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """Keeps the packed weights of every network, however small, in a folder of the test's own."""
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(packed_cache, "LEAST", 0)
    monkeypatch.setattr(packed_cache, "SPARED", 0)
    packed_weights.forget_failures()
    packed_cache.choose(keep=True)
    return packed_cache.packed_folder()


@pytest.fixture
def model(tiny_model, tmp_path) -> Path:
    """A copy of the tiny model, in half precision, so that every network has something to convert."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    for path in folder.rglob("*.safetensors"):
        save_file({name: tensor.half() for name, tensor in load_file(path).items()}, path)
    return folder


def answers(folder: Path, dtype: str | None = None, loras: tuple[LoraUse, ...] = (), memory: str = "fast") -> list:
    """What each network makes of the same input, and what is reported."""
    engine = TorchEngine.load(folder, "cpu", dtype, memory=memory)
    if loras:
        engine.adapt(loras)
    g = torch.Generator().manual_seed(0)
    size = engine.facts.height // engine.facts.downscale
    ids = torch.randint(0, 49, (1, 77), generator=g)
    context = engine.encode_text(ids)
    x = torch.randn(1, engine.facts.in_channels, size, size, generator=g)
    eps = engine.predict(UNetInputs(x, torch.tensor([500.0]), context))
    return [context, eps, engine.decode(eps), [line for line in engine.facts.report if "acked" in line]]


def same(left: list, right: list) -> bool:
    return all(torch.equal(a, b) for a, b in zip(left[:3], right[:3], strict=True))


@pytest.fixture
def bytes_read(monkeypatch) -> Iterator[list[int]]:
    sizes: list[int] = []
    read = WeightFile.read_into

    def counting(self, buffer, offset):
        sizes.append(memoryview(buffer).nbytes)
        read(self, buffer, offset)

    monkeypatch.setattr(WeightFile, "read_into", counting)
    yield sizes


@pytest.mark.parametrize("dtype", cases(("float32", "bfloat16"), quick=("float32",)))
def test_the_second_start_gives_the_same_and_hardly_reads_the_model(cache, model, monkeypatch, bytes_read, dtype):
    monkeypatch.setenv(packed_cache.SETTING, "0")
    without = answers(model, dtype)
    assert not packed_cache.entries()
    monkeypatch.delenv(packed_cache.SETTING)
    bytes_read.clear()
    first = answers(model, dtype)
    before = sum(bytes_read)
    assert len(packed_cache.entries()) == 3
    bytes_read.clear()
    second = answers(model, dtype)
    assert same(without, first) and same(without, second) and not (without[3] + first[3] + second[3])
    assert sum(bytes_read) < before / 10


def _damaged(path: Path, place: int, change: int) -> None:
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= change
    path.write_bytes(data)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A file with a packed weight of each kind and a plain tensor."""
    path = tmp_path_factory.mktemp("packed") / "a.packed"
    writer = PackedWriter(path, 1 << 20)
    conv, linear = torch.nn.Conv2d(40, 24, 3, padding=1), torch.nn.Linear(70, 33)
    writer.add("conv.weight", fused_unet.packed(fused_unet.fuse(conv, packing=False), conv.weight.detach()))
    writer.add("linear.weight", fused_unet.packed(fused_unet.fuse(linear, packing=False), linear.weight.detach()))
    writer.add("plain", torch.arange(1500.0))
    writer.commit({"identity": {}, "state": {}})
    return path


def _contents(path: Path) -> list[bytes]:
    file = PackedFile(path)
    file.check()
    return [file.tensor(name)[1].numpy().tobytes() for name in sorted(file.tensors)]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_byte_that_is_changed_or_cut_is_noticed_or_harmless(written, tmp_path_factory, data):
    """Harmless is what lies between the tensors, where nothing is."""
    right, original = _contents(written), written.read_bytes()
    path = tmp_path_factory.mktemp("damaged") / "a.packed"
    if data.draw(st.booleans()):
        changed = bytearray(original)
        for _ in range(data.draw(st.integers(1, 3))):
            changed[data.draw(st.integers(0, len(original) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(changed)
    else:
        path.write_bytes(original[: data.draw(st.integers(0, len(original) - 1))])
    path.chmod(0o600)
    with suppress(Unusable):
        assert _contents(path) == right


def test_two_that_write_at_once_do_not_disturb_each_other_nor_who_reads(tmp_path):
    path = tmp_path / "folder" / "a.packed"
    writers = [PackedWriter(path, 1 << 20) for _ in range(2)]
    for i, writer in enumerate(writers):
        writer.add("plain", torch.full((3000,), float(i)))
    assert not path.exists()
    writers[0].commit({})
    (first,) = _contents(path)
    opened = PackedFile(path)
    writers[1].commit({})
    assert _contents(path) != [first]
    opened.check()
    assert opened.tensor("plain")[1].numpy().tobytes() == first
    abandoned = PackedWriter(path, 1 << 20)
    abandoned.abandon()
    assert [each.name for each in path.parent.iterdir()] == ["a.packed"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage", ["a byte of a weight", "cut off", "empty", "another's right to write", "another torch"]
)
def test_what_is_damaged_is_made_again_with_a_note(cache, model, monkeypatch, damage):
    right = answers(model)
    unet = next(entry.path for entry in packed_cache.entries() if "unet" in entry.name)
    match damage:
        case "a byte of a weight":
            _damaged(unet, packed_file.PAGE + 1000, 16)
        case "cut off":
            unet.write_bytes(unet.read_bytes()[:-5000])
        case "empty":
            unet.write_bytes(b"")
        case "another's right to write":
            unet.chmod(0o622)
        case "another torch":
            monkeypatch.setattr("sdedge.engines.torch.cpu.packed_key.version", lambda package: "1.0")
    again = answers(model)
    assert same(right, again) and len(again[3]) >= 1 and "made again" in again[3][0]
    last = answers(model)
    assert same(right, last) and not last[3]


@pytest.mark.slow
def test_another_users_file_is_not_believed(cache, model, monkeypatch):
    right = answers(model)
    monkeypatch.setattr("sdedge.engines.torch.cpu.packed_file.os.geteuid", lambda: 4711)
    again = answers(model)
    assert same(right, again) and "another user's" in again[3][0]


@pytest.mark.slow
def test_a_model_whose_file_changed_is_packed_again(cache, model):
    answers(model)
    path = next((model / "unet").glob("*.safetensors"))
    status, tensors = path.stat(), load_file(path)
    tensors["conv_out.weight"][0, 0, 0, 0] += 1
    save_file(tensors, path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # as what copies a file with its times does
    changed = answers(model)
    assert "files have changed" in changed[3][0]
    packed_cache.choose(keep=False)
    assert same(changed, answers(model))


@pytest.mark.slow
def test_a_lora_never_goes_into_the_cache_and_acts_all_the_same(cache, model, tmp_path, bytes_read):
    width = load_file(next((model / "unet").glob("*.safetensors")))[f"{ADAPTED}.weight"].shape[0]
    g = torch.Generator().manual_seed(1)
    key = f"lora_unet_{ADAPTED.replace('.', '_')}"
    parts = {f"{key}.lora_down.weight": (2, width), f"{key}.lora_up.weight": (width, 2)}
    save_file({name: torch.randn(shape, generator=g) for name, shape in parts.items()}, tmp_path / "style.safetensors")
    use = (LoraUse(tmp_path / "style.safetensors", 1.0, 1.0),)
    adapted = answers(model, loras=use)
    assert not [entry for entry in packed_cache.entries() if "unet" in entry.name]
    plain = answers(model)
    before = {entry.path: entry.path.read_bytes() for entry in packed_cache.entries()}
    bytes_read.clear()
    with_entry = answers(model, loras=use)
    few = sum(bytes_read)
    assert same(adapted, with_entry) and not torch.equal(adapted[1], plain[1])
    assert {entry.path: entry.path.read_bytes() for entry in packed_cache.entries()} == before
    packed_cache.choose(keep=False)
    bytes_read.clear()
    answers(model, loras=use)
    assert few < sum(bytes_read) / 3  # the layers without a LoRA came from the cache


@pytest.mark.slow
def test_a_full_disk_is_told_once_and_drawing_goes_on(cache, model, monkeypatch):
    packed_cache.choose(keep=False)
    right = answers(model)
    packed_cache.choose(keep=True)
    real = PackedWriter.add

    def full(self, name, tensor):
        if self.added >= 5:
            raise OSError(28, "No space left on device")
        self.added += 1
        real(self, name, tensor)

    monkeypatch.setattr(PackedWriter, "added", 0, raising=False)
    monkeypatch.setattr(PackedWriter, "add", full)
    first = answers(model)
    assert same(right, first) and sum("No space left" in line for line in first[3]) == 3  # one for each network
    assert same(right, second := answers(model)) and not second[3]
    assert not any(cache.iterdir())


def test_entries_are_bounded_and_the_least_recently_used_goes_first(cache, tmp_path):
    cache.mkdir(parents=True, exist_ok=True)
    for age, name in enumerate(("new", "middle", "old")):
        (cache / f"{name}.packed").write_bytes(bytes(1000))
        os.utime(cache / f"{name}.packed", (1e9 - age, 1e9 - age))
    assert [entry.name for entry in packed_cache.entries()] == ["old", "middle", "new"]
    packed_cache.use(cache / "old.packed")
    assert packed_cache.make_room(1000, 3000) and [entry.name for entry in packed_cache.entries()] == ["new", "old"]
    assert not packed_cache.make_room(4000, 3000) and len(packed_cache.entries()) == 2
    assert not packed_cache.make_room(2500, 3000, packed_cache.LATELY) and len(packed_cache.entries()) == 2, "in vain"
    assert packed_cache.make_room(1500, 3000, packed_cache.LATELY)
    assert [entry.name for entry in packed_cache.entries()] == ["old"], "which was used lately"
    packed_cache.entries()[0].path.with_name("new.packed").write_bytes(bytes(1000))
    os.utime(cache / "new.packed", (1e9, 1e9))
    packed_cache.choose(limit=1000)
    assert [entry.name for entry in packed_cache.entries()] == ["old"]
    assert packed_cache.clear() == 1000 and not packed_cache.entries()


@pytest.mark.slow
def test_a_model_above_the_limit_keeps_what_fits_and_writes_nothing_twice(cache, model, monkeypatch):
    answers(model)
    sizes = {entry.path: entry.size for entry in packed_cache.entries()}
    packed_cache.clear()
    sized = {path.name: size for path, size in sizes.items()}
    foretell = lambda how, tensors: next(size for name, size in sized.items() if name.startswith(how.label))  # noqa: E731
    monkeypatch.setattr(packed_weights.Packing, "size", foretell)
    packed_cache.choose(limit=sum(sizes.values()) - 1)
    first = answers(model)
    there = {entry.path for entry in packed_cache.entries()}
    assert len(there) == 2 and sum("were not kept" in line for line in first[3]) == 1
    packed_weights.forget_failures()  # another process
    monkeypatch.setattr(PackedWriter, "add", lambda self, name, tensor: pytest.fail("written again"))
    assert same(first, second := answers(model)) and sum("were not kept" in line for line in second[3]) == 1
    assert {entry.path for entry in packed_cache.entries()} == there


@pytest.mark.slow
def test_an_entry_that_comes_out_larger_than_was_foretold_goes_and_is_told(cache, model, monkeypatch):
    monkeypatch.setattr(packed_weights.Packing, "size", lambda self, tensors: 10)
    packed_cache.choose(limit=1000)
    report = answers(model)[3]
    assert len(report) == 3 and all("more than the" in line for line in report) and not packed_cache.entries()


@pytest.mark.slow
def test_it_is_asked_once_and_nothing_is_kept_before_the_answer(cache, model):
    packed_cache.choice_file().unlink()
    first, second = answers(model)[3], answers(model)[3]
    assert len(first) == 1 and "sdedge cache --keep" in first[0] and not second
    assert not packed_cache.entries()


def _count(tensor) -> int:
    return math.prod(tensor.shape)


@pytest.mark.slow
def test_int8_weights_come_back_as_they_were(cache, model, monkeypatch):
    engine = TorchEngine.load(model, "cpu", "float32")
    names = [name.removesuffix(".weight") for name, t in engine.checkpoint.unet.items() if len(t.shape) in (2, 4)]
    inner = [
        name for name in names if name.startswith(("down_blocks", "mid_block", "up_blocks")) and "time_emb" not in name
    ]
    int8_unet.Int8Recipe({name: (-6.0, 6.0) for name in inner if "attn2.to_" not in name}).write(model)
    monkeypatch.setenv(packed_cache.SETTING, "0")
    without = answers(model, "int8")
    monkeypatch.delenv(packed_cache.SETTING)
    first, second = answers(model, "int8"), answers(model, "int8")
    assert same(without, first) and same(without, second)
    unet = next(entry.path for entry in packed_cache.entries() if "unet-int8" in entry.name)
    recipe, tensors = int8_unet.Int8Recipe.read(model), engine.checkpoint.unet
    foretold, numbers = (
        packed_weights.Packing({}, "", 4, recipe.ranges).size(tensors),
        sum(map(_count, tensors.values())),
    )
    floating = sum(
        _count(tensor) for name, tensor in tensors.items() if name.removesuffix(".weight") not in recipe.ranges
    )
    assert foretold == numbers + 3 * floating and 0 < floating < numbers / 2, "what stays in float32 counts as that"
    assert any(name.endswith(".scales") for name in PackedFile(unet).tensors)


@pytest.mark.slow
def test_what_is_mapped_is_told_apart_from_what_is_the_process_s_own(cache, model, monkeypatch):
    engine = TorchEngine.load(model, "cpu", memory="fast")
    side = engine.facts.width
    before = engine.choose_memory(side, side, 1)
    assert before.mapped == 0 and "mapped" not in str(before)
    answers(model)
    sizes = {entry.name: entry.size for entry in packed_cache.entries()}
    engine = TorchEngine.load(model, "cpu", memory="fast")
    plan = engine.choose_memory(side, side, 1)
    in_files = sum(size for name, size in sizes.items() if "unet" in name or "vae" in name)
    assert 0.5 * in_files < plan.mapped <= in_files and (plan.peak, plan.mode) == (before.peak, before.mode)
    assert f"{memory_plan.spoken_size(plan.mapped)} of them mapped" in str(plan)
    networks = [engine.network(component) for component in ("unet", "vae")]
    assert sum(map(packed_weights.mapped_bytes, networks)) == plan.mapped == engine.choose_memory(side, side, 1).mapped
    monkeypatch.setattr(price, "NARROW", 0)
    request = Request(prompt="a house", model=str(model), width=side, height=side, steps=1, seed=1)
    pipeline = Pipeline(lambda *_: engine)
    (sentence,) = pipeline.prices(pipeline.resolve(request))
    assert f"{memory_plan.spoken_size(plan.mapped)} of that are mapped" in sentence


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_streaming_takes_from_the_cache_what_an_earlier_start_packed(cache, model, monkeypatch, dtype):
    if dtype == "int8":
        int8_unet.Int8Recipe({"up_blocks.0.resnets.0.conv1": (-6.0, 6.0)}).write(model)
    monkeypatch.setenv(packed_cache.SETTING, "0")
    without = answers(model, dtype, memory="stream")
    monkeypatch.delenv(packed_cache.SETTING)
    answers(model, dtype)
    keep = streaming.Scratch.keep
    monkeypatch.setattr(streaming.Scratch, "keep", lambda *_: pytest.fail("made again"))
    streamed = answers(model, dtype, memory="stream")
    assert torch.equal(streamed[1], without[1]) and not streamed[3]
    unet = next(entry.path for entry in packed_cache.entries() if "unet" in entry.name)
    _damaged(unet, PackedFile(unet).tensors["conv_out.weight"].offset, 1)
    monkeypatch.setattr(streaming.Scratch, "keep", keep)
    damaged = answers(model, dtype, memory="stream")
    assert torch.equal(damaged[1], without[1]) and len(damaged[3]) == 1 and not unet.exists()
