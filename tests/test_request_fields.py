"""The table of request fields: each is in it, and it alone makes command line, JSON, CSV, the web UI's text and the form."""

from __future__ import annotations

import csv
import dataclasses
import os
import shutil
import subprocess
import sys
import typing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdedge import batch, catalog
from sdedge.commands.generate import generate
from sdedge.commands.grid import grid
from sdedge.commands.requested import requests_of
from sdedge.control_syntax import ControlList
from sdedge.controls import Control, ControlMode, HintFit
from sdedge.errors import InvalidRequest
from sdedge.field_rows import CommandLine, FormEntry, InfotextKey, NumberedKeys, OptionKeys, Without
from sdedge.field_types import Edges, Falling, Flag, Float, Integer, Interval, PathOrName, SamplerOptions, Text
from sdedge.guides import GUIDES, GuideChoice, GuideList, guide_choice
from sdedge.images import metadata, metadata_a1111
from sdedge.pass_syntax import PassList
from sdedge.passes import Changes, Enlargement, Pass
from sdedge.regions import Region, RegionList, RegionMethod
from sdedge.request import Request
from sdedge.request_fields import FIELDS, SIZE, counts, fields_without_effect
from sdedge.windows import Blend, Windows, WindowsType

ROOT = Path(__file__).parents[1]
MOST_FIELDS = 42
"""A feature is one value type in one field; whoever adds to this has said why."""


def test_every_field_has_a_row_and_every_row_a_field():
    hints = typing.get_type_hints(Request)
    assert set(FIELDS) == set(hints) and all(name == row.name for name, row in FIELDS.items())
    for field in dataclasses.fields(Request):
        row = FIELDS[field.name]
        wanted = row.type.annotation | None if row.optional else row.type.annotation
        assert (field.default, hints[field.name]) == (row.default, wanted), field.name


def test_requests_stay_small():
    assert len(FIELDS) <= MOST_FIELDS


@pytest.mark.parametrize("row", FIELDS.values(), ids=lambda row: row.name)
def test_a_place_that_a_field_is_not_in_is_left_out_for_a_reason(row):
    kinds = {"command": CommandLine, "infotext": InfotextKey | OptionKeys | NumberedKeys, "form": FormEntry}
    for place, kind in kinds.items():
        entry = getattr(row, place)
        assert isinstance(entry, kind) or (isinstance(entry, Without) and len(entry.reason.split()) >= 3), place


def test_no_name_flag_or_key_means_two_fields():
    flags = [
        flag for row in (*FIELDS.values(), SIZE) if isinstance(row.command, CommandLine) for flag in row.command.flags
    ]
    keys = [key for row in metadata_a1111.KEYS.values() for key in (row.key, *row.also_read)]
    names = [name for row in FIELDS.values() for name in (row.name, *row.aliases)]
    for each in (flags, [*keys, *metadata_a1111.OPTIONS.values(), SIZE.key], names):
        assert len(each) == len(set(each))


def test_commands_share_their_options():
    by_name = {option.name: option for option in generate.params}
    for option in grid.params:
        if option.name in ("model", "negative"):
            assert option.help == by_name[option.name].help and option.opts == by_name[option.name].opts


def test_a_field_that_is_faulty_is_named_as_data():
    wrong = {"mask": ["m.png"], "outpaint": [(8, 0, 0, 0)], "options": [{"nonsense": 1}, {"eta": "x"}],
             "guidance_interval": [(1.0,), (-1.0, 2.0)], "steps": [10**400], "guidance": [10**400], "guides": [
                 (GuideChoice("pig", (3.0,)),), (GuideChoice("pag", ()),), (GuideChoice("pag", (-1.0,)),), ("pag",),
                 (GuideChoice("apg", (0.0, float("nan"), 0.0)),), (guide_choice("pag"), guide_choice("pag")),
             ], "controls": [
                 ("canny",), (Control(""),), (Control("a", span=(0.5, 0.5)),), (Control("a", span=(0.0, float("nan"))),),
                 (Control("a", weight=float("nan")),), (Control("a", weight=1e9),), (Control("a", mode="most"),),
                 (Control("a", hint="x" * 5000),), (Control("a"),) * 9],
             "passes": [("again",), (Pass(),) * 9, (Pass(Changes(seed=1)),), (Pass(Changes(steps=0)),),
                        (Pass(Changes(sampler="heun", options={"order": 2})),), (Pass(enlarge=2),),
                        (Pass(enlarge=Enlargement("")),), (Pass(enlarge=Enlargement(scale=float("nan"))),),
                        (Pass(enlarge=Enlargement(scale=0.5)),), (Pass(enlarge=Enlargement(size=(0, 0))),),
                        (Pass(enlarge=Enlargement(size=(8, 10**9))),)],
             "windows": ["512", Windows((512, 8)), Windows((100, 128)), Windows((512, 512), 512), Windows((512, 512), 12),
                         Windows((512, 512), -8), Windows(blend="mean"), Windows(jitter=1), Windows((512,)),
                         Windows((8192, 512))],
             "regions": [("left: x",), (Region(""),), (Region("x", (0, 0, 2, 1)),), (Region("x", (0, 0, float("nan"), 1)),),
                 (Region("x", by="most"),), (Region("x", weight=-1),), (Region("x", base=10**400),),
                 (Region("x"),) * 17]}  # fmt: skip
    for name, row in FIELDS.items():
        for value in (object(), *wrong.get(name, ())):
            with pytest.raises(InvalidRequest) as refused:
                Request(**{"sampler": "ddim", name: value})
            assert refused.value.field == name and str(refused.value).endswith("."), row


