"""Errors meant for people: one sentence that says what is wrong, with what value, and what to do."""

from __future__ import annotations

import re
from enum import StrEnum

_HALVES = re.compile("[\ud800-\udfff]")


class Remedy(StrEnum):
    """What helps, as data: the name is what is done, the value how it is said at a command line.

    Sentences are written with these clauses and no other option or command in them, so that another interface can put its
    own words, or a button, in their place. `{name}` stands for a name or path.
    """

    FLOAT32 = "try --dtype float32"
    FLOAT32_OR_BFLOAT16 = "choose --dtype float32 or bfloat16"
    WITHOUT_INT8 = "leave out --dtype int8"
    QUANTIZE = "make a copy that has one with `sdedge models quantize`"
    CPU = "use --device cpu"
    BLEND_REGIONS = "write by=prediction into each region"
    OTHER_ENGINE = "use --device cpu, cuda or mps"
    OTHER_MEMORY = "leave out --memory"
    CHOOSE_CPU = "choose --device cpu"
    DRAWN_ON_CPU = "elsewhere the bundle is drawn with --device cpu"
    SAFETY_OFF = "use --no-safety"
    UNCHECKED = "--no-safety draws it"
    WITHOUT_CHECKER = "--no-safety draws without it"
    SAFETY_OPEN = "leave out --safety"
    SOFT_MASK = "with --soft-mask each grey is drawn by its strength"
    SPEED = "--speed {name}"
    SEE_MODELS = "see `sdedge models list`"
    SEE_QUEUE = "see `sdedge queue list`"
    SEE_GALLERY = "see `sdedge gallery search`"
    RESTORE_OR_REMOVE = "put it back or run `sdedge models remove`"
    ACCEPT = "read it and run `sdedge models accept {name}` once"
    ACCEPT_FIRST = "read it and give --accept-license"
    OTHER_NAME = "choose another with --name, or remove it first"
    SET_NAME = "set another with --name"
    LINK = "use --link"
    TOKEN = "give your token with --token or `hf auth login`"
    GIVE_TOKEN = "give a --token"
    FETCH = "get it with `sdedge models fetch {name}`"
    INSTALL_VOCABULARY = "run `sdedge tokenizer install`"
    GET_VOCABULARY = "get it with `sdedge models get clip-vocabulary`"
    INSTALL_VOCABULARY_FROM = "`sdedge tokenizer install PATH`"
    CONVERT_AGAIN = "convert the model again with `sdedge convert mps`"
    CONVERT_WITH_ENCODER = "convert the model again with vae_encoder among its --components"
    CONVERT_WITH_LORA = "convert the model again with --lora"
    CONVERT_CONTROLNET = "add one to a Core ML bundle with `sdedge convert controlnet`"
    CONVERT_OTHER_SIZES = "convert the model with --size for another range"
    CONVERT_SMALLER = "choose a smaller --size"
    CONVERT_LESS = "give a larger --attention-budget or a smaller --size"
    CONVERT_REPORT = "run `sdedge doctor --report FILE` for a report"
    TARGET_MACOS15 = "--target macOS15"
    OTHER_COMPONENTS = "leave it out of --components"
    NAME_SOURCE = "name it with --model"
    NAME_ITS_MODEL = "name its model with --model"
    ADD_CONTROL = "add its file with `sdedge models add`"
    ADD_IMAGE_ENCODER = "add its folder with `sdedge models add`"
    GIVE_CONTROL = "give it with --control"
    GIVE_SIZE = "give --size {name} to keep its size"
    GIVE_IMAGE = "give the picture to start from with --image"
    GIVE_REGION = "give it with --region"
    GIVE_MASK = "give the mask with --mask"
    GIVE_MODEL = "give it with --model"
    GIVE_VAE = "give it with --vae"
    ADD_DETECTOR = "add a detector with `sdedge models add`"
    USE_DETECTOR = "find things in pictures by it with `sdedge detect`"
    ADD_UPSCALER = "add an upscaler with `sdedge models add`"
    USE_UPSCALER = "enlarge pictures by it with `sdedge upscale --model`"
    USE_LORA = "add it with `sdedge models add` and write <lora:{name}:1> in the prompt"
    USE_EMBEDDING = "add it with `sdedge models add` and write its name in the prompt"
    TRAIN_JUDGE = "make one with `sdedge train judge`"
    NAME_PLAIN_MODEL = "name another with --model"
    SEE_CHECK = "see `sdedge doctor` for what comes of it"
    TRUST_ENGINE = "`sdedge doctor --trust` uses it all the same"
    KEEP_PACKED = "`sdedge cache --keep` keeps them on disk"
    PACKED_ROOM = "`sdedge cache` lists and clears what is there, and sets how much there may be"
    SAME_LORAS = "give the same ones with --lora"


class SdedgeError(Exception):
    """Something the user can act on. The command line prints the message without a traceback and exits with 1.

    `field` is the request's field that is at fault, where it is one; `remedy` is what the message says helps. Half surrogates
    that a foreign name brought into the message are U+FFFD, so that it can be printed anywhere.
    """

    def __init__(self, message: str = "", *, field: str = "", remedy: Remedy | None = None) -> None:
        super().__init__(_HALVES.sub("\ufffd", message))
        self.field, self.remedy = field, remedy


class InvalidRequest(SdedgeError):
    """A request, option or input that cannot be carried out as asked. The command line exits with 2."""


class ModelError(SdedgeError):
    """A model folder, checkpoint or vocabulary that is missing, damaged, or not Stable Diffusion v1."""


class MissingModel(ModelError):
    """A model, control model or other network that somebody named is not there; to a command line it is bad usage, as a LoRA,
    a picture or a setting is that there is none of."""


class OutputError(SdedgeError):
    """A result that could not be written: unwritable folder, full disk, file in the way."""


class OutOfMemory(SdedgeError):
    """Too little memory for what was asked, before it began or in the middle of it."""


class EngineError(SdedgeError):
    """A device or its driver that failed while a network ran on it."""


def is_out_of_memory(error: BaseException) -> bool:
    """Returns whether an exception of Python, torch or a driver says that an allocation failed."""
    text = str(error).lower()
    phrases = (
        "out of memory",
        "can't allocate memory",
        "not enough memory",
        "insufficient memory",
        "invalid buffer size",
    )
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(phrase in text for phrase in phrases)
    )
