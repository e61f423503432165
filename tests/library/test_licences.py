"""Which licence a model's own files name; none is claimed that they do not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from safetensors.torch import save_file

from sdedge.library import imports, licences
from sdedge.library.licences import OPENRAIL, UNKNOWN, known_name, licence_of
from sdedge.library.models import Library
from tests.looks import looks
from tests.weights.conftest import Tiny, tiny, write_folder  # noqa: F401


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, UNKNOWN),
        ({"README.md": "# A model\n\nNothing about it."}, UNKNOWN),
        ({"README.md": "---\nlicense: creativeml-openrail-m\ntags: [x]\n---\n# A model"}, OPENRAIL),
        ({"README.md": "---\r\nlicense: 'cc-by-nc-4.0'\r\n---\r\n"}, "CC-BY-NC-4.0"),
        ({"README.md": "---\nlicense: other\nlicense_name: fair-ai-public\n---\n"}, "fair-ai-public"),
        ({"README.md": "---\ntags: [x]\n---\nThe license: mit is what an example says."}, UNKNOWN),
        ({"README.md": "License: mit"}, "MIT"),
        ({"LICENSE": "Apache License\n   Version 2.0, January 2004\n", "README.md": "License: mit"}, "Apache-2.0"),
        ({"LICENSE.md": "Copyright (c) 2022\n\nCreativeML Open RAIL-M\ndated August 22, 2022"}, OPENRAIL),
        ({"LICENSE": "Mine alone.\nAsk me."}, "Mine alone."),
    ],
)
def test_a_folders_licence_is_what_its_files_name(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, newline="")
    assert licence_of(tmp_path) == expected


def test_names_have_one_spelling_and_a_bound() -> None:
    for spelt in ("creativeml-openrail-m", "CreativeML Open RAIL-M", "openrail-m", "CreativeML OpenRAIL-M"):
        assert known_name(spelt) == OPENRAIL
    assert known_name("openrail++") == "openrail++"  # that of other models
    assert known_name("x" * 5000) == "x" * 100 and known_name(" a\n b\x00 ") == "a b"


def test_what_is_not_known_is_not_claimed_and_can_be_said(tiny: Tiny, tmp_path: Path) -> None:
    save_file(tiny.ldm(), tmp_path / "plain.safetensors")
    save_file(tiny.ldm(), tmp_path / "named.safetensors", {"modelspec.license": "CreativeML Open RAIL-M"})
    library = Library(tmp_path / "store")
    assert library.add(tmp_path / "plain.safetensors").licence == UNKNOWN
    assert library.add(tmp_path / "named.safetensors").licence == OPENRAIL
    assert library.needs_acceptance(library.find("named").licence) and library.locate("plain")
    assert library.set_licence("plain", "openrail-m").licence == OPENRAIL == library.find("plain").licence
    library.close()


def test_published_files_are_known_by_their_hash(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_file(tiny.ldm(), tmp_path / "m.safetensors")
    monkeypatch.setattr(imports, "_PUBLISHED", {imports.hash_file(tmp_path / "m.safetensors").sha256[:10]: "v1-4"})
    library = Library(tmp_path / "store")
    assert library.add(tmp_path / "m.safetensors", link=True).licence == OPENRAIL
    library.close()


def test_a_folders_own_name_survives_its_copy(tiny: Tiny, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m", tiny)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    library = Library(tmp_path / "store")
    model = library.add(folder)
    assert model.licence == "Apache-2.0" == licence_of(model.path)
    library.close()


PIECES = (
    " ",
    "\n",
    "\r",
    "-",
    "license",
    "license:",
    "license: ",
    "licence ",
    "creativeml ",
    "creativeml open ",
    "a",
    "---\n",
    "'",
    "\t",
)


@pytest.mark.parametrize(
    "pattern", [*(own for own, _ in licences._TITLES), licences._FRONT_MATTER, licences._FIELD, licences._SENTENCE]
)
def test_a_card_is_looked_at_a_fixed_number_of_times(pattern: re.Pattern[str]) -> None:
    for start in ("", "---\n", "license", "license:", "license: a", "creativeml", "apache license"):
        for piece in PIECES:
            text = start + piece * (400 // len(piece)) + "!"
            assert looks(pattern, text) <= 25 * len(text), (start, piece)


@pytest.mark.parametrize("name", ["README.md", "LICENSE"])
def test_a_link_out_of_the_folder_is_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("License: mine")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / name).symlink_to(tmp_path / "secret")
    assert licence_of(tmp_path / "model") == UNKNOWN
