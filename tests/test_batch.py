"""Requests from files, and grids."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdedge import batch
from sdedge.batch import axis, grid, overrides
from sdedge.commands.generate import generate
from sdedge.commands.requested import requests_of
from sdedge.errors import InvalidRequest
from sdedge.images.sheet import sheet
from sdedge.request import Request

BASE = Request(prompt="base", seed=5)


def written(tmp_path, name: str, text: str):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


def test_text_is_one_prompt_per_line(tmp_path):
    path = written(tmp_path, "a.txt", "\ufeffa cat, black\r\n\n  a dog \u2028 two\n")
    assert [r.prompt for r in batch.requests(path, BASE)] == ["a cat, black", "a dog \u2028 two"]
    assert batch.requests(path, BASE)[0] == BASE.replace(prompt="a cat, black")


@pytest.mark.parametrize(("name", "mark"), [("a.csv", ","), ("a.csv", ";"), ("a.tsv", "\t")])
def test_csv_has_field_names_and_empty_cells_keep_the_base(tmp_path, name, mark):
    lines = [
        ["prompt", "CFG scale", "Size", "sampler", "tiling", "sigmas", "seed"],
        ['"a cat, ""big""; x"', "7.5", "512x640", "DPM++ 2M Karras", "yes", '"14.6 1 0"', "3"],
        ["dog", "", "", "euler_a", "no", "", ""],
    ]
    path = written(tmp_path, name, "\n".join(mark.join(line) for line in lines) + "\n\n")
    first, second = batch.requests(path, BASE)
    assert first == BASE.replace(
        prompt='a cat, "big"; x', guidance=7.5, width=512, height=640, sampler="dpmpp_2m", schedule="karras", tiling=True,
        sigmas=(14.6, 1.0, 0.0), seed=3,
    )  # fmt: skip
    assert second == BASE.replace(prompt="dog", sampler="euler_a")


def test_json_lines_and_arrays(tmp_path):
    records = [{"prompt": "a\u2028b", "steps": 9, "outpaint": [0, 8, 0, 8], "image": "x.png"}, "just a prompt"]
    expected = [
        BASE.replace(prompt="a\u2028b", steps=9, outpaint=(0, 8, 0, 8), image="x.png"),
        BASE.replace(prompt="just a prompt"),
    ]
    lines = written(tmp_path, "a.jsonl", "\n\n".join(json.dumps(r, ensure_ascii=False) for r in records))
    array = written(tmp_path, "a.json", json.dumps(records, indent=1))
    assert batch.requests(lines, BASE) == batch.requests(array, BASE) == expected


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "prompt,stps\na,3\n", "line 2 of .*Unknown field 'stps'"),
        ("a.csv", "prompt,steps\na,3\nb,many\n", "line 3 of .*steps is 'many'.*whole number"),
        ("a.csv", "prompt,steps\na,3,4\n", "line 2 .*more cells"),
        ("a.csv", 'prompt\n"a\n', "not CSV"),
        ("a.csv", "prompt,tiling\na,perhaps\n", "yes or no"),
        ("a.csv", "prompt,size\na,big\n", "not a size"),
        ("a.csv", "prompt,steps\na,0\n", "request 1 of .*steps 0 is out of range"),
        ("a.jsonl", '{"prompt": "a"}\n{"prompt": ', "line 2 of .*not valid JSON .* at line 1, column 1"),
        ("a.jsonl", '{"prompt": 3}\n', "request 1 of .*prompt is 3"),
        ("a.jsonl", "[1]\n", "not an object"),
        ("a.jsonl", '{"sampler": "nonsense"}\n', "Unknown sampler"),
        ("a.txt", "\n \n", "no requests"),
        ("a.csv", "prompt\n", "no requests"),
    ],
)
def test_bad_files_say_which_line(tmp_path, name, text, said):
    with pytest.raises(InvalidRequest, match=said):
        batch.requests(written(tmp_path, name, text), BASE)


def test_unreadable_files(tmp_path):
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "missing.txt", tmp_path / "binary.txt", tmp_path):
        with pytest.raises(InvalidRequest, match="Cannot read prompts"):
            batch.read_requests(path)


@given(
    st.dictionaries(
        st.sampled_from(["steps", "size", "Sampler", "sigmas", "tiling", "seed", "x", "cfg"]), st.text(max_size=8)
    )
)
@settings(max_examples=60)
def test_any_text_is_a_value_or_refused(record):
    with contextlib.suppress(InvalidRequest):
        BASE.replace(**overrides(record))


def test_axes():
    assert [v["steps"] for v in axis("steps=10,20, 30").values] == [10, 20, 30]
    assert [v["seed"] for v in axis("seed=1-3,10-50+20").values] == [1, 2, 3, 10, 30, 50]
    assert axis("CFG scale=5,7.5").labels == ("guidance: 5", "guidance: 7.5")
    assert axis("sampler=Euler a,DPM++ 2M Karras").values == (
        {"sampler": "euler_a"}, {"sampler": "dpmpp_2m", "schedule": "karras"},
    )  # fmt: skip
    assert [v["prompt"] for v in axis('prompt="a, b",c').values] == ["a, b", "c"]
    assert axis("size=512,512x768").values == ({"width": 512, "height": 512}, {"width": 512, "height": 768})
    for bad in ("steps", "steps=", "steps=1,,2", "nonsense=1", "steps=x", "seed=1-100000", "seed=5-1", 'prompt="a'):
        with pytest.raises(InvalidRequest):
            axis(bad)


def test_grid_pairs_every_value():
    table = grid(BASE, axis("steps=10,20"), axis("guidance=3,5,7"))
    assert [[(r.steps, r.guidance) for r in row] for row in table.rows] == [
        [(10, 3), (20, 3)], [(10, 5), (20, 5)], [(10, 7), (20, 7)],
    ]  # fmt: skip
    assert [r.steps for r in table.requests] == [10, 20] * 3
    assert len(grid(BASE, axis("seed=1-4")).rows) == 1
    with pytest.raises(InvalidRequest, match="two different fields"):
        grid(BASE, axis("size=512"), axis("width=512,768"))
    with pytest.raises(InvalidRequest, match="441 cells"):
        grid(BASE, axis("seed=1-21"), axis("steps=1-21"))


def test_sheet_places_pictures_exactly_and_draws_labels():
    table = grid(BASE, axis("steps=10,20"), axis('prompt="a very long prompt, with many words in it that must wrap",b'))
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)]
    pictures = [np.full((64, 96, 3), colour, np.uint8) for colour in colours]
    paper = sheet(pictures, *table.labels)
    for i, colour in enumerate(colours):
        ys, xs = np.nonzero((paper == colour).all(-1))
        assert (np.ptp(ys) + 1, np.ptp(xs) + 1, len(ys)) == (64, 96, 64 * 96)
        assert (xs.min() > paper.shape[1] / 2) == (i % 2 == 1) and (ys.min() > paper.shape[0] / 2) == (i // 2 == 1)
    left = np.nonzero((paper == colours[0]).all(-1))[1].min()
    top = np.nonzero((paper == colours[0]).all(-1))[0].min()
    assert (paper[:top] < 128).any() and (paper[:, :left] < 128).any()  # ink above and beside
    assert sheet(pictures[:3], *grid(BASE, axis("seed=1-3")).labels).shape[1] == 3 * 96 + 2 * 4


def test_lines_of_flags_are_read_as_the_web_ui_writes_them(tmp_path):
    text = (
        '--prompt "a red \\"house\\"" --negative_prompt blurry, bad --seed 350 --steps 7 --width 64 --height 128 '
        '--sampler_name "DPM++ 2M Karras" --cfg_scale 6.5 --n_iter 2 --outpath_samples x\n'
        "a dog's house --steps 3 --tiling true\nplain -- text - with dashes\n--prompt a \\(b\\) --seed -1\n"
    )
    first, second, third, fourth, fifth = batch.requests(written(tmp_path, "p.txt", text), BASE)
    assert (first.prompt, first.negative, first.seed, first.steps) == ('a red "house"', "blurry, bad", 350, 7)
    assert (first.width, first.height, first.sampler, first.schedule, first.guidance) == (
        64,
        128,
        "dpmpp_2m",
        "karras",
        6.5,
    )
    assert second == first.replace(seed=351)
    assert (third.prompt, third.steps, third.tiling) == ("a dog's house", 3, True)
    assert fourth.prompt == "plain -- text - with dashes" and (fifth.prompt, fifth.seed) == (r"a \(b\)", None)


@pytest.mark.parametrize(
    "line",
    ["--ar 16:9", "a house --ar 16:9", '--prompt "a house', "--steps", "--steps 3 4", "--steps 3 --steps 4",
     "--n_iter 999999", "--steps many", "--batch_size 0", "--n_iter 300 --batch_size 300"],
)  # fmt: skip
def test_a_line_of_flags_that_cannot_be_read_is_refused_by_its_number(tmp_path, line):
    with pytest.raises(InvalidRequest, match="line 2"):
        batch.read_requests(written(tmp_path, "p.txt", f"a cat\n{line}\n"))


OPTIONS = {param.name: None for param in generate.params} | {"count": 1, "options": (), "styles": ()}


def test_rows_keep_their_own_seeds_in_a_series(tmp_path):
    path = written(tmp_path, "p.txt", "one\ntwo --seed 350\nthree\n")
    assert [each.seed for each in requests_of(None, {**OPTIONS, "count": 2, "from_file": path, "seed": 5})] == [
        5,
        350,
        9,
    ]


def test_a_row_keeps_the_very_seed_of_the_command_line(tmp_path):
    path = written(tmp_path, "p.csv", "prompt,seed\na,5\nb,5\nc,\nd,9\n")
    asked = {**OPTIONS, "count": 1, "from_file": path, "seed": 5}
    assert [each.seed for each in requests_of(None, asked)] == [5, 5, 7, 9]
    assert [each.seed for each in requests_of(None, {**asked, "same_seed": True})] == [5, 5, 5, 9]


def test_styles_of_the_store_are_laid_around_prompts(tmp_path, monkeypatch):
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path))
    rows = 'name,prompt,negative_prompt\n# a remark,,\nfilm,"{prompt}, grain",blurry\nbig,"{prompt}{prompt}{prompt}",\n'
    written(tmp_path, "styles.csv", rows)
    options = {**OPTIONS, "styles": ("film",)}
    (request,) = requests_of("a cat", options)
    assert (request.prompt, request.negative) == ("a cat, grain", "blurry")
    with pytest.raises(InvalidRequest, match="choose one of film, big"):
        requests_of("a cat", {**options, "styles": ("x",)})
    with pytest.raises(InvalidRequest, match="shorten"):
        requests_of("a cat", {**options, "styles": ("big",) * 40})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "prompt,prompt\na,b\n"), ("a.csv", "prompt,width,size\na,128,64x64\n"),
        ("a.csv", "prompt,cfg,CFG scale\na,3,4\n"),
        ("a.jsonl", '{"prompt": "a", "negative": "b", "Negative prompt": "c"}'), ("a.txt", "--prompt a --size 64x64 --width 128"),
    ],
)  # fmt: skip
def test_a_field_given_twice_is_refused(tmp_path, name, text):
    with pytest.raises(InvalidRequest, match="twice"):
        batch.requests(written(tmp_path, name, text), BASE)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", '{"prompt": "a"}\n{"prompt": "a", "steps": 3, "steps": 4}'),
        ("a.json", '[{"options": {"eta": 1, "eta": 0}}]'),
    ],
)
def test_a_key_of_json_given_twice_is_refused(tmp_path, name, text):
    with pytest.raises(InvalidRequest, match=r"gives '(steps|eta)' twice; give it once\."):
        batch.requests(written(tmp_path, name, text), BASE)


def test_options_of_a_row_are_laid_over_those_of_the_base(tmp_path):
    base = BASE.replace(sampler="euler", options={"s_noise": 1.1, "s_churn": 1})
    first, second = batch.requests(written(tmp_path, "a.csv", "option.s_churn,sampler\n3,\n,ddim\n"), base)
    assert first.options == {"s_noise": 1.1, "s_churn": 3} and second.options == {}


def test_a_scheduler_beside_a_sampler_is_its_schedule():
    assert overrides({"sampler_name": "Euler a", "scheduler": "karras"}) == {"sampler": "euler_a", "schedule": "karras"}
    assert overrides({"scheduler": "Euler a"}) == {"sampler": "euler_a"}
