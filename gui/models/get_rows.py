"""What *Get models* lists: the entries of sdedge.library.hub_entries, and downloads by address that are not finished. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from sdedge.library.hub_download import Unfinished, installed_entries, unfinished
from sdedge.library.hub_entries import ENTRIES
from sdedge.weights.hub import page, parse_address


@dataclass(frozen=True)
class GetRow:
    """One thing to get. `wanted` is what the command line is told: an entry's name, or an address; `role` is "" while it is not
    known; `installed` the name that it has in the library."""

    wanted: str
    name: str
    role: str
    repository: str
    text: str = ""
    installed: str = ""
    left: Unfinished | None = None

    @property
    def page(self) -> str:
        """The address of its page on the hub."""
        return page(self.repository)


def read_rows() -> list[GetRow]:
    """Returns what can be got, in the order of the list, and before it what was begun by address. Asks no network."""
    there = installed_entries()
    begun = {left.wanted: left for left in unfinished()}
    rows = [
        GetRow(
            entry.name, entry.name, entry.role, entry.repository, entry.text, there.get(entry.name, ""),
            begun.get(entry.name),
        )
        for entry in ENTRIES
    ]  # fmt: skip
    named = {row.wanted for row in rows}
    others = [row_of(left.wanted, left) for left in begun.values() if left.wanted not in named]
    return [*others, *rows]


def row_of(address: str, left: Unfinished | None = None) -> GetRow:
    """Returns the row of an address that a person typed. Raises InvalidRequest for what is none."""
    parsed = parse_address(address)
    return GetRow(str(parsed), left.name if left else str(parsed), "", parsed.repository, left=left)
