"""What was typed wrongly is refused as everything else is: in one sentence, with the value and what to do."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from sdedge.commands.root import cli
from sdedge.commands.values import NameType, NumberType
from tests.test_cli import run

CLICKS_OWN = tuple(
    type(each) for each in (click.INT, click.FLOAT, click.IntRange(1), click.FloatRange(1), click.Choice(["a"]))
)


def commands(command: click.Command, ctx: click.Context, path: str = "sdedge") -> Iterator[tuple[str, click.Command]]:
    """Yields each command with what is typed for it; groups are none."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name in command.list_commands(ctx):
        below = command.get_command(ctx, name)
        if below is not None:
            yield from commands(below, ctx, f"{path} {name}")


def test_no_command_refuses_numbers_and_names_in_the_style_of_click():
    params = [(path, each) for path, command in commands(cli, click.Context(cli)) for each in command.params]
    assert [f"{path} {each.name}" for path, each in params if type(each.type) in CLICKS_OWN] == []
    kinds = [type(each.type) for _, each in params]
    assert kinds.count(NumberType) > 60 and kinds.count(NameType) >= 10


@pytest.mark.parametrize(
    "typed, said",
    [("models merge a b --with c --weight 7", "--weight 7 is out of range; choose from 0 to 2."),
     ("models merge a b --with c --weight x", "--weight is 'x', which is not a number; give it from 0 to 2."),
     ("models merge a b --with c --text-encoder none", "--text-encoder is 'none'; choose one of first, second, merged."),
     ("generate x --count 0", "--count 0 is out of range; choose 1 or more."),
     ("generate x --steps 2.5", "--steps is '2.5', which is not a whole number; give it one such as 20."),
     ("generate x --guidance nan", "--guidance nan is out of range; choose one such as 0.75."),
     ("generate x --guidance-interval 1 y", "--guidance-interval is 'y', which is not a number; give it one such as 0.75."),
     ("generate x --size 3z", "'3z' is not a size; write 512x768, or 512 for a square."),
     ("generate x --stepps 3", "There is no option --stepps; write --steps"),
     ("generate x --steps", "Option '--steps' requires an argument; see --help."),
     ("genrate x", "There is no command genrate; write generate, or see `sdedge --help`."),
     ("queue pauze", "There is no command pauze; write pause, or see `sdedge queue --help`."),
     ("queue cancel x", "JOB is 'x', which is not a whole number; give it one such as 20."),
     ("gallery search --since x", "--since 'x' is not a date; write it as 2026-05-31."),
     ("info", "IMAGE is missing; write `sdedge info IMAGE`, or see `sdedge info --help`."),
     ("upscale", "IMAGE is missing; write `sdedge upscale IMAGE…`, or see `sdedge upscale --help`."),
     ("grid x", "--x is missing; see `sdedge grid --help`."),
     ("generate a house at night", "`sdedge generate [PROMPT]` takes no more, and behind it stands house at night; put words "
      "that belong together in quotes, or see `sdedge generate --help`."),
     ("reproduce a.png --at-least x", "--at-least is 'x', which is not a number; give it one such as 40."),
     ("convert coreml a -o b --target macOS9", "--target is 'macOS9'; choose one of macOS13, macOS14, macOS15."),
     ("gallery show 999", "The gallery has no picture 999; see `sdedge gallery search`."),
     ("queue cancel 999", "The queue has no job 999; see `sdedge queue list`."),
     ("queue duplicate 999", "The queue has no job 999; see `sdedge queue list`."),
     ("doctor --model x", "give --report FILE too.")],
)  # fmt: skip
def test_a_mistake_is_said_in_one_sentence(typed, said):
    result = run(*typed.split())
    assert result.returncode == 2 and result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("sdedge: ") and said in line and line.endswith(".")


def test_a_command_of_commands_alone_shows_its_help():
    result = run("queue")
    assert result.returncode == 2 and "Draw what is waiting" in result.stderr and "sdedge:" not in result.stderr


def test_numbers_that_fit_are_taken():
    assert run("generate", "x", "--steps", "3", "--count", "2", "--size", "64", "--dry-run").returncode == 0
