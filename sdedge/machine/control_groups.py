"""Linux's control groups, by which a container or a service is given part of a machine: where their files are. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def own_groups() -> str:
    """Returns which groups this process is in, as the kernel says it; "" where there are none."""
    return text_of(OWN)


def group_folders(groups: Path, own: str, controller: str) -> Iterator[tuple[int, Path]]:
    """Yields the version, 1 or 2, and the folder of each control group above a process that may limit it by a controller.

    `own` is /proc/self/cgroup: "0::/path" for version 2, "3:cpu,cpuacct:/path" for version 1. Inside a container the path may be
    another one outside, so that each part of it that is there counts, and the root always does.
    """
    for line in own.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for folder in _above(path):
            if not controllers:
                yield 2, groups / folder
            elif controller in controllers.split(","):
                for name in dict.fromkeys((controller, controllers)):
                    yield 1, groups / name / folder


def _above(path: str) -> Iterator[Path]:
    """Yields a control group's folder and those above it, relative to the root."""
    inside = Path(path.strip().lstrip("/"))
    if ".." not in inside.parts:
        yield from (inside, *inside.parents)


def text_of(path: Path) -> str:
    """Returns what a file of the system says, "" where it is not there."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
