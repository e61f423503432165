"""The `sdedge` command. Commands are imported when they run, so that `--help` and completion are instant."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import entry_points

import click

import sdedge
from sdedge.errors import InvalidRequest, SdedgeError

# Name -> (where the click command is, one line of help). What other packages add comes through the entry points.
COMMANDS = {
    "generate": ("sdedge.commands.generate:generate", "Draw pictures from a prompt."),
    "grid": ("sdedge.commands.grid:grid", "Draw one prompt under every pair of two settings."),
    "compare": ("sdedge.commands.grid:compare", "Draw one prompt with several samplers and steps."),
    "samplers": ("sdedge.commands.samplers:samplers", "List samplers, schedules and presets."),
    "tokens": ("sdedge.commands.tokens:tokens", "Show how a prompt is read."),
    "info": ("sdedge.commands.info:info", "Show how a picture was made."),
    "queue": ("sdedge.commands.queue:queue", "Work through many requests, whatever happens."),
    "gallery": ("sdedge.commands.gallery:gallery", "Find, tag and export pictures."),
    "models": ("sdedge.commands.models:models", "Add, list, verify, export and fetch models."),
    "tokenizer": ("sdedge.commands.models:tokenizer", "Install CLIP's vocabulary for single-file models."),
    "watermark": ("sdedge.commands.watermark:watermark", "Read the invisible watermark of a picture."),
    "selftest": ("sdedge.selftest:selftest", "Check the published weights against golden values."),
    "train": ("sdedge.commands.train:train", "Train the embedded model, or measure one."),
}


class Commands(click.Group):
    """A group that knows its commands' names and one-line helps without importing them."""

    def _found(self) -> dict[str, tuple[str, str]]:
        added = {point.name: (point.value, "") for point in entry_points(group="sdedge.commands")}
        return {**added, **COMMANDS}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._found())

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        found = self._found().get(name)
        if found is None:
            return None
        module, _, attribute = found[0].partition(":")
        return getattr(importlib.import_module(module), attribute)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text or self._help_of(ctx, name)) for name, (_, text) in self._found().items()])

    def _help_of(self, ctx: click.Context, name: str) -> str:
        command = self.get_command(ctx, name)
        return command.get_short_help_str(80) if command else ""


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(sdedge.__version__, prog_name="sdedge")
def cli() -> None:
    """Stable Diffusion v1 for the machine in front of you: offline, on Apple Silicon, CUDA and plain CPUs."""


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 failed, 2 bad usage, 130 interrupted."""
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except click.exceptions.Abort:
        sys.exit(130)
    except KeyboardInterrupt:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except InvalidRequest as error:
        fail(str(error), 2)
    except SdedgeError as error:
        fail(str(error), 1)


def fail(message: str, code: int) -> None:
    """Print one sentence to stderr and leave."""
    click.echo(f"sdedge: {message}", err=True)
    sys.exit(code)
