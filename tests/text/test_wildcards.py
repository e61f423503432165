"""Wildcards and styles."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sdedge.errors import InvalidRequest
from sdedge.text import styles, wildcards
from sdedge.text.prompt import weighted_segments
from sdedge.text.styles import Style
from sdedge.text.wildcards import Choice, escape, resolve

MARKED = st.text(st.sampled_from(list("ab {}|[]\\_")), max_size=40)


def test_a_seed_chooses_the_same_and_seeds_choose_all():
    texts = [resolve("a {red|green|blue} cat", seed).text for seed in range(60)]
    assert texts == [resolve("a {red|green|blue} cat", seed).text for seed in range(60)]
    assert set(texts) == {"a red cat", "a green cat", "a blue cat"}
    assert resolve("{a|b|c|d|e|f|g|h}", 7).text != resolve("{a|b|c|d|e|f|g|h}", 7, stream="negative").text


def test_choices_are_recorded_in_reading_order():
    lines = {"colour": ["{dark|dark} red"], "a/b": ["x"]}
    resolved = resolve("__colour__ {cat|cat} __a/b__", 0, lines.__getitem__)
    assert resolved.text == "dark red cat x"
    assert resolved.choices == (
        Choice("__colour__", "dark red"), Choice("{dark|dark}", "dark"), Choice("{cat|cat}", "cat"), Choice("__a/b__", "x"),
    )  # fmt: skip


def test_what_is_not_a_wildcard_stays():
    for text in ("a {b} c", "{", "a|b", "}{", "__", "a __ b", r"\{a|b\}", r"\__x__", "{a b", "[a|b]", "snake_case"):
        assert resolve(text, 3) == wildcards.ResolvedText(text, ())
    assert resolve("{[a|b]|[a|b]}", 1).text == "[a|b]"
    assert resolve("{a {b}|a {b}}", 1).text == "a {b}"


def test_escapes_are_read_as_plain_text():
    assert weighted_segments(resolve(r"\{a|b\} \__x__", 1).text)[0].text == "{a|b} __x__"


@given(MARKED)
@example("_{_a_|_a_}_")
@example("{{|{}a{||}}")
@example("{\\|\\}{a}|b}")
@settings(max_examples=60)
def test_resolving_again_changes_nothing(text):
    lines = {}.get
    try:
        once = resolve(text, 5, lambda name: lines(name, ["a"])).text
    except InvalidRequest:
        return
    assert resolve(once, 6).text == once


@given(MARKED)
@settings(max_examples=60)
def test_escaped_text_has_no_wildcards(text):
    safe = escape(text)
    assert resolve(safe, 1) == wildcards.ResolvedText(safe, ())
    if "\\" not in text:
        plain = str.maketrans("", "", "[]")
        assert "".join(s.text for s in weighted_segments(safe.translate(plain))) == text.translate(plain)


def test_loops_unknown_files_and_floods_are_refused(tmp_path):
    (tmp_path / "loop.txt").write_text("__loop__\n")
    (tmp_path / "many.txt").write_text("__many__ __many__\n")
    (tmp_path / "empty.txt").write_text("# nothing\n\n")
    lines = wildcards.from_folder(tmp_path)
    for text in ("__loop__", "__many__", "__empty__", "__other__"):
        with pytest.raises(InvalidRequest):
            resolve(text, 0, lines)
    with pytest.raises(InvalidRequest, match="no wildcard files"):
        resolve("__x__", 0)
    with pytest.raises(InvalidRequest, match="characters"):
        resolve("__long__" * 3, 0, lambda name: ["x" * 9000])
    deep = "{" * 1500 + "a|b" + "|c}" * 1500
    assert {resolve(deep, seed).text for seed in range(3)} <= {"a", "b", "c"}


def test_files_in_folders(tmp_path):
    (tmp_path / "animals").mkdir()
    (tmp_path / "animals" / "cats.txt").write_text("\ufeff# cats\n\ntabby\n", "utf-8")
    assert resolve("a __animals/cats__", 0, wildcards.from_folder(tmp_path)).text == "a tabby"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-with-mark", "utf-16-be-with-mark"])
def test_files_of_windows_programs(tmp_path, encoding):
    mark = "\ufeff" if encoding.endswith("-with-mark") else ""
    (tmp_path / "drinks.txt").write_bytes(f"{mark}café 🎨\r\n".encode(encoding.removesuffix("-with-mark")))
    assert resolve("__drinks__", 0, wildcards.from_folder(tmp_path)).text == "café 🎨"


def test_files_are_read_once_and_only_regular_ones_inside_the_folder(tmp_path, monkeypatch):
    folder = tmp_path / "wildcards"
    (folder / "sub").mkdir(parents=True)
    (folder / "Cafe\u0301.txt").write_text("latte\n" * 500)
    (folder / "latin.txt").write_bytes(b"caf\xe9")
    (folder / "sub" / "folder.txt").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    os.mkfifo(folder / "fifo.txt")
    opened = []
    reader = wildcards.open_regular
    monkeypatch.setattr(wildcards, "open_regular", lambda path: (opened.append(path), reader(path))[1])
    lines = wildcards.from_folder(folder)
    assert resolve("__café__ " * 400, 0, lines).text == "latte " * 400
    assert len(opened) == 1
    for name in ("latin", "sub/folder", "link", "fifo", "x" * 5000, "sub"):
        with pytest.raises(InvalidRequest, match="Cannot read the wildcard") as refusal:
            lines(name)
        assert len(str(refusal.value)) < 600 and "secret" not in str(refusal.value)
    assert resolve("__../../etc/passwd__ __..__", 0, lines).choices == ()


def test_no_more_is_read_than_the_bound(monkeypatch):
    read = []
    monkeypatch.setattr(wildcards, "_TOKEN", _Counting(wildcards._TOKEN, read))
    for line in ("x" * 19_000, "{a|__a__} " * 900):
        read.clear()
        with pytest.raises(InvalidRequest):
            resolve("__a__ " * 900, 0, lambda name, line=line: [line])
        assert sum(read) <= wildcards.MAX_SCANNED + 20_000


class _Counting:
    def __init__(self, pattern, read):
        self.pattern, self.read = pattern, read

    def finditer(self, text):
        self.read.append(len(text))
        return self.pattern.finditer(text)


def test_names_with_double_underscores_are_left_alone():
    tag = "<lora:my__style__v2:1>"
    assert resolve(f"a {{red {tag}|red {tag}}}", 0).text == f"a red {tag}"
    assert escape(tag) == tag
    assert resolve("<lora:__x__:1>", 0, {"x": ["y"]}.__getitem__).text == "<lora:y:1>"
    assert resolve("<lora:{y|y}:1>", 0).text == "<lora:y:1>"
    resolved = resolve("bad__hands__5 {a|a}", 0, keep=re.compile("bad__hands__5"))
    assert weighted_segments(resolved.text)[0].text == "bad__hands__5 a"


def test_styles_have_a_slot_or_follow(tmp_path):
    path = tmp_path / "styles.csv"
    path.write_text(
        'name,prompt,negative_prompt\nfilm,"film still of {prompt}, grain",\nbw,monochrome,colour\n', "utf-8"
    )
    saved = styles.read_styles(path)
    assert saved["film"] == Style("film", "film still of {prompt}, grain", "")
    assert styles.apply("a cat", "ugly", ["film", "bw"], saved) == (
        "film still of a cat, grain, monochrome",
        "ugly, colour",
    )
    with pytest.raises(InvalidRequest, match="Unknown style 'x'"):
        styles.apply("", "", ["x"], saved)
