"""What the queue and the gallery promise beside losing nothing: `python -m tests.benchmarks queue`."""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sdedge.events import Cancelled, Event, Finished, ImageDone, Step
from sdedge.images.output import Output
from sdedge.library.gallery import Gallery, Search
from sdedge.library.jobs import Queue
from sdedge.library.store import open_store
from sdedge.process.supervisor import Limits, Supervisor
from sdedge.request import Request
from tests.benchmarks.support.broken_app import FAKE


def measure_cancel(folder: Path, times: int = 10) -> dict:
    """Seconds from asking to the answer, for a step of 0.3 s: after this step, and at once from an engine that hangs."""
    answers: dict[str, list[float]] = {"now": [], "kill": []}
    steps: list[int] = []
    heard: list[tuple[float, int | None, Event]] = []
    supervisor = Supervisor(folder, lambda job, event: heard.append((time.monotonic(), job, event)), drawer=FAKE)
    store = open_store(folder)
    queue = Queue(store)
    supervisor.start()
    for i in range(2 * times):
        level = "now" if i % 2 == 0 else "kill"
        prompt = "steps=50 step=0.3" if level == "now" else ("fail=hang@2" if i % 4 == 1 else "fail=stall@2")
        job = queue.add(Request(prompt=prompt, model="fake"), Output(folder / "out")).id
        supervisor.wake()
        while not any(number == job and isinstance(event, Step) for _, number, event in list(heard)):
            time.sleep(0.005)
        time.sleep(random.uniform(0, 0.3))
        asked = time.monotonic()
        queue.cancel(job, level)
        if level == "kill":
            supervisor.hard_cancel(job)
        supervisor.wake()
        while not (done := [at for at, number, event in list(heard) if number == job and isinstance(event, Cancelled)]):
            time.sleep(0.001)
        answers[level].append(done[0] - asked)
        if level == "now":
            steps.append(sum(n == job and isinstance(e, Step) and at > asked for at, n, e in heard))
    supervisor.close()
    store.close()
    return {
        "step": 0.3, "now, seconds": _spread(answers["now"]), "now, steps begun or ended after it": max(steps),
        "kill, seconds": _spread(answers["kill"]),
    }  # fmt: skip


def measure_memory(folder: Path, switches: int = 30, models: int = 4) -> dict:
    """Resident bytes of the real worker after switching between random models of some 50 MB."""
    import torch

    from sdedge.training.illustrations.recipe import QUICK, random_networks
    from sdedge.training.networks import export

    places = []
    for i in range(models):
        unet = replace(QUICK.unet, block_out_channels=(64, 96, 128, 128), sample_size=8)
        vae = replace(QUICK.vae, block_out_channels=(16, 16, 32, 32), layers_per_block=1)
        recipe = replace(QUICK, unet=unet, vae=vae)
        torch.manual_seed(i)
        places.append(folder / f"model-{i}")
        export(recipe, random_networks(recipe), places[-1])
    size = sum(file.stat().st_size for file in places[0].rglob("*") if file.is_file())
    ended: list[Event] = []

    def listen(job: int | None, event: Event) -> None:
        if job is not None and not isinstance(event, (Step, ImageDone)) and hasattr(event, "count"):
            ended.append(event)

    supervisor = Supervisor(folder / "data", listen, limits=Limits(beat=0.2))
    store = open_store(folder / "data")
    queue = Queue(store)
    supervisor.start()
    memory = []
    for i in range(switches + 1):
        queue.add(Request(prompt="a red house", model=str(places[i % models]), steps=2), Output(folder / "out"))
        supervisor.wake()
        deadline = time.monotonic() + 120
        while len(ended) <= i and time.monotonic() < deadline and queue.paused is None:
            time.sleep(0.02)
        assert len(ended) == i + 1 and isinstance(ended[-1], Finished), (queue.paused, queue.jobs()[0])
        time.sleep(0.5)  # the next heartbeat
        memory.append(supervisor.worker_memory)
    supervisor.close()
    store.close()
    return {
        "model, MB": round(size / 1e6), "after 2 switches, MB": round(memory[2] / 1e6),
        f"after {switches} switches, MB": round(memory[-1] / 1e6), "greatest, MB": round(max(memory) / 1e6),
        "change": f"{memory[-1] / memory[2] - 1:+.1%}",
    }  # fmt: skip


def measure_search(folder: Path, rows: int = 100_000, times: int = 20) -> dict:
    """Milliseconds (median, greatest) of searches with their first page of 60, over rows with prompts of 12 words."""
    chance = random.Random(1)
    consonants, vowels = "bdfgklmnprstvz", "aeiou"
    vocabulary = ["".join(chance.choice(consonants) + chance.choice(vowels) for _ in range(3)) for _ in range(5000)]
    weights = [1 / (rank + 1) for rank in range(len(vocabulary))]
    vocabulary[0], vocabulary[1], vocabulary[-1] = "house", "red", "unicorn"
    store = open_store(folder)
    gallery = Gallery(store)
    store.database.execute("BEGIN")
    for i in range(rows):
        prompt = " ".join(chance.choices(vocabulary, weights, k=12))
        request = Request(prompt=prompt, seed=i, sampler=chance.choice(("euler", "heun", "dpmpp_2m")))
        gallery.insert({
            "path": f"/pictures/{i}.png", "state": "here", "created": 1.7e9 + i * 37 % 1e7, "width": 512, "height": 512,
            "content": f"{i:064x}", "model": f"model {i % 7}", "sampler": request.sampler, "seed": str(i),
            "prompt": prompt, "request": request.to_json(), "favourite": int(i % 5000 == 0),
        })  # fmt: skip
    store.database.execute("COMMIT")
    searches = {
        "everything": Search(),
        "a word in most": Search("house"),
        "a word in few": Search("unicorn"),
        "the beginning of a word": Search("ho"),
        "two words": Search("red house"),
        "a phrase": Search('"red house"'),
        "a word not there": Search("house -red"),
        "no result": Search("xylophone"),
        "a word, model and sampler": Search("house", model="model 3", sampler="heun"),
        "favourites": Search(favourite=True),
        "a model that is not there": Search(model="none"),
        "old dates": Search(until=1.7001e9),
    }
    result = {}
    for name, search in searches.items():
        taken, busy = [], []
        for _ in range(times):
            start, ticks = time.perf_counter(), time.process_time()
            hits = gallery.search(search)
            taken.append(1000 * (time.perf_counter() - start))
            busy.append(1000 * (time.process_time() - ticks))
        result[name] = f"{len(hits)} shown, {_spread(taken, 1)} ms; of the processor {_spread(busy, 1)} ms"
    first = gallery.search()
    start = time.perf_counter()
    gallery.search(after=first[-1])
    result["the second page"] = f"{1000 * (time.perf_counter() - start):.1f} ms"
    store.close()
    return result


def _spread(values: list[float], digits: int = 3) -> str:
    return f"median {statistics.median(values):.{digits}f}, greatest {max(values):.{digits}f}"


MEASURES: dict[str, Callable[[Path], dict]] = {
    "cancel": measure_cancel,
    "memory": measure_memory,
    "search": measure_search,
}


def main() -> None:
    for what, measure in MEASURES.items():
        with tempfile.TemporaryDirectory(prefix="sdedge-queue-") as folder:
            print(f"{what}\n{json.dumps(measure(Path(folder)), indent=2)}", flush=True)


if __name__ == "__main__":
    main()
