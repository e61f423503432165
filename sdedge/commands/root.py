"""The `sdedge` command and its subcommands, which are imported when they run, so that `--help` and completion are instant."""

from __future__ import annotations

from importlib.util import find_spec

import click

import sdedge
from sdedge.commands.lazy import LazyGroup, imported

# Heading -> name -> (where the click command is, one line of help). What other packages add comes through the entry points.
SECTIONS = {
    "Draw": {
        "generate": ("sdedge.commands.generate:generate", "Draw pictures from a prompt."),
        "batch": ("sdedge.commands.batch:batch", "Draw a file of requests, here or on many machines."),
        "queue": ("sdedge.commands.queue:queue", "Work through many requests, whatever happens."),
        "grid": ("sdedge.commands.grid:grid", "Draw one prompt under every pair of two settings."),
        "compare": ("sdedge.commands.grid:compare", "Draw one prompt with several samplers and steps."),
        "reproduce": ("sdedge.commands.reproduce:reproduce", "Draw pictures again and grade them."),
    },
    "Look up and prepare": {
        "samplers": ("sdedge.commands.samplers:samplers", "List samplers, schedules and presets."),
        "tokens": ("sdedge.commands.tokens:tokens", "Show how a prompt is read."),
        "hint": ("sdedge.commands.hint:hint", "Make hints of photos, for ControlNets and T2I-Adapters."),
        "detect": ("sdedge.commands.detect:detect", "Find faces, hands and other things in a picture."),
    },
    "Pictures that are there": {
        "info": ("sdedge.commands.info:info", "Show how a picture was made."),
        "gallery": ("sdedge.commands.gallery:gallery", "Find, tag and export pictures."),
        "upscale": ("sdedge.commands.upscale:upscale", "Enlarge pictures."),
        "watermark": ("sdedge.commands.watermark:watermark", "Read the invisible watermark of a picture."),
    },
    "Models": {
        "models": ("sdedge.commands.models:models", "Add, list, verify, export and fetch models."),
        "tokenizer": ("sdedge.commands.models:tokenizer", "Install CLIP's vocabulary for single-file models."),
        "evaluate": ("sdedge.commands.evaluate:evaluate", "Measure how well a model shows what prompts say."),
        "selftest": ("sdedge.commands.selftest:selftest", "Check the published weights against golden values."),
        "train": ("sdedge.commands.train:train", "Train the embedded model, a LoRA of it, or the judge."),
    },
    "Window and servers": {
        "serve": ("sdedge.commands.serve:serve", "Serve the demo page, and the APIs that other programs speak."),
        "mcp": ("sdedge.commands.serve:mcp", "Draw for an assistant, by the Model Context Protocol."),
    },
    "This machine": {
        "doctor": ("sdedge.commands.doctor:doctor", "Show what this machine runs in, and why."),
        "cache": ("sdedge.commands.cache:cache", "Show, bound and clear what is kept to save time."),
        "backup": ("sdedge.commands.backup:backup", "Put everything you made into one file, and back."),
    },
}
COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}
ADDED = {
    "convert": ("Models", "Convert models for Apple devices, and prove the result."),
    "gui": ("Window and servers", "Open the desktop app."),
}
"""Commands of the packages beside this one: their heading and one line of help."""

BESIDE = {"convert": "converters.cli:convert", "gui": "gui.cli:gui"}
"""Where these are in a whole sdedge, so that they run without a look at what else is installed."""


class Commands(LazyGroup):
    """Our own commands, and those other packages add."""

    def table(self) -> dict[str, tuple[str, str]]:
        from importlib.metadata import (
            entry_points,  # brings an e-mail parser, which no command waits for that is known here
        )

        added = {
            point.name: (point.value, ADDED.get(point.name, ("", ""))[1])
            for point in entry_points(group="sdedge.commands")
        }
        return {**COMMANDS, **{name: entry for name, entry in added.items() if name not in COMMANDS}}

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in COMMANDS:
            return imported(COMMANDS[name][0])
        module = BESIDE.get(name, "")
        if module and find_spec(module.partition(".")[0]) is not None:
            return imported(module)
        return super().get_command(ctx, name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands under their headings, in one column; what nobody knows here comes last."""
        table = self.table()
        width = max(map(len, table))
        headings = {name: heading for heading, section in SECTIONS.items() for name in section}
        headings |= {name: heading for name, (heading, _) in ADDED.items()}
        for heading in (*SECTIONS, "More"):
            rows = [
                (name.ljust(width), text or self.help_of(ctx, name))
                for name, (_, text) in table.items()
                if headings.get(name, "More") == heading
            ]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(sdedge.__version__, prog_name="sdedge")
def cli() -> None:
    """Stable Diffusion v1 for the machine in front of you: offline, on Apple Silicon, CUDA and plain CPUs."""
