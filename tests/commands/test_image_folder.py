"""`sdedge generate --images FOLDER`: every picture once, under its own name, whatever else lies in the folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from sdedge.cli import cli
from sdedge.commands.image_folder import file_names


def drawn(model: Path, folder: Path, *options: object) -> Result:
    plain = ["--model", model, "--steps", 1, "--strength", 0.5, "--device", "cpu", "--images", folder]
    return CliRunner().invoke(cli, ["generate", "a house", *map(str, (*plain, *options))])


def test_each_picture_is_drawn_once_under_its_name_and_the_rest_is_skipped_in_a_line_each(tiny_model, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    for i, name in enumerate(("b.png", "a b.jpg")):
        Image.fromarray(np.full((64, 64, 3), 90 * i + 40, np.uint8)).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    (folder / "cut.png").write_bytes((folder / "b.png").read_bytes()[:60])
    (folder / ".hidden").write_text("")
    first = drawn(tiny_model, folder, "--out", out)
    assert first.exit_code == 1 and "1 of 3 pictures could not be read" in str(first.exception)
    skipped = [line for line in first.stderr.splitlines() if "Skipped" in line]
    assert len(skipped) == 3 and all(any(name in line for line in skipped) for name in ("cut.png", "notes.txt", "sub"))
    assert sorted(path.name for path in out.iterdir()) == ["a b.png", "b.png"]
    (folder / "cut.png").unlink()
    (out / "b.png").unlink()
    before = (out / "a b.png").stat().st_mtime_ns
    again = drawn(tiny_model, folder, "--out", out)
    assert "1 of 2 pictures are there already" in again.stderr and again.exit_code == 0
    assert (out / "b.png").is_file() and (out / "a b.png").stat().st_mtime_ns == before
    nothing_left = drawn(tiny_model, folder, "--out", out)
    assert nothing_left.exit_code == 0 and "2 of 2" in nothing_left.stderr
    assert len(list(out.iterdir())) == 2


def test_two_pictures_of_one_name_keep_their_suffixes():
    names = file_names([Path("in/a.jpg"), Path("in/A.png"), Path("in/b.png")], "jpeg")
    assert [*names.values()] == ["a-jpg.jpg", "A-png.jpg", "b.jpg"]
    names = file_names(
        [Path("in/a.jpg"), Path("in/a.png"), Path("in/a-png.webp"), Path("in/b.JPG"), Path("in/b.jpg")], "png"
    )
    assert [*names.values()] == ["a-jpg.png", "a-png-2.png", "a-png.png", "b-JPG.png", "b-jpg-2.png"]


@pytest.mark.parametrize(
    "options", [("--image", "x.png"), ("-c", 2), ("--out", "."), ("--out", "x.png"), ("--name", "x")]
)
def test_what_does_not_go_with_a_folder_is_refused(tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (64, 64)).save("a.png")
    result = CliRunner().invoke(cli, ["generate", "a", "--images", ".", *map(str, options)])
    assert result.exit_code != 0 and [path.name for path in tmp_path.iterdir()] == ["a.png"]
