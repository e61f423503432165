"""`sdedge hint`: what is refused before anything is written, and what is said in help and notes."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from sdedge.commands.root import cli
from sdedge.controls import Control, HintFit
from sdedge.errors import InvalidRequest, MissingModel
from sdedge.generation.hints import read_hint


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((8, 8, 4), np.uint8)).save("photo.png")  # transparent everywhere
    (tmp_path / "notes.txt").write_text("text")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.png").symlink_to("photo.png")
    return tmp_path / "photo.png"


def _run(*arguments: object):
    return CliRunner().invoke(cli, ["hint", *map(str, arguments)])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("canny", "photo.png", "photo.png"), "photo.png is the picture that is read, and would be lost"),
        (("canny", "link.png", "photo.png"), "is the picture that is read"),
        (("inpaint", "folder/../photo.png", "link.png", "photo.png"), "is the picture that is read"),
        (("depth", "photo.png", "photo.png", "--model", "m"), "is the picture that is read"),
        (("canny", "photo.png", "folder"), "folder is a folder; name a file in it, such as folder"),
        (("canny", "photo.png", "notes.txt/x.png"), "notes.txt is a file and no folder"),
        (("canny", "photo.png", "notes.txt/new/x.png"), "notes.txt is a file and no folder"),
        (("depth", "photo.png", "x.png"), "There is no depth network here; get one that transformers knows"),
        (("cany", "photo.png", "x.png"), "There is no hint 'cany'; did you mean canny?"),
        (("photo.png", "x.png"), "There is no hint 'photo.png'; choose one of canny"),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_refused_and_the_photo_stays(photo, arguments, said):
    before = photo.read_bytes()
    result = _run(*arguments)
    assert (
        isinstance(result.exception, InvalidRequest | MissingModel)
        and said in str(result.exception)
        and not result.stdout
    )
    assert photo.read_bytes() == before


def test_a_folder_that_is_made_is_said(photo):
    made = _run("canny", "photo.png", "new/deep/x.png")
    assert made.stdout.strip().endswith("x.png") and "The folder new" in made.stderr and "is made" in made.stderr
    assert not _run("canny", "photo.png", "new/deep/x.png").stderr


@pytest.mark.parametrize("resize", list(HintFit))
def test_a_photo_is_fitted_as_a_control_fits_it(photo, resize):
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, 4:12] = 255
    Image.fromarray(pixels).save("wide.png")
    assert _run("threshold", "wide.png", "out.png", "--size", "32x32", "--resize", resize).exit_code == 0
    control = Control("c", "wide.png", preprocess="threshold", resize=resize)
    wanted = read_hint(control, "c", "", (32, 32), None).pixels
    assert np.array_equal(np.asarray(Image.open("out.png")), wanted)
    Image.fromarray(pixels).save("mask.png")
    assert _run("inpaint", "wide.png", "mask.png", "hole.png", "--size", "32x32", "--resize", resize).exit_code == 0
    hole = np.asarray(Image.open("hole.png"))[..., 3] < 128
    assert np.array_equal(hole, wanted[..., 0] > 128)
    refused = _run("canny", "wide.png", "out.png", "--resize", "squeeze")
    assert "choose one of crop, stretch, pad" in str(refused.exception)


def test_a_pose_of_nobody_is_said_to_be_black(photo, monkeypatch):
    monkeypatch.setattr("sdedge.library.hint_networks.named_hint_network", lambda name, kind: photo.parent)
    for name, brightness, is_said in (("pose", 0, True), ("pose", 9, False), ("depth", 0, False)):
        hint = np.full((8, 8, 3), brightness, np.uint8)
        monkeypatch.setattr("sdedge.generation.network_hints.network_hint", lambda *inputs, hint=hint: hint)
        made = _run(name, "photo.png", "x.png", "--model", "m")
        assert made.exit_code == 0 and np.array_equal(np.asarray(Image.open("x.png")), hint)
        assert ("No person was found in photo.png" in made.stderr) == is_said


def test_transparent_parts_are_white_in_photos_and_black_in_hints_and_masks(photo):
    _run("threshold", "photo.png", "out.png")
    assert np.asarray(Image.open("out.png")).min() == 255
    _run("inpaint", "photo.png", "photo.png", "hole.png")
    assert np.asarray(Image.open("hole.png").convert("RGBA")).min() == 255  # the mask is black: no hole
    colours = {
        (purpose, made): read_hint(Control("c", "photo.png", preprocess=made), "c", purpose, (8, 8), None).pixels.max()
        for purpose in ("", "canny", "tile", "inpaint") for made in (None, "threshold")
    }  # fmt: skip
    assert colours.pop(("", None)) == colours.pop(("canny", None)) == 0 and set(colours.values()) == {255}
    for command in ("canny", "inpaint", "depth"):
        assert "count as white" in " ".join(_run(command, "--help").stdout.split())


def test_help_says_what_changes_nothing_and_what_changes_places(photo):
    assert "1 leaves the photo as it is" in " ".join(_run("tile", "--help").stdout.split())
    assert "the larger one counts as high" in " ".join(_run("canny", "--help").stdout.split())


def test_lines_are_dark_in_every_colour_as_the_help_says(photo):
    sky = np.full((64, 64, 3), (120, 60, 160), np.uint8)
    y, x = np.mgrid[:64, :64]
    sky[(y - 32) ** 2 + (x - 32) ** 2 < 144] = (250, 140, 40)
    Image.fromarray(sky).save("sun.png")
    brightest = {
        name: np.asarray(Image.open(_run(name, "sun.png", f"{name}.png").stdout.strip())).max()
        for name in ("lineart", "scribble", "canny", "softedge")
    }
    assert (
        brightest["lineart"] < 32
        and brightest["scribble"] == 0
        and brightest["canny"] == 255
        and brightest["softedge"] > 200
    )
    for name in ("lineart", "scribble"):
        assert "in red, green and blue alike; canny and softedge" in " ".join(_run(name, "--help").stdout.split())
    assert "alike" not in _run("--help").stdout
