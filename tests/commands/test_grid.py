"""`sdedge grid` from the command line: every cell on one sheet, with settings that hold for all."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner
from PIL import Image

from sdedge.cli import cli


def test_settings_for_all_cells_may_be_any_field_and_a_pass(tiny_model: Path, tmp_path: Path):
    every = [
        "--set",
        "negative=dull",
        "--set",
        "prompt=a boat",
        "--set",
        "hires=2",
        "--set",
        "steps=1",
        "--set",
        "size=64x64",
    ]
    command = [
        "grid",
        "a house",
        "--x",
        "hires_strength=0.3,0.9",
        "--model",
        tiny_model,
        "--device",
        "cpu",
        "--out",
        tmp_path,
    ]
    result = CliRunner().invoke(cli, list(map(str, [*command, *every])))
    assert result.exit_code == 0, result.output
    (sheet,) = tmp_path.glob("*.png")
    with Image.open(sheet) as image:
        assert image.width >= 2 * 128 and image.height >= 128
        assert "dull" in image.text["parameters"] and "a boat" in image.text["parameters"]
