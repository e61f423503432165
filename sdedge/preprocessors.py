"""Preprocessors: what makes a hint of a photograph, by name, with their settings. The pictures are made in `images`. No torch.

A person writes the name, and behind it the settings that differ: "canny", "canny low=50 high=150". The names of the web UI's
ControlNet extension are read too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sdedge.errors import InvalidRequest
from sdedge.text.clean import shown
from sdedge.text.names import alike


@dataclass(frozen=True)
class Setting:
    """A number that a preprocessor takes, from `low` to `high`. `a1111` is its key in the web UI's text, "" where it has none."""

    name: str
    default: float
    low: float
    high: float
    help: str
    is_whole: bool = False
    a1111: str = ""

    def check(self, preprocessor: str, value: float, field: str) -> float:
        """Returns the value as it is used. Raises InvalidRequest for one out of range, or a part where it is whole."""
        if not self.low <= value <= self.high or (self.is_whole and value != int(value)):  # NaN is not, either
            kind = "a whole number" if self.is_whole else "a number"
            raise InvalidRequest(
                f"The setting {self.name} of {preprocessor} is {value:g}; choose {kind} from {self.low:g} to {self.high:g}, "
                f"usually {self.default:g}.",
                field=field,
            )
        return int(value) if self.is_whole else float(value)


@dataclass(frozen=True)
class Preprocessor:
    """One way from a photograph to a hint, of which the first sentence of `help` says what it is.

    a1111       its name in the web UI, "" where it has none
    also        other names it is read by
    by_network  whether a network of the user's makes it, and no filter
    """

    name: str
    help: str
    a1111: str = ""
    also: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    by_network: bool = False


_DARK = (
    " Lines are what is darker than its surroundings in red, green and blue alike; canny and softedge also find a shape that is "
    "only of another colour, such as a sun."
)
_THRESHOLD_A, _THRESHOLD_B = "Threshold A", "Threshold B"
_ROWS = (
    Preprocessor(
        "canny", "Thin edges, white on black.", "canny",
        settings=(Setting("low", 100, 0, 2040, "Edges weaker than this are none.", a1111=_THRESHOLD_A),
                  Setting("high", 200, 0, 2040, "Edges stronger than this are; between, those that touch them. "
                          "Of the two the larger one counts as high.", a1111=_THRESHOLD_B))),
    Preprocessor(
        "lineart", "Lines of a drawing or photo, white on black." + _DARK,
        "lineart_standard (from white bg & black line)", ("lineart_standard",),
        (Setting("sigma", 6, 0.1, 50, "Pixels over which the paper's brightness is told."),
         Setting("floor", 8, 0, 255, "Darkness below which nothing is a line; the lower, the fainter the lines that stay."))),
    Preprocessor(
        "softedge", "Broad soft edges, brighter where they are stronger.",
        settings=(Setting("sigma", 1.5, 0.1, 50, "Pixels over which details are smoothed away."),
                  Setting("percentile", 99, 50, 100, "Of the edges, the strength that becomes white."))),
    Preprocessor(
        "scribble", "Thick strokes, white on black." + _DARK, "scribble_xdog",
        settings=(Setting("threshold", 32, 1, 510, "The lower, the more faint strokes stay.", a1111=_THRESHOLD_A),)),
    Preprocessor(
        "threshold", "White where the photo is bright, black elsewhere.", "threshold",
        settings=(Setting("threshold", 127, 0, 255, "Brightness above which it is white.", a1111=_THRESHOLD_A),)),
    Preprocessor(
        "invert", "Black lines on white become white lines on black.", "invert (from white bg & black line)"),
    Preprocessor(
        "tile", "The photo without its finer details, for a tile ControlNet.", "tile_resample",
        settings=(Setting("factor", 1, 1, 8, "How many times smaller its details become; 1 leaves the photo as it is.",
                          a1111=_THRESHOLD_A),)),
    Preprocessor(
        "color", "A coarse grid of the photo's colours.", "t2ia_color_grid", ("colour",),
        (Setting("cell", 64, 2, 512, "Pixels of a cell's side.", is_whole=True),)),
    Preprocessor(
        "shuffle", "The photo's colours and shapes, all in other places.", "shuffle",
        settings=(Setting("seed", 0, 0, 2**32 - 1, "Which places.", is_whole=True),
                  Setting("spacing", 256, 8, 2048, "Pixels that stay about together.", is_whole=True))),
    Preprocessor(
        "depth", "Near white, far black, by a depth network of yours (DPT, Depth Anything).", "depth_anything_v2",
        ("depth_anything", "depth_midas", "depth_zoe"), by_network=True),
    Preprocessor(
        "pose", "Skeletons of persons, by a pose network of yours (ViTPose).", "openpose", ("dw_openpose", "vitpose"),
        by_network=True),
)  # fmt: skip
PREPROCESSORS = {row.name: row for row in _ROWS}
_BY_NAME = {name.casefold(): row for row in _ROWS for name in (row.name, row.a1111, *row.also) if name}


