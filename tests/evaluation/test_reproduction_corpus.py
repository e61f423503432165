"""`reproduce` draws the corpus again where its numerics are known, and names in the rest what it cannot honour."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from sdedge.engines.open import load_engine
from sdedge.evaluation.reproduction import AT_LEAST, Outcome, reproduce
from sdedge.evaluation.reproduction_plan import plan
from sdedge.generation.pipeline import Pipeline
from sdedge.images import metadata
from sdedge.images.metadata_apps import from_texts
from sdedge.library.models import Library
from sdedge.request import Request
from tests.conftest import cases
from tests.corpus.cases import MODEL, CorpusCase, every_case
from tests.generation.conftest import write_model
from tests.images.graph_samples import COMFYUI_WORKFLOW, comfyui_prompt, invokeai_graph
from tests.k_diffusion_referee import load_k_diffusion

QUICK = {"a1111-gpu", "comfyui-lora", "unheard-of"}


@pytest.fixture(scope="session")
def corpus_model(made_once) -> Path:
    return made_once("corpus-model", lambda folder: write_model(4, folder))


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(load_engine("cpu"))


def test_there_are_sixty():
    names = [case.name for case in every_case()]
    assert len(names) == len(set(names)) == 60 and {*names} > QUICK


@pytest.mark.parametrize(
    "case",
    cases(every_case(), quick=[case for case in every_case() if case.name in QUICK]),
    ids=[case.name for case in every_case()],
)
def test_a_picture_is_drawn_again_or_what_it_lacks_is_named(case: CorpusCase, corpus_model, pipeline, tmp_path):
    if case.name.startswith(("a1111", "civitai")) and load_k_diffusion() is None:
        pytest.skip("k-diffusion, the referee, is not installed (pip install --no-deps k-diffusion)")
    library = Library()
    library.add(corpus_model, MODEL, link=True)
    library.close()
    path = case.write(tmp_path, str(corpus_model))
    planned = plan(path)
    if planned.is_complete:  # by its path here, so that one engine serves all of these tests
        planned = plan(path, {"model": str(corpus_model)})
    result = reproduce(planned, pipeline, lambda event: None)
    assert result.outcome in case.outcomes, (result.psnr, result.fault, result.unhonoured)
    assert case.unhonoured <= {setting.field for setting in result.unhonoured}
    assert case.missing == {file.role for file in result.plan.missing}
    if Outcome.REPRODUCED in case.outcomes and Outcome.DIFFERENT not in case.outcomes:
        assert result.psnr is not None and result.psnr >= AT_LEAST
        assert planned.request is not None and planned.request.preset != "sdedge", "its program's numerics are followed"


@pytest.mark.slow
def test_a_referee_that_anything_equals_proves_nothing(corpus_model, pipeline, tmp_path):
    case = next(case for case in every_case() if case.name == "invokeai-dpmpp_2m_k")
    path = case.write(tmp_path, str(corpus_model))
    result = reproduce(plan(path, {"model": str(corpus_model), "seed": 5000}), pipeline, lambda event: None)
    assert result.outcome is Outcome.DIFFERENT and result.psnr is not None and result.psnr < AT_LEAST


_ODD = (None, True, -1, 0, 3.5, 1e308, "", "x", "a" * 50, [], {}, [["x", 0]], ["4", 0], {"a": {"b": 1}}, 10**19, "-1", ["a", "b"],
        [1, 2], {"lora": "x", "on": True}, float("nan"))  # fmt: skip


def _disturbed(value: object, random: Random) -> object:
    """Returns JSON in which some values are others, some keys are missing and some stand in another's place."""
    if random.random() < 0.06:
        return random.choice(_ODD)
    if isinstance(value, dict):
        keys = ("seed", "steps", "model", "loras", "text", "value", "nodes", "inputs")
        names = {key: random.choice(keys) if random.random() < 0.02 else key for key in value if random.random() > 0.03}
        return {name: _disturbed(value[key], random) for key, name in names.items()}
    return [_disturbed(each, random) for each in value if random.random() > 0.02] if isinstance(value, list) else value


@pytest.mark.parametrize("rounds", cases((40, 1500), quick={40}))
def test_no_disturbed_settings_crash_the_readers(rounds):
    random = Random(rounds)
    graphs = [{"prompt": comfyui_prompt()}, {"workflow": COMFYUI_WORKFLOW}, {"invokeai_graph": invokeai_graph()}]
    samples = [*graphs, *(case.texts for case in every_case())]
    for _ in range(rounds):
        texts = {
            key: text if isinstance(text, str) else json.dumps(_disturbed(text, random))
            for key, text in random.choice(samples).items()
        }
        recorded = from_texts(texts)
        assert isinstance(metadata.to_request(recorded), Request)
        assert all(isinstance(item.value, str) for item in recorded.unhonoured)
