"""What the documentation and the docstrings name is there: commands, their options, modules, files, benchmarks."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from sdedge.cli import cli

ROOT = Path(__file__).parents[1]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]
OTHERS = {"--ddim_steps", "--scale", "--ddim_eta", "--plms", "--dpm_solver", "--outdir", "--n_rows", "--skip_grid", "--skip_save",
          "--fixed_code", "--precision", "--ckpt", "--config", "--laion400m", "--prompt", "--n_samples", "--n_iter", "--what",
          "--calls", "--only", "--by-processor",
          "--f", "--no-deps", "--sampler_name", "--install",
          "--head", "--address", "--node-ip-address", "--include-dashboard", "--disable-usage-stats", "--generate"}  # fmt: skip
"""Options of CompVis's scripts, of the web UI's lists of prompts, of a benchmark, of pip, of xcode-select and of Ray."""


def _commands(command: click.Command, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], set[str]]:
    """Options by the words of every command."""
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    tree = {path: options | {"--help", "-h"}}
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            tree |= _commands(command.get_command(context, name), (*path, name))
    return tree


@pytest.fixture(scope="module")
def commands() -> dict[tuple[str, ...], set[str]]:
    return _commands(cli)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_and_option_is_there(page, commands):
    text, every = page.read_text("utf-8"), set().union(*commands.values())
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", text))
    assert not named - every - OTHERS
    for line in re.findall(r"(?:^    |`|^\$ |bin/)sdedge ([a-z].*)", text, re.M):
        line = line.split("`")[0]
        parts = tuple(re.match(r"[a-z-]+(?: [a-z-]+)*", line)[0].split())
        known = [parts[:n] for n in range(len(parts), 0, -1) if parts[:n] in commands]
        assert known, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_file_and_benchmark_is_there(page):
    text = page.read_text("utf-8")
    for path in re.findall(r"`((?:sdedge|converters|gui|tests|docs|resources)/[\w./-]+)`", text):
        assert (ROOT / path).exists() or list((ROOT / path).parent.glob(f"{Path(path).name}*")), path
    for name in re.findall(r"python -m tests\.benchmarks ([a-z0-9_]+)", text):
        assert (ROOT / "tests" / "benchmarks" / f"{name}.py").is_file(), name


def test_the_table_of_questions_points_at_files():
    """Of CONTRIBUTING: a bare name stands in the folder of the path before it."""
    table = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("| where is … | in |")[1].split("\n\n")[0]
    rows = [
        re.findall(r"`([\w/]+\.py)`", line) for line in table.splitlines() if line.endswith("` |") or ".py`" in line
    ]
    assert len(rows) > 10 and all(rows)
    for names in rows:
        folder = ROOT
        for name in names:
            folder = (ROOT / name).parent if "/" in name else folder
            assert (folder / Path(name).name).is_file(), name


def test_modules_that_docstrings_name_are_there():
    wrong = []
    for file in [*ROOT.glob("sdedge/**/*.py"), *ROOT.glob("converters/**/*.py"), *ROOT.glob("gui/**/*.py")]:
        for name in re.findall(r"`((?:sdedge|converters|gui)(?:\.[a-z_]\w*)+)", file.read_text("utf-8")):
            parts = name.removesuffix(".json").split(".")
            places = [ROOT.joinpath(*parts[:n]) for n in range(len(parts), max(len(parts) - 3, 1), -1)]
            if len(parts) > 1 and not any(place.with_suffix(".py").is_file() or place.is_dir() for place in places):
                wrong.append(f"{file.name}: {name}")
        text = file.read_text("utf-8")
        for name in re.findall(r"see `([a-z_]+)`", text):
            if not ([*ROOT.glob(f"*/{name}.py")] or re.search(rf"\b(def|class) {name}\b|\b{name}\b *[:=]", text)):
                wrong.append(f"{file.name}: {name}")
    assert not wrong


def test_every_sampler_schedule_and_preset_is_in_its_page():
    from sdedge import catalog

    text = (ROOT / "docs" / "samplers.md").read_text("utf-8")
    for name in (*catalog.SAMPLERS, *catalog.SCHEDULES, *catalog.PRESETS):
        assert re.search(rf"\b{name}\b", text), name


def test_the_table_of_settings_is_the_one_of_request_fields():
    from sdedge.field_rows import CommandLine
    from sdedge.images.metadata_a1111 import KEYS, OPTIONS
    from sdedge.request_fields import FIELDS, SIZE

    lines = []
    for name, row in FIELDS.items():
        line = SIZE.command if name in SIZE.sets else row.command
        flags = ", ".join(f"`{flag}`" for flag in line.flags) if isinstance(line, CommandLine) else "`PROMPT`"
        several = {"options": list(OPTIONS.values()), "controls": ["ControlNet 0"]}
        keys = several.get(name, [KEYS[name].key] if name in KEYS else [])
        keys = [SIZE.key] if name in SIZE.sets else keys
        lines.append(f"| `{name}` | {flags} | {', '.join(f'`{key}`' for key in keys)} |")
    text = (ROOT / "docs" / "metadata.md").read_text("utf-8")
    assert text.split("| Setting | Option | Key |\n|---|---|---|\n")[1].split("\n\n")[0].splitlines() == lines, (
        "\n".join(lines)
    )
