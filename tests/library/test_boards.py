"""Boards and orders of the gallery: what a person grouped stays grouped, whatever happens to files and database."""

from __future__ import annotations

import datetime
import json
import os
import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner

from sdedge.commands.gallery import gallery as gallery_command
from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.library.boards import Boards
from sdedge.library.gallery import Gallery, Search
from sdedge.library.gallery_order import Order, placed
from sdedge.library.gallery_scan import rescan
from sdedge.library.store import DATABASE, MIGRATIONS, open_store
from tests.library.test_gallery import draw


@pytest.fixture
def gallery(tmp_path, monkeypatch):
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "data"))
    with open_store() as store:
        yield Gallery(store)


def seeds_of(gallery, **search) -> list[int | None]:
    return sorted(entry.seed for entry in gallery.search(Search(**search)))


def test_a_picture_is_on_several_boards_and_a_board_goes_without_its_pictures(gallery, tmp_path):
    first, second = (draw(gallery, tmp_path / "out", seed=seed) for seed in (1, 2))
    boards = Boards(gallery)
    assert boards.add("  Sea  side ", [first.id, second.id, 99]) == [first.id, second.id]
    assert boards.add("sea side", [first.id]) == [] and boards.add("houses", [first.id]) == [first.id]
    assert boards.of(first.id) == ["houses", "Sea side"] and seeds_of(gallery, board="Sea side") == [1, 2]
    assert boards.take_off("Sea side", [second.id, 99]) == [second.id]
    assert boards.rename("Sea side", "SEA SIDE") == "SEA SIDE"
    assert boards.remove("houses") == [first.id]
    assert boards.counts() == {"SEA SIDE": 1} and seeds_of(gallery) == [1, 2]


@pytest.mark.parametrize("name", ["", " \n", "\u200b\u202e", "x" * 81])
def test_a_name_that_nobody_could_read_is_refused(gallery, name):
    with pytest.raises(InvalidRequest, match="name"):
        Boards(gallery).make(name)


def test_a_board_that_is_there_is_not_made_twice_and_none_is_told(gallery):
    boards = Boards(gallery)
    boards.make("a")
    for work in (lambda: boards.make("A"), lambda: boards.rename("b", "c"), lambda: boards.take_off("b", [])):
        with pytest.raises(InvalidRequest, match="board"):
            work()


def test_boards_and_stars_outlast_a_move_a_vanished_file_and_a_damaged_database(gallery, tmp_path):
    boards = Boards(gallery)
    entries = [draw(gallery, tmp_path / "out", seed=seed) for seed in (1, 2, 3)]
    boards.add("old", [entry.id for entry in entries])
    boards.rename("old", "new")
    boards.take_off("new", [entries[2].id])
    boards.make("empty")
    boards.add("gone", [entries[0].id])
    boards.remove("gone")
    assert gallery.set_favourites([entry.id for entry in entries[:2]]) == [1, 2]
    (tmp_path / "out" / "kept").mkdir()
    os.rename(entries[0].path, tmp_path / "out" / "kept" / "other.png")
    aside = entries[1].path.rename(tmp_path / "aside.png")
    scan = rescan(gallery)
    assert (scan.moved, scan.missing) == (1, 1) and seeds_of(gallery, board="new") == [1]
    aside.rename(entries[1].path)
    rescan(gallery)
    assert seeds_of(gallery, board="new") == [1, 2] == seeds_of(gallery, favourite=True)
    gallery.store.close()
    (gallery.store.folder / DATABASE).write_bytes(b"not a database" * 100)
    with open_store() as store:
        anew = Gallery(store)
        rescan(anew)
        assert seeds_of(anew, board="new") == [1, 2] == seeds_of(anew, favourite=True)
        assert Boards(anew).counts() == {"empty": 0, "new": 2}


def test_a_database_from_before_boards_is_brought_to_them(tmp_path):
    path = tmp_path / DATABASE
    with closing(sqlite3.connect(path)) as old:
        for statement in filter(str.strip, MIGRATIONS[0].split(";\n")):
            old.execute(statement)
        old.execute("INSERT INTO images (path, state, created, favourite) VALUES ('/x.png', 'here', 1, 1)")
        old.execute("PRAGMA user_version = 1")
        old.commit()
    with open_store(tmp_path) as store:
        assert Boards(Gallery(store)).add("a", [1]) == [1]
        assert [entry.favourite for entry in Gallery(store).search(Search(board="a"))] == [True]


def test_orders_place_every_picture_once_under_its_heading(gallery, tmp_path):
    noon = datetime.datetime(2026, 3, 28, 12).timestamp()  # the clocks change in the night after it
    for seed, (model, hours) in enumerate((("b", 0), ("A", 12.5), ("", 36), ("b", 37)), 8):
        entry = draw(gallery, tmp_path / "out", prompt=f"{'dcba'[seed - 8]} house", seed=seed)
        gallery.update(entry.id, {"created": noon + hours * 3600, "model": model, "width": seed * 8})
    gallery.set_favourites([2])

    def order(by: Order) -> list[tuple[int, str]]:
        return [(place.id, place.heading) for place in placed(gallery, Search(), by)]

    days = ["2026-03-30", "2026-03-30", "2026-03-29", "2026-03-28"]
    assert order(Order.NEWEST) == list(zip([4, 3, 2, 1], days, strict=True))
    assert order(Order.OLDEST) == list(zip([1, 2, 3, 4], reversed(days), strict=True))
    assert order(Order.FAVOURITES) == [(2, "favourite"), (4, ""), (3, ""), (1, "")]
    assert order(Order.MODEL) == [(2, "A"), (4, "b"), (1, "b"), (3, "")]
    assert order(Order.SEED) == [(1, ""), (2, ""), (3, ""), (4, "")]  # 8, 9, 10, 11: not by their first digits
    assert order(Order.SIZE)[0] == (4, "88x64")
    assert [id for id, _ in order(Order.PROMPT)] == [4, 3, 2, 1]


def test_the_command_makes_lists_and_sorts_by_boards(gallery, tmp_path):
    for seed in (1, 2):
        draw(gallery, tmp_path / "out", seed=seed)

    def run(*arguments):
        return CliRunner().invoke(gallery_command, arguments)

    assert run("board", "sea", "--add", "1", "--add", str(tmp_path / "out" / "2.png")).stdout.split() == ["2", "sea"]
    answer = json.loads(run("search", "--board", "sea", "--sort", "oldest", "--json").stdout)
    assert [picture["id"] for picture in answer["pictures"]] == [1, 2] and answer["pictures"][0]["boards"] == ["sea"]
    assert json.loads(run("board", "sea", "--take-off", "1", "--rename", "lake", "--json").stdout) == [
        {"name": "lake", "pictures": 1}
    ]
    assert run("board", "lake", "--remove").stdout == ""
    for wrong in (["--add", "1"], ["x", "--remove", "--add", "1"], ["nowhere", "--rename", "x"]):
        assert isinstance(run("board", *wrong).exception, SdedgeError)
