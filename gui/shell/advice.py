"""The engine's advice for people at a command line, as one carries it out in the window, and what failed in a few words of the
app's language. No widgets."""

from __future__ import annotations

import re
from functools import cache

from gui.languages.texts import for_others, mark
from sdedge.errors import ModelError, OutOfMemory, OutputError, Remedy

PHRASES = {
    Remedy.FLOAT32: "start sdedge with SDEDGE_DTYPE=float32 in its environment",
    Remedy.FLOAT32_OR_BFLOAT16: "start sdedge with SDEDGE_DTYPE=float32, or bfloat16, in its environment",
    Remedy.WITHOUT_INT8: "start sdedge without SDEDGE_DTYPE=int8 in its environment",
    Remedy.QUANTIZE: "make a copy that has one under Convert",
    Remedy.CPU: "start sdedge with SDEDGE_DEVICE=cpu in its environment",
    Remedy.OTHER_ENGINE: "start sdedge with SDEDGE_DEVICE=cpu, cuda or mps in its environment",
    Remedy.OTHER_MEMORY: "start sdedge without SDEDGE_MEMORY in its environment",
    Remedy.CHOOSE_CPU: "start sdedge with SDEDGE_DEVICE=cpu in its environment,",
    Remedy.DRAWN_ON_CPU: "elsewhere the bundle is drawn with SDEDGE_DEVICE=cpu in the environment of sdedge",
    Remedy.SAFETY_OFF: "turn the checker off in Settings",
    Remedy.UNCHECKED: "the checker can be turned off in Settings",
    Remedy.WITHOUT_CHECKER: "the checker can be turned off in Settings",
    Remedy.SAFETY_OPEN: "leave its check open",
    Remedy.SPEED: "the speed {name}",
    Remedy.KEEP_PACKED: "Settings can keep them on disk",
    Remedy.PACKED_ROOM: "Settings clears what is there",
    Remedy.SEE_MODELS: "see Models",
    Remedy.SEE_QUEUE: "see the queue",
    Remedy.SEE_GALLERY: "see Gallery",
    Remedy.RESTORE_OR_REMOVE: "put it back, or remove it under Models",
    Remedy.ACCEPT: "read and accept it under Models",
    Remedy.ACCEPT_FIRST: "read and accept it under Get Models",
    Remedy.OTHER_NAME: "remove it first, under Models",
    Remedy.SET_NAME: "rename what it is named by",
    Remedy.LINK: "leave the files where they are",
    Remedy.TOKEN: "give your access token under Get Models",
    Remedy.GIVE_TOKEN: "give an access token under Get Models",
    Remedy.FETCH: "get it under Get Models",
    Remedy.INSTALL_VOCABULARY: "get CLIP's vocabulary under Get Models",
    Remedy.GET_VOCABULARY: "get it under Get Models",
    Remedy.INSTALL_VOCABULARY_FROM: "choose its file there",
    Remedy.CONVERT_AGAIN: "convert the model again",
    Remedy.CONVERT_WITH_ENCODER: "convert the model again with its VAE encoder",
    Remedy.CONVERT_WITH_LORA: "convert the model again with its LoRA",
    Remedy.CONVERT_OTHER_SIZES: "convert the model for other sizes",
    Remedy.CONVERT_SMALLER: "convert it for smaller sizes",
    Remedy.CONVERT_LESS: "convert it for smaller sizes",
    Remedy.CONVERT_REPORT: "at a terminal, `sdedge doctor` writes a report of every engine",
    Remedy.TARGET_MACOS15: "the target macOS 15",
    Remedy.OTHER_COMPONENTS: "leave it out",
    Remedy.NAME_SOURCE: "add it under Models",
    Remedy.NAME_ITS_MODEL: "convert that model again",
    Remedy.ADD_CONTROL: "add its file under Models",
    Remedy.ADD_IMAGE_ENCODER: "add its folder under Models",
    Remedy.CONVERT_CONTROLNET: "add one to a Core ML bundle at a terminal, with `sdedge convert controlnet`",
    Remedy.BLEND_REGIONS: "choose Prediction for each region, under Regions",
    Remedy.GIVE_CONTROL: "add it under Control and pictures",
    Remedy.GIVE_REGION: "draw it anew under Regions",
    Remedy.SOFT_MASK: "turn on Grey is strength to draw each grey by its strength",
    Remedy.GIVE_SIZE: "set width and height to {name} to keep its size",
    Remedy.GIVE_IMAGE: "choose the picture to start from",
    Remedy.GIVE_MASK: "paint the mask",
    Remedy.GIVE_MODEL: "choose it as the model",
    Remedy.GIVE_VAE: "choose it as the VAE, under More",
    Remedy.ADD_DETECTOR: "add a detector under Models",
    Remedy.USE_DETECTOR: "find things in pictures by it at a terminal, with `sdedge detect`",
    Remedy.ADD_UPSCALER: "add an upscaler under Models",
    Remedy.USE_UPSCALER: "enlarge pictures by it at a terminal, with `sdedge upscale`",
    Remedy.USE_LORA: "add it under Models and write <lora:{name}:1> in the prompt",
    Remedy.USE_EMBEDDING: "add it under Models and write its name in the prompt",
    Remedy.TRAIN_JUDGE: "at a terminal, make one with `sdedge train judge`",
    Remedy.NAME_PLAIN_MODEL: "choose another model",
    Remedy.SEE_CHECK: "Device and Memory shows what comes of it",
    Remedy.TRUST_ENGINE: "at a terminal, `sdedge doctor` can be told to use it all the same",
    Remedy.SAME_LORAS: "it is compared with its LoRAs at a terminal only",
}
"""By what helps: how the window says it."""

