"""Words of a search on the command line, where one that must be absent begins with a dash."""

from __future__ import annotations

import pytest

from sdedge.commands.gallery import export, search


@pytest.mark.parametrize(
    ("line", "text", "limit"),
    [
        (["house", "-night", "--sampler", "euler", "--json"], ("house", "-night"), 60),
        (["-night", "house", "-n", "5"], ("house", "-night"), 5),
        (["house", "-n5"], ("house",), 5),
        (["--tag", "-night", "red house", '-"two words"'], ("red house", '-"two words"'), 60),
        (["--", "-n", "x"], ("-n", "x"), 60),
        ([], (), 60),
    ],
)
def test_words_with_a_dash_are_words(line, text, limit):
    with search.make_context("search", list(line)) as context:
        assert context.params["text"] == text and context.params["limit"] == limit
        assert context.params["tag"] == ("-night" if "--tag" in line else None)


def test_words_of_an_export():
    with export.make_context("export", ["house", "-night", "-o", "folder"]) as context:
        assert context.params["text"] == ("house", "-night") and str(context.params["out"]) == "folder"
