"""The engine's advice for people at a command line, as one carries it out in the window. No Qt."""

from __future__ import annotations

import re

_ADVICE = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"read it and run `sdedge models accept [^`]*` once", "read and accept it under Models"),
        (r"put it back or run `sdedge models remove`", "put it back, or remove it under Models"),
        (r"see `sdedge models list`", "see Models"),
        (r"choose another with --name, or remove it first", "remove it first, under Models"),
        (r"or use --link", "or leave the file where it is"),
        (r"; --no-safety draws (it|without it)", "; the checker can be turned off in Settings"),
        (r"(or )?use --no-safety", r"\1turn the checker off in Settings"),
        (r"with the safety checker off \(--no-safety\)", "with the safety checker turned off in Settings"),
        (r"try --dtype float32", "start sdedge with SDEDGE_DTYPE=float32 in its environment"),
        (r"use --device cpu", "start sdedge with SDEDGE_DEVICE=cpu in its environment"),
        (r"convert the model again with `sdedge convert mps`", "convert the model again"),
        (r"with --lora\b", "with its LoRA"),
        (r"with --size\b", "with other sizes"),
    )
)


def for_the_window(sentence: str) -> str:
    """A message with its options and commands replaced by where the same is done here; what is not known stays."""
    for pattern, words in _ADVICE:
        sentence = pattern.sub(words, sentence)
    return sentence