# There and back

TEXTS = st.text("ab é家,\"'(.", max_size=12).map(str.strip)
NAMES = st.text("abc-", min_size=1, max_size=6).filter(lambda text: not text.startswith("-"))
FRACTIONS = st.floats(0, 0.5), st.floats(0.5, 1, exclude_min=True)
PATHS = st.text("ab;,=: 1-/é", min_size=1, max_size=8).map(str.strip).filter(bool)
CONTROLS = st.builds(
    Control, PATHS, PATHS | st.none(), st.floats(0, 10), st.tuples(*FRACTIONS), st.sampled_from(ControlMode),
    st.sampled_from(HintFit), PATHS | st.none(),
)  # fmt: skip
CHANGES = st.fixed_dictionaries(
    {}, optional={"strength": st.floats(0, 1), "steps": st.integers(1, 50), "prompt": TEXTS, "negative": TEXTS,
                  "guidance": st.none() | st.floats(0, 100), "schedule": st.none() | st.just("karras")},
).map(Changes)  # fmt: skip
TARGET_SIZES = st.tuples(st.integers(1, 4096), st.integers(0, 4096))
PASSES = st.builds(Pass, CHANGES, st.none() | st.builds(Enlargement, NAMES, st.floats(1, 16))
                   | st.builds(Enlargement, NAMES, size=TARGET_SIZES))  # fmt: skip

WINDOWS = st.sampled_from([(None, None), ((512, 768), 64), ((64, 64), 0), ((512, 512), None), (None, 128)]).flatmap(
    lambda pair: st.builds(Windows, st.just(pair[0]), st.just(pair[1]), st.sampled_from(Blend), st.booleans())
)
REGIONS = st.builds(
    Region, NAMES.filter(str.strip), st.tuples(*[FRACTIONS[0]] * 2, *[FRACTIONS[1]] * 2), weight=st.floats(0.1, 10),
    base=st.floats(0, 1), by=st.sampled_from(RegionMethod),
) | st.builds(Region, NAMES, mask=PATHS)  # fmt: skip


GUIDE_CHOICES = st.sampled_from([
    guide_choice("pag"), guide_choice("pag", scale=0.25), guide_choice("apg", eta=0.5, norm=15), guide_choice("freeu", s2=0.1),
])  # fmt: skip


def _one_of_each(guides: set[GuideChoice]) -> tuple[GuideChoice, ...]:
    by_name = {guide.name: guide for guide in sorted(guides, key=repr)}
    return tuple(by_name[name] for name in GUIDES if name in by_name)


def _values(name: str) -> st.SearchStrategy:
    """Values of a field, by its type."""
    row, choices = FIELDS[name], getattr(FIELDS[name].type, "names", None)
    if choices:
        return st.sampled_from(choices)
    match row.type:
        case Text():
            return TEXTS
        case PathOrName():
            return NAMES
        case Integer(low=64):
            return st.integers(8, 512).map(lambda n: n * 8)
        case Integer(low=low, high=high):
            return st.integers(low, high)
        case Float(low=low, high=high):
            return st.floats(low, high)
        case Flag():
            return st.booleans()
        case Interval():
            return st.tuples(st.floats(0, 1e6), st.floats(0, 1e6))
        case Falling():
            return st.sets(st.floats(0, 1e6), min_size=1, max_size=4).map(
                lambda sigmas: tuple(sorted(sigmas, reverse=True))
            )
        case Edges():
            return st.tuples(*[st.integers(0, 4096)] * 4).filter(any)
        case SamplerOptions():
            return st.just({})
        case WindowsType():
            return WINDOWS
        case RegionList():
            return st.lists(REGIONS, max_size=3).map(tuple)
        case GuideList():
            return st.sets(GUIDE_CHOICES, max_size=2).map(_one_of_each)
        case ControlList():
            return st.lists(CONTROLS, max_size=3).map(tuple)
        case PassList():
            return st.lists(PASSES, max_size=3).map(tuple)
    raise AssertionError(f"{name} needs values of its type here")


