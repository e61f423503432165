"""Requests and events: what is valid, and that both survive the trip through JSON."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdedge import catalog, events
from sdedge.errors import InvalidRequest
from sdedge.request import Request, Resolved

REQUESTS = st.builds(
    Request,
    prompt=st.text(max_size=50),
    negative=st.text(max_size=50),
    width=st.none() | st.integers(8, 128).map(lambda n: n * 8),
    steps=st.integers(1, 100),
    guidance=st.none() | st.floats(0, 50),
    sampler=st.sampled_from(sorted(catalog.SAMPLERS)),
    schedule=st.none() | st.sampled_from(sorted(catalog.SCHEDULES)),
    speed=st.sampled_from(sorted(catalog.SPEEDS)),
    seed=st.none() | st.integers(0, 2**64 - 1),
    guidance_interval=st.none() | st.tuples(st.floats(0, 1), st.floats(1, 15)),
)


@given(request=REQUESTS)
def test_a_request_survives_json(request):
    assert Request.from_json(request.to_json()) == request


@pytest.mark.parametrize(
    ("field", "value"),
    [("width", 100), ("height", 0), ("steps", 0), ("steps", 10**6), ("steps", True), ("steps", "20"), ("seed", -2),
     ("guidance", math.nan), ("guidance", math.inf), ("sampler", "magic"), ("schedule", "x"), ("preset", "x"),
     ("speed", "slow"),
     ("noise", "x"), ("eta", 2.0), ("strength", -0.1), ("prompt", None), ("prompt", "x" * 100_000), ("model", ""),
     ("clip_skip", 0), ("sigmas", (1.0, 2.0)), ("mask", "mask.png")],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_by_name(field, value):
    with pytest.raises(InvalidRequest) as refused:
        Request(**{field: value})
    assert field.replace("_", " ") in str(refused.value).replace("_", " ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"steps": 3, "steps": 4}',
        '{"guidance_interval": [1]}',
        '{"promt": "x"}',
        '{"steps": {}}',
        '{"sigmas": ["a"]}',
    ],
)
def test_text_that_is_no_request_is_refused(text):
    with pytest.raises(InvalidRequest):
        Request.from_json(text)


def test_the_task_is_derived():
    assert Request().task == "txt2img"
    assert Request(image="a.png").task == "img2img"
    assert Request(image="a.png", mask="m.png").task == "inpaint"


def test_a_resolved_request_is_a_request_with_every_choice_made():
    resolved = Resolved(prompt="x", seed=3, width=512, height=512, guidance=7.5, noise="torch")
    assert isinstance(resolved.replace(seed=4), Resolved)
    assert Request.from_json(resolved.to_json()).seed == 3


@pytest.mark.parametrize(
    "event",
    [events.Loading("model"), events.Step(1, 20, 0, 2, "data:"), events.ImageDone("a.png", 2**63, 1, True),
     events.Finished(3, 1.5), events.Failed("memory", "m", "h"), events.Cancelled(2), events.Notice("n")],
)  # fmt: skip
def test_events_survive_json(event):
    assert events.from_json(events.to_json(event)) == event


@pytest.mark.parametrize("line", ['{"event": "Nope"}', "{}", '{"event": "Step", "x": 1}'])
def test_unknown_events_are_refused(line):
    with pytest.raises(ValueError, match=r"event"):
        events.from_json(line)


def test_seeds_of_a_series_begin_again_after_the_last():
    last = Request("a", seed=2**64 - 1)
    assert [last.numbered(i).seed for i in range(3)] == [2**64 - 1, 0, 1]
