"""Fifty clients at once: nothing is lost, everybody gets a turn, and the server's memory stays as it is."""

from __future__ import annotations

import json
import os
import re
import threading

import pytest

pytest.importorskip("fastapi", reason="the extra sdedge[serve] is not installed")

import requests

from tests.server.conftest import DRAWER, ROOT
from tests.server.live import live_server

pytestmark = pytest.mark.slow
CLIENTS, EACH = 50, 4


def resident() -> int:
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def draw_all(url: str, number: int, answers: dict[int, list[int]]) -> None:
    """One client: asks for its pictures one after another."""
    session = requests.Session()
    session.headers["user-agent"] = f"client {number}"
    for i in range(EACH):
        body = {"prompt": f"client {number}", "seed": 1000 * number + i, "steps": 1, "width": 64, "height": 64}
        answer = session.post(f"{url}/sdapi/v1/txt2img", json=body, timeout=300)
        assert answer.status_code == 200, answer.text
        answers[number] += json.loads(answer.json()["info"])["all_seeds"]


def run_clients(url: str) -> dict[int, list[int]]:
    answers: dict[int, list[int]] = {number: [] for number in range(CLIENTS)}
    threads = [threading.Thread(target=draw_all, args=(url, number, answers)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_fifty_clients_get_two_hundred_pictures(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with live_server(tmp_path, DRAWER) as live:
        answers = run_clients(live.url)
        assert answers == {number: [1000 * number + i for i in range(EACH)] for number in range(CLIENTS)}
        assert len(list((tmp_path / "served").glob("*.png"))) == CLIENTS * EACH
        if os.path.exists("/proc/self/statm"):
            before = resident()
            run_clients(live.url)
            assert resident() - before < 40 << 20
        assert live.service.jobs_of("anybody") == []


def test_one_client_with_many_pictures_leaves_the_others_their_turns(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    body = {"prompt": "step=0.02", "steps": 3, "width": 64, "height": 64}
    with live_server(tmp_path, DRAWER) as live:
        url = f"{live.url}/sdapi/v1/txt2img"
        greedy = threading.Thread(
            target=lambda: requests.post(
                url, json={**body, "n_iter": 40, "seed": 1}, headers={"user-agent": "greedy"}, timeout=300
            )
        )
        greedy.start()
        while len(list((tmp_path / "served").glob("*.png"))) < 2:
            pass
        for i in range(3):
            answer = requests.post(url, json={**body, "seed": 900 + i}, headers={"user-agent": "modest"}, timeout=300)
            assert answer.status_code == 200, answer.text
        drawn = [int(re.split("-", path.name)[3]) for path in (tmp_path / "served").glob("*.png")]
        assert {900, 901, 902} <= set(drawn) and len(drawn) < 30  # the other's forty are not done
        greedy.join()
        assert len(list((tmp_path / "served").glob("*.png"))) == 43


def test_a_client_that_leaves_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with live_server(tmp_path, DRAWER) as live:
        body = {"prompt": "step=0.1", "steps": 10, "width": 64, "height": 64, "n_iter": 2, "seed": 5}
        with pytest.raises(requests.exceptions.ReadTimeout):
            requests.post(f"{live.url}/sdapi/v1/txt2img", json=body, timeout=0.5)
        seeds: list[str] = []
        while len(seeds) < 2:  # a picture's row follows its file
            seeds = [row["seed"] for row in requests.get(f"{live.url}/api/pictures", timeout=30).json()["pictures"]]
        assert seeds == ["6", "5"]
