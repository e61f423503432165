"""The model library: what goes in comes out whole, what is interrupted leaves nothing, licences are accepted first."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from sdedge.errors import ModelError, OutputError, Remedy, SdedgeError
from sdedge.library import imports
from sdedge.library.imports import guess_base, hash_file
from sdedge.library.licences import OPENRAIL
from sdedge.library.models import Library
from sdedge.library.schema import MIGRATIONS
from sdedge.weights.checkpoint import open_checkpoint
from tests.weights.conftest import Tiny, same, tiny, write_folder  # noqa: F401


@pytest.fixture
def library(tmp_path: Path) -> Any:
    opened = Library(tmp_path / "store")
    yield opened
    opened.close()


@pytest.fixture
def single(tiny: Tiny, tmp_path: Path) -> Path:
    save_file(tiny.ldm(), tmp_path / "some-v1-5.safetensors")
    return tmp_path / "some-v1-5.safetensors"


def left_behind(library: Library) -> list[str]:
    return sorted(path.name for path in (library.folder / "models").iterdir())


def test_add_copies_hashes_and_finds(library: Library, single: Path) -> None:
    calls: list[tuple[int, int]] = []
    model = library.add(single, progress=lambda done, total: calls.append((done, total)))
    size = single.stat().st_size
    assert calls[-1] == (size, size)
    assert model == library.find("some-v1-5") == library.models()[0]
    assert model.sha256 == hashlib.sha256(single.read_bytes()).hexdigest()
    assert model.short_hash == model.sha256[:10]
    assert library.find(model.sha256[:10]) == library.find(str(model.legacy_hash)) == model
    assert (model.base, model.kind, model.role, model.linked) == ("v1-5", "ldm safetensors", "model", False)
    assert model.path.read_bytes() == single.read_bytes()
    assert left_behind(library) == ["some-v1-5"]
    assert [path.name for path in (library.folder / "models" / "some-v1-5").iterdir()] == ["some-v1-5.safetensors"]
    with pytest.raises(ModelError, match="already"):
        library.add(single)


def test_legacy_hash_is_that_of_the_web_uis(tmp_path: Path) -> None:
    """SHA-256 of 64 kB from the first megabyte on, eight digits; of what is there when the file is shorter."""
    data = os.urandom(5 << 20)
    for size in (100, 0x100000 + 7, 0x110000, 5 << 20):
        (tmp_path / "f").write_bytes(data[:size])
        expected = hashlib.sha256(data[:size][0x100000 : 0x100000 + 0x10000]).hexdigest()[:8]
        assert hash_file(tmp_path / "f").legacy == expected


def test_folder_copies_what_it_needs(library: Library, tiny: Tiny, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m", tiny)
    (folder / "flax_model.msgpack").write_bytes(b"x" * 1000)
    (folder / "README.md").write_text("card")
    save_file(tiny.to(torch.float16).unet, folder / "unet" / "diffusion_pytorch_model.fp16.safetensors")
    model = library.add(folder, "mine", licence="Apache-2.0")
    assert model.short_hash is None and library.locate("mine") == model.path
    same(open_checkpoint(model.path).unet, tiny.unet)
    assert (model.path / "README.md").is_file()
    assert not (model.path / "flax_model.msgpack").exists()
    assert not (model.path / "unet" / "diffusion_pytorch_model.fp16.safetensors").exists()
    assert library.verify("mine") == []
    weights = model.path / "vae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x77")
    assert library.verify("mine") == [f"{weights} has changed since it was added"]
    weights.unlink()
    assert library.verify("mine") == [f"{weights} is missing"]


@pytest.mark.parametrize("spelling", [Path, Path.resolve])
def test_a_file_that_sdedge_changed_is_hashed_anew_where_the_library_is_behind_a_link(
    spelling: Callable[[Path], Path], tiny: Tiny, tmp_path: Path
) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk", target_is_directory=True)
    library = Library(tmp_path / "link")
    model = library.add(write_folder(tmp_path / "model", tiny), "mine")
    config = model.path / "unet" / "config.json"
    config.write_text(config.read_text() + " ")
    library.rehash(spelling(model.path), "unet/config.json")
    faults = library.verify("mine")
    library.close()
    assert not faults


def test_a_file_that_cannot_be_read_is_a_fault_among_others(
    library: Library, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = library.add(write_folder(tmp_path / "model", tiny), "mine")
    bad, changed = (model.path / part / "config.json" for part in ("text_encoder", "vae"))
    changed.write_text(changed.read_text().replace("8", "9"))

    def opened(path: Path) -> Any:
        if path == bad:
            raise OSError(errno.EIO, "Input/output error")
        return open(path, "rb")

    monkeypatch.setattr(imports, "open_regular", opened)
    faults = [f"Cannot read {bad}: Input/output error; check the disk", f"{changed} has changed since it was added"]
    assert library.verify("mine") == faults


def test_link_and_remove(library: Library, single: Path) -> None:
    model = library.add(single, "linked", link=True)
    assert model.linked and model.path == single
    library.add(single, "copied")
    library.set_default("linked")
    assert library.default == "linked"
    library.remove("linked")
    library.remove("copied")
    assert single.exists() and library.models() == [] and left_behind(library) == []
    assert library.default == "pocket"
    with pytest.raises(ModelError, match="no model named 'linked'"):
        library.remove("linked")


def test_files_that_cannot_be_deleted_are_told_and_go_with_the_next_add(
    library: Library, single: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Any, **options: Any) -> None:
        if str(path).endswith(".safetensors"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        unlink(path, **options)

    unlink, folder = os.unlink, library.add(single, "mine").path.parent
    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(OutputError, match="cannot be deleted; check the folder's permissions"):
        library.remove("mine")
    assert library.models() == [] and folder.exists()
    monkeypatch.setattr(os, "unlink", unlink)
    assert library.add(single, "mine").path.parent == folder and library.verify("mine") == []


def test_a_vae_is_told_from_a_model(library: Library, tiny: Tiny, tmp_path: Path) -> None:
    save_file(tiny.vae, tmp_path / "vae.safetensors")
    assert library.add(tmp_path / "vae.safetensors").role == "vae"


def test_licence_is_accepted_before_first_use(library: Library, single: Path) -> None:
    library.add(single, "v", licence=OPENRAIL)
    with pytest.raises(ModelError, match=r"OpenRAIL-M.*sdedge models accept"):
        library.locate("v")
    library.accept(OPENRAIL)
    assert library.locate("v") == library.find("v").path
    library.find("v").path.unlink()
    with pytest.raises(ModelError, match="no longer at"):
        library.locate("v")


def test_not_a_model_leaves_nothing(library: Library, tmp_path: Path) -> None:
    (tmp_path / "x.ckpt").write_bytes(b"no model here")
    with pytest.raises(ModelError):
        library.add(tmp_path / "x.ckpt")
    for name in ("../x", "a/b", ".hidden", "", "x" * 200):
        with pytest.raises(ModelError, match="cannot be a model's name") as refused:
            imports.check_name(name)
        assert refused.value.remedy is Remedy.SET_NAME
    assert library.models() == []


@pytest.mark.parametrize("fault", ["copy", "insert", "rename"])
def test_interrupted_add_leaves_nothing(
    library: Library, single: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    target = {"copy": "hash_file", "insert": "guess_base"}.get(fault)
    if target:
        monkeypatch.setattr(imports, target, interrupt)
    else:
        monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        library.add(single, "x")
    monkeypatch.undo()
    assert library.models() == [] and left_behind(library) == []
    assert library.add(single, "x").name == "x"


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_killed_add_is_swept(library: Library, single: Path) -> None:
    """Killed at the worst moments, in a process of its own: the next add finds and removes the remains."""
    script = """
        import os, signal, sys
        from pathlib import Path
        from sdedge.library import models as library
        from sdedge.library import imports
        which, store, model = sys.argv[1:]
        die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        if which == "copying":
            real = imports.hash_file
            imports.hash_file = lambda path, copy_to, tell: (real(path, copy_to, tell), die())
        else:
            replace = os.replace
            os.replace = lambda work, final: (replace(work, final), Path(final).parent.name == "models" and die())
        library.Library(Path(store)).add(model, "x")
    """
    for moment in ("copying", "placed"):
        command = [sys.executable, "-c", textwrap.dedent(script), moment, str(library.folder), str(single)]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        assert len(left_behind(library)) == 1 and library.models() == []
        assert library.add(single, "x").path.exists()
        assert left_behind(library) == ["x"]
        library.remove("x")


def test_full_disk_says_so(library: Library, single: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(OutputError, match="--link"):
        library.add(single)


def test_base_versions() -> None:
    assert guess_base("CompVis/stable-diffusion-v1-4", "0" * 64, False) == "v1-4"
    assert guess_base("sd-v1-1.ckpt", "0" * 64, False) == "v1-1"
    assert guess_base("whatever", "fe4efff1e1" + "0" * 54, False) == "v1-4"
    assert guess_base("my merge", "0" * 64, True) == "v1 inpainting"


def test_the_schema_can_grow(library: Library, single: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library.add(single, "x")
    library.close()
    extended = (*MIGRATIONS, "CREATE TABLE pictures (path TEXT);\nCREATE INDEX by_path ON pictures (path);\n")
    monkeypatch.setattr("sdedge.library.models.MIGRATIONS", extended)
    grown = Library(library.folder)
    assert grown.find("x").path.exists()
    assert grown.database.execute("PRAGMA user_version").fetchone()[0] == len(extended)
    grown.close()
    monkeypatch.undo()
    with pytest.raises(SdedgeError, match="newer sdedge"):
        Library(library.folder)


def test_a_damaged_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "library.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(SdedgeError, match="move it away"):
        Library(tmp_path)


@pytest.mark.parametrize("place", ["README.md", "extra/notes.txt", "safety_checker/model.safetensors"])
def test_links_out_of_a_folder_are_not_hashed_or_copied(
    tiny: Tiny, library: Library, tmp_path: Path, place: str
) -> None:
    (tmp_path / "secret").write_text("private")
    write_folder(tmp_path / "model", tiny)
    link = tmp_path / "model" / place
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "secret")
    with pytest.raises(ModelError, match="leads out of the model's folder"):
        library.add(tmp_path / "model")
    assert not library.models()


def test_a_fifo_where_the_safety_checker_belongs_is_not_waited_for(
    tiny: Tiny, library: Library, tmp_path: Path
) -> None:
    write_folder(tmp_path / "model", tiny)
    (tmp_path / "model" / "safety_checker").mkdir(exist_ok=True)
    os.mkfifo(tmp_path / "model" / "safety_checker" / "model.safetensors")
    source = imports.examine(tmp_path / "model")
    assert not [name for name in source.files if name.startswith("safety_checker")]
    with pytest.raises(OutputError, match="FIFO"):
        hash_file(tmp_path / "model" / "safety_checker" / "model.safetensors")