@st.composite
def requests(draw) -> Request:
    """Requests that set any of the fields, with what each needs beside it."""
    chosen = draw(st.sets(st.sampled_from(sorted(FIELDS))))
    chosen |= {"image"} if chosen & {"mask", "outpaint"} else set()
    chosen -= {"tiling"} if "windows" in chosen else set()
    values = {name: draw(_values(name)) for name in sorted(chosen - {"timesteps"} if "sigmas" in chosen else chosen)}
    if "s_noise" in catalog.SAMPLERS[values.get("sampler", "dpmpp_2m")].options and "options" in values:
        values["options"] = {"s_noise": draw(st.floats(0, 2))}
    return Request(**values)


def _arguments(request: Request) -> list[str]:
    """The command line of a request, by the flags and text forms of the table."""
    arguments: list[str] = []
    for name, row in FIELDS.items():
        value = getattr(request, name)
        if (value == row.default and name not in ("model", "steps")) or not isinstance(row.command, CommandLine):
            continue
        text, flag = row.type.format(value), row.command.flags[-1]
        if isinstance(row.type, Flag):
            on, _, off = flag.partition("/")
            arguments.append(on if value else off)
        elif row.type.repeated:
            parts = text.split() if name == "options" else [text]
            arguments += [argument for part in parts for argument in (flag, part)]
        else:
            arguments += [flag, *(text.split() if " " in (row.command.metavar or "") else [text])]
    width, height = request.width, request.height
    return [*arguments, *(("--size", f"{width}x{height}") if width and height else ()), "--", request.prompt]


@given(request=requests())
@settings(max_examples=50, deadline=None)
def test_every_field_goes_through_command_line_json_csv_and_metadata(request, tmp_path_factory):
    options = generate.make_context("generate", _arguments(request)).params
    (typed,) = requests_of(options.pop("prompt"), options)
    size = {} if request.width and request.height else {"width": request.width, "height": request.height}
    assert typed.replace(**size) == request  # --size gives both or none

    assert Request.from_json(request.to_json()) == request

    cells = {
        name: row.type.format(value) for name, row in FIELDS.items() if (value := getattr(request, name)) != row.default
    }
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, cells or ["steps"], lineterminator="\n")
        writer.writeheader()
        writer.writerow(cells or {"steps": "20"})
    assert batch.requests(path, Request()) == [request]

    text = metadata_a1111.write(request, {})
    restored = metadata.parse_parameters(text).fields
    for name in metadata_a1111.KEYS:
        value = getattr(request, name)
        wordless = value == catalog.NoiseSource.NUMPY  # which the web UI has no word for
        of_hires_fix = name == "strength" and "passes" in restored  # whose strength the web UI's text has
        if counts(request, name) and value != FIELDS[name].default and not (wordless or of_hires_fix):
            assert restored[name] == value, (name, text)


# A new field

