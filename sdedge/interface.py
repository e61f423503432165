"""The Python interface of `import sdedge`: `load`, `generate` and what they give. Torch is imported when one is called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sdedge.engines.open import default_model, load_engine
from sdedge.request import Request

if TYPE_CHECKING:
    from sdedge.events import Event
    from sdedge.generation.save import Picture


class Model:
    """A model ready to draw; its networks are loaded when they are first needed and kept until `release`."""

    def __init__(self, name: str, device: str = "auto", dtype: str | None = None, memory: str = "auto") -> None:
        from sdedge.generation.pipeline import Pipeline
        from sdedge.process.prover import CanaryProver

        self.name = name
        prover = CanaryProver()
        self._pipeline = Pipeline(load_engine(device, dtype, memory=memory, allows=prover.allows), prover=prover)

    def generate(self, prompt: str | Request, *, count: int = 1, batch: int = 1, **fields: Any) -> list[Picture]:
        """Draws `count` pictures with seeds seed, seed + 1 …, `batch` at a time, and returns them in order.

        prompt   the words, or a whole Request
        fields   what else of a Request differs: seed, steps, sampler, width, image, mask …; with a few-step model or LoRA
                 (`library.few_steps`) steps, sampler and guidance are those that suit it where they are left out

        Raises InvalidRequest, whose `field` names what is at fault, ModelError and OutOfMemory.
        """
        from sdedge.generation.save import Picture

        return [
            event for event in self.stream(prompt, count=count, batch=batch, **fields) if isinstance(event, Picture)
        ]

    def stream(
        self, prompt: str | Request, *, count: int = 1, batch: int = 1, previews: bool = False, **fields: Any
    ) -> Iterator[Event | Picture]:
        """Draws as `generate` does, yielding each event (`sdedge.events`) and picture when it is there.

        Stop iterating to cancel.
        """
        request = self._request(prompt, fields)
        return self._pipeline.images(request, count, batch, previews)

    def release(self) -> None:
        """Gives the memory of all networks back; the next picture loads them again."""
        self._pipeline.release()

    def _request(self, prompt: str | Request, fields: dict[str, Any]) -> Request:
        if isinstance(prompt, Request):
            return prompt.replace(model=self.name, **fields)
        from sdedge.library.few_steps import suited

        return suited(Request.from_dict({"prompt": prompt, "model": self.name, **fields}), fields.keys())[0]


def load(model: str | None = None, *, device: str = "auto", dtype: str | None = None, memory: str = "auto") -> Model:
    """Returns a model by its installed name, its folder or its file; None is the default one, at first the embedded one.

    device   "auto", "cpu", "cuda", "mps", "openvino", "openvino:gpu", or Core ML's compute units for a converted bundle
    dtype    "float32", "float16", "bfloat16" or "int8"; None is what was measured to be best here
    memory   "auto", or a mode that `sdedge doctor` names

    Raises ModelError for a model that is not there, and InvalidRequest for a mode that is none.
    """
    from sdedge.engines.open import locate

    name = default_model() if model is None else str(model)
    locate(name)
    return Model(name, device, dtype, memory)


def generate(
    prompt: str | Request, *, model: str | None = None, count: int = 1, batch: int = 1, **fields: Any
) -> list[Picture]:
    """Draws with a model loaded for this call: `load(model).generate(prompt, …)`. Load a model once to draw more often."""
    if isinstance(prompt, Request) and model is None:
        model = prompt.model
    return load(model).generate(prompt, count=count, batch=batch, **fields)
