"""JSON messages over a pair of pipes: four bytes of length (big-endian), then UTF-8 JSON. No torch."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from typing import Any

LIMIT = 64 * 2**20  # bytes; a longer message means that the two sides are out of step


class BadFrame(Exception):
    """What arrived is not a message; nothing after it can be trusted."""


class Channel:
    """One end of a private connection. `receive` belongs to one thread; `send` may be called from any."""

    def __init__(self, read: int, write: int) -> None:
        self._read = read
        self.writing: int | None = write  # the descriptor; None when it is closed
        self._sending = threading.Lock()

    def send(self, message: Mapping[str, Any]) -> None:
        """Writes one message, whole. Raises BrokenPipeError (or another OSError) when the other end is gone."""
        body = json.dumps(message).encode()
        data = memoryview(len(body).to_bytes(4, "big") + body)
        with self._sending:
            if self.writing is None:
                raise BrokenPipeError("The channel is closed.")
            while data:
                data = data[os.write(self.writing, data) :]

    def receive(self) -> dict[str, Any] | None:
        """Waits for the next message; None when the other end is closed, even in the middle of a message.

        Raises BadFrame.
        """
        head = self._exactly(4)
        if head is None:
            return None
        length = int.from_bytes(head, "big")
        if length > LIMIT:
            raise BadFrame(f"A message claims {length} bytes; the limit is {LIMIT}.")
        body = self._exactly(length)
        if body is None:
            return None
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise BadFrame(f"A message is not JSON ({error}).") from error
        if not isinstance(message, dict):
            raise BadFrame(f"A message is a JSON {type(message).__name__}, not an object.")
        return message

    def close_writing(self) -> None:
        """Lets the other end know that nothing more will be sent. Safe while another thread is inside `receive`."""
        with self._sending:
            if self.writing is not None:
                os.close(self.writing)
                self.writing = None

    def close(self) -> None:
        """Closes both directions. Only when no thread is inside `receive`."""
        self.close_writing()
        os.close(self._read)

    def _exactly(self, length: int) -> bytes | None:
        parts, missing = [], length
        while missing:
            part = os.read(self._read, min(missing, 1 << 20))
            if not part:
                return None
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)