@dataclass(frozen=True)
class Preprocessing:
    """A preprocessor with the values of all its settings."""

    preprocessor: Preprocessor
    values: Mapping[str, float]

    @property
    def text(self) -> str:
        """Returns the text it is read from: the name, and what differs from the defaults."""
        rows = self.preprocessor.settings
        changed = [
            f"{row.name}={_number(self.values[row.name])}" for row in rows if self.values[row.name] != row.default
        ]
        return " ".join((self.preprocessor.name, *changed))


def named(name: str) -> Preprocessor | None:
    """Returns the preprocessor that a name, ours or the web UI's, stands for."""
    return _BY_NAME.get(name.strip().casefold())


def settled(preprocessor: Preprocessor, values: Mapping[str, float], field: str = "controls") -> Preprocessing:
    """Returns the preprocessor with these values and the defaults of all others. Raises InvalidRequest."""
    rows = {row.name: row for row in preprocessor.settings}
    for name in values:
        if name not in rows:
            known = f"; it has {', '.join(rows)}" if rows else ", and no other"
            raise InvalidRequest(f"{preprocessor.name} has no setting {shown(name)}{known}.", field=field)
    chosen = {name: row.check(preprocessor.name, values.get(name, row.default), field) for name, row in rows.items()}
    return Preprocessing(preprocessor, chosen)


def parse_preprocessing(text: str, field: str = "controls") -> Preprocessing:
    """Reads a name with its settings, such as "canny low=50 high=150". Raises InvalidRequest."""
    exact = named(text)
    name, *pairs = [text] if exact else text.split() or [""]
    preprocessor = exact or named(name)
    if preprocessor is None:
        raise unknown_preprocessor(name, field)
    values: dict[str, float] = {}
    for pair in pairs:
        setting, equals, value = pair.partition("=")
        try:
            values[setting] = float(value)
        except ValueError:
            raise InvalidRequest(
                f"{shown(pair)} is no setting of {preprocessor.name}; write it as name=number, such as "
                f"{_example(preprocessor)}.",
                field=field,
            ) from None
    return settled(preprocessor, values, field)


def unknown_preprocessor(name: str, field: str, also: str = "", where: str = "", instead: str = "") -> InvalidRequest:
    """Returns the error for a name that is none; `where` it stands, what it is not `also`, and what may be done `instead` of
    choosing another are clauses of the sentence.
    """
    word = (name.split() or [""])[0]
    if near := alike(word, PREPROCESSORS):
        return InvalidRequest(f"There is no preprocessor {shown(word)}{where}; did you mean {near}?", field=field)
    return InvalidRequest(
        f"There is no preprocessor {shown(name)}{where}{also}; choose one of {', '.join(PREPROCESSORS)}{instead}.",
        field=field,
    )


def is_no_preprocessing(text: str) -> bool:
    """Returns whether a text says that the hint is taken as it is."""
    return text.strip().casefold() == "none"


def is_preprocessing(text: str) -> bool:
    """Returns whether a text is "none", or begins with a preprocessor's name and goes on with nothing but settings."""
    name, *pairs = text.split() or [""]
    return (
        is_no_preprocessing(text)
        or named(text) is not None
        or (named(name) is not None and all("=" in pair for pair in pairs))
    )


def _example(preprocessor: Preprocessor) -> str:
    rows = preprocessor.settings
    return " ".join((preprocessor.name, *(f"{row.name}={_number(row.default)}" for row in rows)))


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