VALUE_TYPE = '''"""A field of several values, as controls, regions and passes are."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from sdedge.field_types import FieldType


@dataclass(frozen=True)
class Hint:
    name: str
    weight: float = 1.0


class Hints(FieldType):
    annotation: ClassVar[Any] = tuple[Hint, ...]
    expected = "a list of hints"
    repeated = True

    def check(self, name, value):
        if type(value) is not tuple or not all(isinstance(hint, Hint) and 0 <= hint.weight <= 2 for hint in value):
            raise self.refuse(name, value)
        return value

    def parse(self, name, text):
        try:
            return tuple(Hint(key, float(weight or 1)) for key, _, weight in (part.partition("=") for part in text.split()))
        except ValueError:
            raise self.refuse(name, text) from None

    def parse_all(self, name, texts):
        return self.parse(name, " ".join(texts))

    def format(self, value):
        return " ".join(f"{hint.name}={hint.weight!r}" for hint in value)

    def from_json(self, value):
        return tuple(Hint(**hint) for hint in value) if isinstance(value, list) else value

    def to_json(self, value):
        return [asdict(hint) for hint in value]
'''
ROWS = """
    RequestField("warmth", Float(0, 10), 1.0, Group.OUTPUT, CommandLine(("--warmth",), "How warm."), InfotextKey("Warmth"),
                 FormEntry("Warmth", Section.MORE, 0, 10, 2)),
    RequestField("hints", Hints(), (), Group.OUTPUT, CommandLine(("--hint",), "A hint.", "NAME=WEIGHT"),
                 InfotextKey("Hints", write=Hints().format), Without("the form has no list of them")),
"""
LINES = """    warmth: float = default("warmth")
    hints: "tuple[Hint, ...]" = default("hints")
"""
REACHES = """
import csv
from pathlib import Path

from sdedge import batch
from sdedge.commands.generate import generate
from sdedge.commands.requested import requests_of
from sdedge.hints import Hint
from sdedge.images.metadata import parse_parameters, record
from sdedge.images.metadata_a1111 import write
from sdedge.regions import Region, RegionList, RegionMethod
from sdedge.request import Request

wanted = Request("a house", warmth=2.5, hints=(Hint("edges"), Hint("depth", 0.5)))
options = generate.make_context("generate", ["--warmth", "2.5", "--hint", "edges", "--hint", "depth=0.5", "a house"]).params
(typed,) = requests_of(options.pop("prompt"), options)
assert typed == wanted, typed
assert "How warm.  [default: 1]" in {option.help for option in generate.params if hasattr(option, "help")}

assert Request.from_json(wanted.to_json()) == wanted and "warmth" not in Request().to_json()
Path("a.csv").write_text("prompt,warmth,hints\\na house,2.5,edges depth=0.5\\n")
assert batch.requests("a.csv", Request()) == [wanted]
assert batch.axis("warmth=1,2").values == ({"warmth": 1.0}, {"warmth": 2.0})

text = write(wanted, {})
assert "Warmth: 2.5, Hints: edges=1.0 depth=0.5, Version" in text, text
for form in (text, record(wanted, {})):
    found = parse_parameters(form)
    assert (found.fields["warmth"], found.fields["hints"], found.notes) == (2.5, wanted.hints, ()), found

from PySide6.QtWidgets import QApplication

app = QApplication([])
from gui.form.fields import controls
from gui.form.model import FormModel
from sdedge.field_rows import Section

form = FormModel()
(warmth,) = [each for each in controls(form, Section.MORE) if getattr(each, "_name", "") == "warmth"]
warmth.slider.setValue(7)
assert form.wanted().request.warmth == 3.5 and warmth.edit.accessibleName() == "Warmth"
form.type("warmth", "12")
assert "from 0 to 10" in form.faults["warmth"]
form.restore(wanted)
assert form.wanted().request.replace(seed=None) == wanted and warmth.edit.text() == "2.5"
print("reached")
"""


def _insert(path: Path, before: str, text: str) -> None:
    source = path.read_text("utf-8")
    assert source.count(before) == 1
    path.write_text(source.replace(before, text + before), "utf-8")


VALUES = {"image": "i.png", "mask": "m.png", "outpaint": (8, 0, 0, 0), "sigmas": (3.0, 0.0), "timesteps": (900.0, 3.0),
          "variation_strength": 0.5, "mask_only": True, "steps": 7, "schedule": "karras", "masked_content": "fill"}  # fmt: skip
"""Values of fields that others need or that take the place of others; of those others numbers and flags change."""


@pytest.mark.parametrize("name", [row.name for row in FIELDS.values() if row.counts_with or row.replaced_by])
def test_a_field_that_counts_only_with_others_says_so_without_them(name):
    row = FIELDS[name]
    value = VALUES.get(name, True if isinstance(row.type, Flag) else 3 if isinstance(row.type, Integer) else 0.5)
    if name in ("mask", "outpaint"):
        return  # which are refused without a picture
    sentences = fields_without_effect(Request(**{name: value})) if row.counts_with else []
    assert row.replaced_by or [name.replace("_", " ") in each.lower() for each in sentences] == [True]
    assert all(each.replace("_", " ") in sentences[0] for each in row.counts_with)
    beside = {"image": "i.png", "mask": "m.png", "mask_only": True, "variation_strength": 0.5}
    assert fields_without_effect(Request(**{**beside, name: value})) == []
    for replacing in row.replaced_by:
        (sentence,) = fields_without_effect(Request(**{name: value, replacing: VALUES[replacing]}))
        assert f"{name} has no effect beside {replacing}" in sentence.lower()


def test_a_row_and_a_line_are_all_that_a_new_field_needs(tmp_path):
    """In a copy of the packages, so that nothing is patched into them but what whoever adds a field writes."""
    for package in ("sdedge", "gui"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("*.so", "*.c"))
    (tmp_path / "sdedge" / "hints.py").write_text(VALUE_TYPE, "utf-8")
    table, request = tmp_path / "sdedge" / "request_fields.py", tmp_path / "sdedge" / "request.py"
    _insert(table, ")\nFIELDS: dict[", ROWS)
    _insert(table, "from sdedge.sampler_options import Options\n", "from sdedge.hints import Hints\n")
    _insert(request, "\n    def __post_init__", LINES)
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "SDEDGE_HOME": str(tmp_path / "home")}
    result = subprocess.run(
        [sys.executable, "-c", REACHES],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.stdout == "reached\n", result.stderr
