"""Workers on the machines that Ray knows, one for each device: https://docs.ray.io. No torch in this process.

By itself Ray listens on every interface, writes a token into the home folder and reports its use; here it does none of these.
"""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.interpreter import how_to_install
from sdedge.places import expanded
from sdedge.process.batch_tasks import PictureTask
from sdedge.process.batch_worker import BatchWorker, WorkerSettings
from sdedge.process.dispatch import Answer, Lost
from sdedge.text.clean import shown

AUTO = "auto"
_STORE = 512 << 20  # bytes of memory for what goes between processes: pictures
_WITHOUT_GPU = ("cpu", "openvino")  # whose GPUs are none of Ray's
_TOKEN = secrets.token_hex(32)  # of this process: Ray reads it once
_CONNECT = 10.0  # seconds
STARTS = 3
_ADDRESS = re.compile(r"(?:ray://)?(?:\[([0-9A-Fa-f:]+)\]|([^\s:/\[\]]+)):([0-9]{1,5})")


def check_ray() -> None:
    """Raises SdedgeError, with the command that helps, where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise SdedgeError(
            f"Drawing on many machines needs Ray, which is not installed; {how_to_install('sdedge[ray]')}."
        )


@dataclass(frozen=True)
class _Place:
    """Where a worker is started: on which of Ray's nodes, with how much of it."""

    node: str
    cpus: float
    gpus: float


class RayCluster:
    """The workers of one batch. `address` is that of a Ray cluster, or "auto" for one of this machine alone, on its loopback.

    workers  on each machine; None is one for each GPU, or one where there is none
    """

    def __init__(self, address: str, settings: WorkerSettings, workers: int | None = None) -> None:
        check_ray()
        if address != AUTO:
            _check_reachable(address)
        self._settings, self._workers = settings, workers
        self._folder = "" if address != AUTO else tempfile.mkdtemp(prefix="sdedge-", dir=_short_folder())
        _prepare(address)
        import ray

        self._ray = ray
        self._places: dict[str, _Place] = {}
        self._actors: dict[str, Any] = {}
        self._pending: dict[Any, str] = {}
        self._connect(address)

    def _connect(self, address: str) -> None:
        """Starts Ray, several times on a busy machine, for which it has no patience, or joins a cluster. Raises SdedgeError."""
        settings: dict[str, Any] = {"address": address, "log_to_driver": False, "logging_level": "ERROR"}
        if address == AUTO:
            settings |= {
                "address": "local", "num_cpus": os.cpu_count(), "include_dashboard": False, "_temp_dir": self._folder,
                "object_store_memory": _STORE,
            }  # fmt: skip
        reason = ""
        for _ in range(STARTS if address == AUTO else 1):
            try:
                self._ray.init(**settings)
                return
            except Exception as error:
                lines = str(error).strip().splitlines()
                reason = lines[0][:300] if lines else type(error).__name__
                with suppress(Exception):
                    self._ray.shutdown()
        self.close()
        if address == AUTO:
            raise SdedgeError(f"Ray cannot be started ({reason}); check the memory and the temporary folder.")
        raise SdedgeError(f"There is no Ray cluster at {address} ({reason}); start one there first.")

    def devices(self) -> Sequence[str]:
        places: dict[str, _Place] = {}
        for node in self._ray.nodes():
            if node["Alive"]:
                places |= dict(self._places_on(node))
        self._places = places
        return tuple(places)

    def _places_on(self, node: Mapping[str, Any]) -> Iterator[tuple[str, _Place]]:
        resources, host = node["Resources"], node["NodeManagerHostname"]
        cpus, gpus = resources.get("CPU", 0.0), resources.get("GPU", 0.0)
        if self._settings.variables.get("SDEDGE_DEVICE", "").partition(":")[0] in _WITHOUT_GPU:
            gpus = 0.0
        count = self._workers or max(1, int(gpus))
        if cpus <= 0 and gpus <= 0:
            return
        gpu = min(1.0, gpus / count)
        for number in range(1, count + 1):
            name = f"{host} ({node['NodeID'][:6]})" + (f", worker {number}" if count > 1 else "")
            yield name, _Place(node["NodeID"], cpus / count if cpus < count else float(int(cpus / count)), gpu)

    def start(self, device: str) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        place = self._places[device]
        strategy = NodeAffinitySchedulingStrategy(place.node, soft=False)
        kind = self._ray.remote(num_cpus=place.cpus, num_gpus=place.gpus, max_restarts=0)(BatchWorker)
        self._actors[device] = kind.options(scheduling_strategy=strategy).remote(self._settings)
        self._pending[self._actors[device].about.remote()] = device

    def draw(self, device: str, task: PictureTask, contents: Mapping[str, bytes]) -> None:
        self._pending[self._actors[device].draw.remote(task, dict(contents))] = device

    def end(self, device: str) -> None:
        self._pending = {reference: own for reference, own in self._pending.items() if own != device}
        if (actor := self._actors.pop(device, None)) is not None:
            self._ray.kill(actor)

    def answers(self, seconds: float) -> Iterable[tuple[str, Answer]]:
        if not self._pending:
            return []
        ready, _ = self._ray.wait([*self._pending], num_returns=1, timeout=seconds)
        return [(self._pending.pop(reference), self._answer(reference)) for reference in ready]

    def _answer(self, reference: Any) -> Answer:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            reason = next(
                (line for line in reversed(lines) if ":" in line), lines[-1] if lines else type(error).__name__
            )
            return Lost(reason.rstrip(".")[:300])

    def close(self) -> None:
        """Ends all workers, and Ray where it was started here; nothing of it stays on the disk."""
        for device in [*self._actors]:
            with suppress(Exception):
                self.end(device)
        if "ray" in sys.modules:
            with suppress(Exception):
                sys.modules["ray"].shutdown()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def _check_reachable(address: str) -> None:
    """Raises InvalidRequest for what is no address, SdedgeError where nobody listens there, for which Ray would wait minutes."""
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match[3]) > 65535:
        raise InvalidRequest(
            f"{shown(address)} is no address of a Ray cluster; write auto, or one such as 192.168.1.10:6379."
        )
    try:
        socket.create_connection((match[1] or match[2], int(match[3])), _CONNECT).close()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SdedgeError(f"There is no Ray cluster at {address} ({reason}); start one there first.") from None


def _prepare(address: str) -> None:
    """Sets what Ray reads while it is imported."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if address == AUTO:
        os.environ.pop("RAY_ADDRESS", None)
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # which on every system means: the loopback alone
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = _TOKEN  # or it would write one into the home folder
    elif (
        "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ or expanded("~/.ray/auth_token").is_file()
    ):
        os.environ.setdefault(
            "RAY_AUTH_MODE", "token"
        )  # `ray start --head` asks for it; who joins has to say that he has one


def _short_folder() -> str | None:
    """Returns where Ray's sockets go, whose paths have to be short: a Mac's own temporary folder is too long for them."""
    return "/tmp" if os.name == "posix" and Path("/tmp").is_dir() else None
