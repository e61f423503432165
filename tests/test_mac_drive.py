"""On a Mac's drive, whose names are the same in every case and Unicode form: nothing is lost, taken twice, or not found."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file
from torch import zeros

from sdedge.errors import ModelError, OutputError
from sdedge.files import atomic_write, canonical, replace_folder, write_new
from sdedge.images.output import Output
from sdedge.library import adapters
from sdedge.library.gallery import Gallery, Search
from sdedge.library.gallery_scan import rescan
from sdedge.library.models import Library
from sdedge.library.store import open_store
from sdedge.request import Resolved
from sdedge.text import wildcards
from tests.mac_drive import drive, is_lax  # noqa: F401
from tests.weights.conftest import Tiny, tiny  # noqa: F401

CAFE = "Café"
OTHERS = ("café", "CAFÉ", unicodedata.normalize("NFD", CAFE))


def _lists(folder: Path) -> list[str]:
    return sorted(unicodedata.normalize("NFC", name) for name in os.listdir(folder))


@pytest.mark.parametrize("spelling", OTHERS)
def test_a_new_file_is_never_written_over_one_of_another_case_or_form(drive, spelling):
    first = write_new([drive / CAFE], b"1")
    second = write_new([drive / spelling, drive / f"{spelling}-2"], b"2")
    assert first.read_bytes() == b"1" and second.name == f"{spelling}-2" and second.read_bytes() == b"2"
    with pytest.raises(OutputError, match="already"), atomic_write(drive / spelling, replace=False) as file:
        file.write(b"3")
    with atomic_write(drive / spelling) as file:
        file.write(b"4")
    assert first.read_bytes() == b"4" and len(_lists(drive)) - (drive / "Case").exists() == 2


def test_a_folder_takes_the_place_of_one_in_another_case(drive):
    for name, text in (("Unet.mlmodelc", "old"), ("new", "new")):
        (drive / name).mkdir()
        (drive / name / "model").write_text(text)
    replace_folder(drive / "new", drive / "UNET.mlmodelc")
    assert (drive / "Unet.mlmodelc" / "model").read_text() == "new"
    assert [name.casefold() for name in _lists(drive) if name != "Case"] == ["unet.mlmodelc"]


def test_a_path_has_one_canonical_form(drive):
    (drive / "Pictures" / CAFE).mkdir(parents=True)
    listed = drive / "Pictures" / os.listdir(drive / "Pictures")[0]
    for spelling in (CAFE, *OTHERS):
        for outer in ("Pictures", "pictures", "PICTURES"):
            assert canonical(drive / outer / spelling / "Gone") == listed / "Gone"


def test_elsewhere_a_path_is_what_it_says(tmp_path):
    for name in ("out", "Out", CAFE, unicodedata.normalize("NFD", CAFE)):
        (tmp_path / name).mkdir(exist_ok=True)
        assert is_lax(tmp_path) or canonical(tmp_path / name / "a") == tmp_path / name / "a"
    assert is_lax(tmp_path) or canonical(tmp_path / "OUT") == tmp_path / "OUT"  # which is not there


@pytest.fixture
def gallery(drive):
    store = open_store(drive / "data")
    yield Gallery(store)
    store.close()


def _draw(gallery, folder: Path, seed: int) -> Path:
    """Saves a picture as the engine's process does."""
    request = Resolved(prompt=CAFE, seed=seed, width=64, height=64, model="pocket")
    output, rows = Output(folder, template="{prompt}"), []
    output.check()
    pixels = np.full((64, 64, 3), seed, np.uint8)
    path = write_new(
        output.names(request, 1),
        output.encode(pixels, request, {}),
        lambda path: rows.append(gallery.begin(path, request, {})),
    )
    for row in rows[:-1]:
        gallery.abandon(row)
    gallery.complete(rows[-1])
    return path


def test_the_gallery_knows_a_picture_by_every_spelling_of_its_path(drive, gallery):
    paths = [_draw(gallery, drive / folder, seed) for seed, folder in enumerate(("Out é", "out é", "OUT É"), 1)]
    assert len({path.name.casefold() for path in paths}) == 3 and gallery.count() == 3
    assert len(gallery.folders()) == 1
    for path in paths:
        for spelling in (path, Path(str(path).replace("out", "OUT")), Path(unicodedata.normalize("NFD", str(path)))):
            entry = gallery.find(spelling)
            assert entry is not None and os.path.samefile(entry.path, path)


def test_a_rescan_by_another_spelling_adds_nothing_and_misses_nothing(drive, gallery):
    first, second = (_draw(gallery, drive / "Out é", seed) for seed in (1, 2))
    gallery.set_favourite(gallery.find(first).id)
    gallery.database.execute("UPDATE images SET path = replace(path, 'Out', 'oUt')")  # as typed, before sdedge looked
    gallery.database.execute("INSERT INTO folders SELECT replace(path, 'Out', 'oUt') FROM folders")
    for spelling in (None, drive / "OUT É", drive / unicodedata.normalize("NFD", "Out é")):
        scan = rescan(gallery, spelling)
        assert (scan.added, scan.changed, scan.unchanged, scan.missing) == (0, 0, 2, 0)
    Image.new("RGB", (9, 9)).save(first)  # by another program
    assert rescan(gallery, drive / "out é").changed == 1
    assert gallery.count() == 2 and [entry.width for entry in gallery.search(Search(favourite=True))] == [9]
    second.unlink()
    assert rescan(gallery, drive / "OUT é").missing == 1 and gallery.count() == 1


def test_a_model_whose_name_is_taken_in_another_case_is_refused_before_it_is_copied(drive, tiny: Tiny):
    library, single = Library(drive / "data"), drive / "tiny.safetensors"
    save_file(tiny.ldm(), single)
    library.add(single, CAFE, licence="mine")
    read = []
    for spelling in OTHERS[1:]:
        with pytest.raises(ModelError, match=f"named '{CAFE}' already"):
            library.add(single, spelling, licence="mine", progress=lambda done, total: read.append(done))
    assert library.find(unicodedata.normalize("NFD", CAFE)).name == CAFE  # as a shell completes it
    assert not read and len(library.models()) == 1 and _lists(drive / "data" / "models") == [CAFE]
    (library.locate(CAFE).parent / ".unfinished").touch()  # as a kill leaves it that comes after the row
    library.add(single, "another", licence="mine")
    assert library.locate(CAFE).is_file()


def test_what_a_prompt_names_is_found_in_the_form_that_the_drive_keeps(drive, monkeypatch):
    monkeypatch.setenv("SDEDGE_HOME", str(drive / "home"))
    adapters.lora_folder().mkdir(parents=True)
    save_file({"x": zeros(1)}, adapters.lora_folder() / f"{CAFE}.safetensors")
    (drive / "wildcards").mkdir()
    (drive / "wildcards" / f"{CAFE}.txt").write_text("red\n")
    for name in (CAFE, *OTHERS):
        assert adapters.find_lora(name).is_file()
        assert wildcards.from_folder(drive / "wildcards")(name) == ("red",)
