"""What is offered while a prompt is typed, and tags out of the CSVs that A1111's tag completion reads."""

from __future__ import annotations

import pytest

from gui.form.completion import MOST, Offered, complete
from gui.form.tag_list import MAX_FILE, Tag, TagList, read_tags
from sdedge.errors import InvalidRequest

DANBOORU = """1girl,0,6008644,"1girls,sole_female"
long_hair,0,4350743,/lh
long_sleeves,0,1200000,
very_long_hair,0,90000,
^_^,0,800,
hatsune_miku_(vocaloid),4,5555,"miku"
masterpiece,5,Quality tag,
"""


@pytest.fixture
def tags(tmp_path):
    path = tmp_path / "danbooru.csv"
    path.write_text("tag,category,count,aliases\n" + DANBOORU)
    return read_tags(path)


@pytest.mark.parametrize("before, typed, texts", [
    ("a house, long h", "long h", ["long hair, ", "very long hair, "]),  # a phrase since the comma
    ("a girl with LONG_SL", "LONG_SL", ["long sleeves, "]),  # no tag begins so, but its last word does
    ("(miku", "miku", [r"hatsune miku \(vocaloid\), "]),  # a word of a tag, by another name of it too
    ("(hatsune miku \\(voc", "hatsune miku \\(voc", [r"hatsune miku \(vocaloid\), "]),
    ("^_", "^_", ["^_^, "]),  # a face keeps its underscore
    ("a very long hair", "very long hair", []),  # it is there
    ("<lora:wa", "wa", ["watercolour:1>", "oil and water:1>"]),
    ("__ani", "ani", ["animals/cats__"]),
    ("l", "", []),
    ("(long hair:1.", "", []),  # a weight
])  # fmt: skip
def test_what_is_typed_is_completed(tags, before, typed, texts):
    offered = Offered(["oil and water", "watercolour"], ["my-style"], ["animals/cats"], tags)
    completion = complete(before, offered)
    assert [candidate.text for candidate in completion.candidates] == texts
    assert not texts or completion.typed == typed


def test_the_most_used_come_first_and_a_long_list_is_cut():
    tags = TagList((Tag(f"tag_{number}", str(10**7 - number)), ()) for number in range(5000))
    labels = [candidate.label for candidate in complete("a, tag", Offered(tags=tags)).candidates]
    assert len(labels) == MOST and labels[0] == "tag_0   10.0M"


@pytest.mark.parametrize("data, reason", [
    (None, "No such file"), (b"\xff\xfe\x00", "not UTF-8"), (b"a\0b", "no text"), (b"\n\n", "no tag"),
    (b"x" * 200_000, "field larger than field limit"),
])  # fmt: skip
def test_a_file_that_is_no_list_is_refused_in_words(tmp_path, data, reason):
    path = tmp_path / "tags.csv"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InvalidRequest, match=reason):
        read_tags(path)


def test_a_file_that_is_too_long_is_not_read(tmp_path):
    with open(tmp_path / "long.csv", "wb") as file:
        file.truncate(MAX_FILE + 1)
    with pytest.raises(InvalidRequest, match="64 MB"):
        read_tags(tmp_path / "long.csv")
