"""Options of samplers: everything that the catalogue lists can be set, from every place, and is recorded."""

from __future__ import annotations

import copy
import io
import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sdedge import batch, catalog, sampler_options
from sdedge.engines.protocol import ModelFacts
from sdedge.errors import InvalidRequest
from sdedge.generation.sample import make_plan
from sdedge.images import metadata
from sdedge.images.metadata_a1111 import OPTIONS
from sdedge.request import Request
from sdedge.sampler_options import Options

LISTED = [(sampler, name) for sampler, info in catalog.SAMPLERS.items() for name in info.options]
ANYTHING = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.lists(st.integers(), max_size=2)
)


def not_default(option: catalog.OptionInfo):
    """A value that is not the default."""
    if option.choices:
        return next(choice for choice in option.choices if choice != option.default)
    low, high = option.minimum or 0, min(1000.0 if option.maximum is None else option.maximum, 1000.0)
    values = (low, high) if isinstance(option.default, int) else ((low + high) / 2, low, high)
    return next(type(option.default)(value) for value in values if value != option.default)


@pytest.mark.parametrize(("sampler", "name"), LISTED)
def test_every_option_listed_reaches_the_sampler_from_text_and_json(sampler, name):
    value = not_default(catalog.SAMPLERS[sampler].options[name])
    request = Request(sampler=sampler, options=sampler_options.parse([f"{name}={value}"]))
    assert Request.from_json(request.to_json()) == request and hash(request) == hash(request.replace())
    plan = make_plan(request, ModelFacts("x", 64, 64, 8, 4))
    if (sampler, name) == ("tcd", "eta"):
        assert (
            plan.options["down"] != make_plan(Request(sampler=sampler), ModelFacts("x", 64, 64, 8, 4)).options["down"]
        )
    elif name == "tau":
        assert value in plan.options["tau"]
    else:
        assert plan.options[name] == value and type(plan.options[name]) is type(value)
    assert Request(sampler=sampler).replace(**batch.overrides({"options": f"{name}={value}"})) == request
    assert batch.grid(Request(sampler=sampler), batch.axis(f"option.{name}={value}")).requests == [request]


@settings(max_examples=40)
@given(
    st.sampled_from(sorted(catalog.SAMPLERS)),
    st.dictionaries(st.sampled_from(["eta", "order", "s_tmax", "r"]), ANYTHING),
)
def test_other_values_are_refused_in_a_sentence_and_kept_ones_are_in_range(sampler, options):
    known = catalog.SAMPLERS[sampler].options
    try:
        checked = sampler_options.check(sampler, options)
    except InvalidRequest as error:
        assert "\n" not in str(error) and str(error).endswith(".")
        return
    for name, value in checked.items():
        assert math.isfinite(value) and (known[name].minimum or 0) <= value <= known[name].maximum
        assert type(value) is type(known[name].default)
    assert json.loads(json.dumps(checked)) == checked


@pytest.mark.parametrize(
    ("options", "said"),
    [({"eta": 0.5}, "sampler dpmpp_2m; it has no options; leave it out, or choose a sampler that has it .ddim, "),
     ({"nonsense": 1}, "it has no options; leave it out[.]"), (3, "options is 3"),
     ({"x" * 99: 1}, "Option x{40} means"),
     ({3: 1}, "Option 3 means nothing")],
)  # fmt: skip
def test_a_request_refuses_options_that_its_sampler_lacks(options, said):
    with pytest.raises(InvalidRequest, match=said):
        Request(options=options)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["s_churn"], "has no value"),
        (["s_churn=a"], "'a', which is not a number"),
        (["churn=1"], "No sampler has an option"),
    ],
)
def test_text_that_is_no_option_is_refused(texts, said):
    with pytest.raises(InvalidRequest, match=said):
        sampler_options.parse(texts)


def test_eta_is_one_setting_however_it_is_said():
    assert Request(sampler="ddim", options={"eta": 0.5}) == Request(sampler="ddim", eta=0.5)
    with pytest.raises(InvalidRequest, match="given twice"):
        Request(sampler="ddim", eta=0.2, options={"eta": 0.5})


def test_another_sampler_keeps_the_options_it_takes():
    request = Request(sampler="euler", options={"s_churn": 3, "s_noise": 1.1})
    assert request.replace(sampler="euler_a").options == {"s_noise": 1.1}
    assert request.replace(sampler="dpmpp_2m").options == {}
    assert request.replace(sampler="heun", options={"s_churn": 1}).options == {"s_churn": 1.0}
    assert Request(sampler="lms", options={"order": 4}).replace(sampler="deis").options == {}  # which goes to 3


def test_options_do_not_change():
    options = Options(order=3)
    for copied in (copy.deepcopy(options), pickle.loads(pickle.dumps(options))):
        assert copied == options and type(copied) is Options
    with pytest.raises(TypeError, match="do not change"):
        options["order"] = 2


def test_two_axes_of_options_meet_those_of_the_request():
    base = Request(sampler="euler", options={"s_noise": 1.1})
    x, y = batch.axis("option.s_churn=1,2"), batch.axis("option.s_tmin=0.5")
    assert [cell.options for cell in batch.grid(base, x, y).requests] == [
        {"s_noise": 1.1, "s_churn": churn, "s_tmin": 0.5} for churn in (1, 2)
    ]
    with pytest.raises(InvalidRequest, match="Both axes"):
        batch.grid(base, x, x)


@pytest.mark.parametrize("form", ["png", "jpeg", "parameters"])
@pytest.mark.parametrize(
    "request_",
    [Request(sampler="heun", options={"s_churn": 12, "s_tmin": 0.1, "s_tmax": 9.5, "s_noise": 1.003}),
     Request(sampler="unipc", options={"order": 3, "variant": "bh1"}), Request(sampler="dpm_adaptive", options={"rtol": 0.1})],
)  # fmt: skip
def test_pictures_record_them_and_a1111_s_keys_are_understood(request_, form):
    file = io.BytesIO()
    metadata.write(file, np.zeros((8, 8, 3), np.uint8), "jpeg" if form == "jpeg" else "png", request_, {})
    metadata_read = metadata.read(file)
    if form == "parameters":
        metadata_read = metadata.parse_parameters(Image.open(file).info["parameters"])
    expected = {name: v for name, v in request_.options.items() if form != "parameters" or name in OPTIONS}
    assert metadata_read.fields.get("options", {}) == expected and not metadata_read.notes


@pytest.mark.parametrize("name", ["sigmas", "timesteps"])
@pytest.mark.parametrize(
    "values", [(), (1.0, 2.0), (3.0, 3.0), (math.nan,), (math.inf, 1.0), (-1.0,), tuple(range(1001, 0, -1))]
)
def test_own_levels_are_few_finite_and_fall(name, values):
    with pytest.raises(InvalidRequest, match=name):
        Request(**{name: values})


def test_own_timesteps_are_told_to_the_network():
    request = Request(sampler="euler", timesteps=(900.0, 500.0, 20.0))
    assert make_plan(request, ModelFacts("x", 64, 64, 8, 4)).timesteps == (900.0, 500.0, 20.0)
    with pytest.raises(InvalidRequest, match="Both sigmas and timesteps"):
        Request(sigmas=(3.0,), timesteps=(5.0,))
