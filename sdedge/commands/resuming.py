"""`generate --resume`: where a command that was cut off goes on, and what it leaves for that."""

from __future__ import annotations

from collections.abc import Sequence

from sdedge.commands.terminal import note
from sdedge.generation.journals import Journals, journal_folder, name_of
from sdedge.generation.unfinished import unfinished
from sdedge.request import Request


class CommandJournals:
    """The journals of one command: of `requests`, `count` pictures of each. `settings` are what else makes it the same."""

    def __init__(self, requests: Sequence[Request], count: int, settings: object, resume: bool, keep: bool) -> None:
        run = name_of(requests, count, settings)
        self.journals = Journals(journal_folder(), resume, keep, run, strict=resume)
        self._count = count
        self._unfinished = unfinished(self.journals.folder, run)
        if resume and self._unfinished is None:
            note("This command has left no unfinished picture; it begins anew.")
        elif not resume and self._unfinished is not None:
            note(
                f"This command was cut off at picture {self._unfinished.number + 1}; it begins anew, --resume goes on."
            )

    def rest_of(self, request: Request, number: int) -> tuple[Request, int]:
        """Returns what of request `number` is to be drawn, and how many of its pictures are saved: all of them where nothing is.

        The seed that was chosen when it was begun is its seed.
        """
        left, done = self._unfinished, 0
        if left is not None and self.journals.resume:
            done = min(max(left.number - number * self._count, 0), self._count)
            if left.number // self._count == number:
                request = request.replace(seed=left.seed, variation_seed=left.variation_seed)
        self.journals.number = number * self._count + done
        return request, done

    def saved_of(self, number: int) -> int:
        """Returns how many of the pictures that are drawn of request `number` are saved already, since their batch was cut off
        between them."""
        left = self._unfinished
        if left is None or not self.journals.resume or left.number // self._count != number:
            return 0
        return left.saved
