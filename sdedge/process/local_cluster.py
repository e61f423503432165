"""A cluster of one: the worker of a batch in this very process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from sdedge.process.batch_tasks import PictureTask
from sdedge.process.batch_worker import AboutWorker, BatchWorker, Drawn, Undrawn, WorkerSettings

DEVICE = "this machine"


class LocalCluster:
    """Draws while it is asked for answers. What `is_cancelled` says ends a picture after its step."""

    def __init__(self, settings: WorkerSettings, is_cancelled: Callable[[], bool] = lambda: False) -> None:
        self._settings, self._is_cancelled = settings, is_cancelled
        self._worker = BatchWorker(settings)
        self._ordered: tuple[PictureTask, Mapping[str, bytes]] | None = None
        self._has_started = False

    def devices(self) -> Sequence[str]:
        return (DEVICE,)

    def start(self, device: str) -> None:
        self._worker, self._has_started = BatchWorker(self._settings), True

    def draw(self, device: str, task: PictureTask, contents: Mapping[str, bytes]) -> None:
        self._ordered = task, contents

    def end(self, device: str) -> None:
        self._ordered = None

    def answers(self, seconds: float) -> Iterable[tuple[str, AboutWorker | Drawn | Undrawn]]:
        if self._has_started:
            self._has_started = False
            yield DEVICE, self._worker.about()
        elif self._ordered is not None:
            task, contents = self._ordered
            self._ordered = None
            yield DEVICE, self._worker.draw(task, contents, self._is_cancelled)

    def close(self) -> None:
        pass