HEADLINES = {
    "memory": mark("There is not enough memory."),
    "crash": mark("The engine's process has ended unexpectedly."),
    "hung": mark("The engine no longer answers."),
    "bug": mark("Something unexpected happened."),
    "output": mark("It could not be saved."),
    "database": mark("The gallery's database cannot be used."),
    "model": mark("Something is wrong with the model."),
    "request": mark("It cannot be drawn like this."),
    "other": mark("It could not be done."),
}
"""By sdedge.events.Failed.kind: what stands before the engine's English sentence in other languages."""


def failure(kind: str, sentence: str) -> str:
    """Returns what failed: in another language than English a few words of it first, then what the engine says."""
    return _headed(kind, for_the_window(sentence))


def error_in_words(error: Exception) -> str:
    """Returns what one of our errors says; nothing more where the field beside it says what it is about."""
    kinds = ((ModelError, "model"), (OutputError, "output"), (OutOfMemory, "memory"))
    kind = next((kind for type, kind in kinds if isinstance(error, type)), None)
    said = for_the_window(str(error))
    return said if kind is None else _headed(kind, said)


def _headed(kind: str, said: str) -> str:
    return " ".join(filter(None, (for_others(HEADLINES.get(kind, HEADLINES["other"])), said)))


def for_the_window(sentence: str) -> str:
    """Returns a message with the clauses of a command line replaced by where the same is done here; all else stays.

    The clauses are constants of `sdedge.errors`, so this holds for a sentence out of the database or another process too.
    """
    return _clause().sub(_reworded, sentence)


def _reworded(match: re.Match[str]) -> str:
    remedy = Remedy[str(match.lastgroup)]
    clause = re.fullmatch(_PATTERNS[remedy], match[0])
    return PHRASES[remedy].replace("{name}", clause[1] if clause is not None and clause.groups() else "")


_PATTERNS = {remedy: re.escape(remedy).replace(r"\{name\}", r"([^`;]*?)") for remedy in Remedy}
_PATTERNS[Remedy.SPEED] = r"--speed (\w+)"


@cache
def _clause() -> re.Pattern[str]:
    """Matches any clause, the longest first: "choose --device cpu" is no "--device cpu". The first paint does not wait for it."""
    longest = sorted(Remedy, key=len, reverse=True)
    return re.compile("|".join(f"(?P<{remedy.name}>{_PATTERNS[remedy].replace('(', '(?:')})" for remedy in longest))
