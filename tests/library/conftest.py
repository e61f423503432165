"""What the tests of the library share."""

from __future__ import annotations

from click.testing import CliRunner

from sdedge.cli import cli
from sdedge.errors import SdedgeError


def run(*arguments: object) -> str:
    """Runs the `sdedge` command in this process; returns its output. Raises its SdedgeError."""
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    if isinstance(result.exception, SdedgeError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output
