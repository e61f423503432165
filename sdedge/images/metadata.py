"""Settings inside picture files: written as the A1111 web UI and as our own JSON; read from many programs. No torch.

Where they go: PNG has text chunks `parameters` and `sdedge`; JPEG and WebP have EXIF, with UserComment and
ImageDescription for the same two texts. The JSON is `{"sdedge": version, "request": {…}, "facts": {…}}` in ASCII.
"""

from __future__ import annotations

import codecs
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any

from PIL import ExifTags, Image, ImageFile, IptcImagePlugin, PngImagePlugin

import sdedge
from sdedge.errors import InvalidRequest
from sdedge.images import metadata_a1111
from sdedge.images.metadata_apps import from_texts, parse_record
from sdedge.images.metadata_fields import Metadata, Unhonoured
from sdedge.images.metadata_texts import Texts
from sdedge.images.opening import opened
from sdedge.images.output import LARGEST
from sdedge.request import Request

if TYPE_CHECKING:
    import numpy as np

EXIF_LIMIT = 65_500  # bytes; a JPEG segment holds 65,533 with its own header
CUT = 8000  # characters of a prompt where it does not fit
SAVE: dict[str, dict[str, Any]] = {
    "png": {"format": "PNG"},
    "jpeg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    "webp": {"format": "WEBP", "quality": 95, "method": 4},
}
_EXIF_IFD = ExifTags.IFD.Exif
_USER_COMMENT = ExifTags.Base.UserComment
_DESCRIPTION = ExifTags.Base.ImageDescription
_SOFTWARE = ExifTags.Base.Software
_GRAPH = re.compile(r"\s*(prompt|workflow)\s*:\s*(?=\{)", re.I)


def write(
    file: IO[bytes], pixels: np.ndarray, format: str, request: Request | None, facts: Mapping[str, object]
) -> None:
    """Saves uint8 pixels (H, W, 3) as "png", "jpeg" or "webp" with the settings inside; none if `request` is None.

    `facts` are what is known besides the request: `model_name`, `model_hash`, `vae_hash`, `lora_hashes`, `template`
    (the prompt before its wildcards were chosen), `engine`, `version`; all optional, all kept in the JSON.
    Raises InvalidRequest for another format, and for a size that it does not hold.
    """
    if format not in SAVE:
        raise InvalidRequest(f"Unknown picture format {format!r}; choose one of {', '.join(SAVE)}.")
    check_holds(format, pixels.shape[1], pixels.shape[0])
    import numpy as np  # not needed to read, which is all that the app does

    image = Image.fromarray(np.ascontiguousarray(pixels))
    options = dict(SAVE[format])
    if request is not None and format == "png":
        options["pnginfo"] = _png_text(request, facts)
    elif request is not None:
        options["exif"] = _exif(request, facts, EXIF_LIMIT if format == "jpeg" else None)
    image.save(file, **options)


def check_holds(format: str, width: int, height: int) -> None:
    """Raises InvalidRequest where a file of a format does not hold a picture of so many pixels."""
    if max(width, height) > LARGEST[format]:
        raise InvalidRequest(
            f"{width}x{height} is more than a {format} file holds, {LARGEST[format]} pixels a side; choose png, or a smaller "
            "scale."
        )


def record(request: Request, facts: Mapping[str, object]) -> str:
    """Returns our JSON, in ASCII so that every container takes it."""
    content = {
        "sdedge": str(facts.get("version") or sdedge.__version__),
        "request": json.loads(request.to_json()),
        "facts": dict(facts),
    }
    return json.dumps(content, default=str)


def _png_text(request: Request, facts: Mapping[str, object]) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", _encodable(metadata_a1111.write(request, facts)))  # tEXt if Latin-1, else iTXt
    info.add_text("sdedge", record(request, facts))
    return info


def _exif(request: Request, facts: Mapping[str, object], limit: int | None) -> bytes:
    """Returns EXIF bytes; where they exceed the container's limit, without the JSON, then with the prompts cut short, then
    without what has prompts of its own. None are better than a picture that is not saved."""
    text, bare = metadata_a1111.write(request, facts), request.replace(passes=(), regions=(), controls=())
    for parameters, description in (
        (text, record(request, facts)),
        (text, None),
        *((metadata_a1111.write(each, {}, CUT), None) for each in (request, bare)),
    ):
        data = exif_of(parameters, description)
        if limit is None or len(data) <= limit:
            return data
    return b""


def exif_of(parameters: str | None, description: str | None) -> bytes:
    """Returns the EXIF of a picture with A1111's text and our JSON, where there are any."""
    exif = Image.Exif()
    if parameters is not None:
        exif.get_ifd(_EXIF_IFD)[_USER_COMMENT] = b"UNICODE\0" + _encodable(parameters).encode("utf-16-be")
    if description is not None:
        exif[_DESCRIPTION] = description
    return exif.tobytes()


def _encodable(text: str) -> str:
    """Makes question marks of half surrogate pairs, which JSON can smuggle in."""
    return text.encode("utf-8", "replace").decode("utf-8")


def read(path: str | os.PathLike[str] | IO[bytes]) -> Metadata:
    """Reads what the picture file at `path` says about its making; an empty `source` means nothing.

    Reads ours, A1111 (and the many that write like it), ComfyUI, InvokeAI, Draw Things, Mochi Diffusion, NovelAI, SwarmUI,
    Fooocus, Easy Diffusion, and any other program that lists its settings by name.
    Raises InvalidRequest for a file that cannot be opened as a picture or whose size in pixels is not sane.
    """
    with opened(path) as image:
        return _read_image(image)


def read_texts(path: str | os.PathLike[str] | IO[bytes]) -> Texts:
    """Returns the texts of the picture file at `path` that programs write settings into, by their PNG key. Raises as `read`."""
    with opened(path) as image:
        if isinstance(image, PngImagePlugin.PngImageFile):
            image.load()  # text after the pixels is read only now
        return {**_other_texts(image), **_png_texts(image), **_texts_of_exif(image)}


def to_request(metadata: Metadata) -> Request:
    """Returns the Request that draws the picture again, as far as the file tells; the rest has its defaults."""
    return Request(**metadata.fields)


def parse_parameters(text: str) -> Metadata:
    """Reads settings pasted as text: A1111's or our JSON."""
    return parse_record(text) or from_texts({"parameters": text})


def _read_image(image: Image.Image) -> Metadata:
    recorded = _read_texts(image)
    if recorded.source or not isinstance(image, PngImagePlugin.PngImageFile):
        return recorded
    image.load()  # text after the pixels is read only now
    return _read_texts(image)


def _png_texts(image: Image.Image) -> Texts:
    return {key: value for key, value in image.info.items() if isinstance(key, str) and isinstance(value, str)}


def _read_texts(image: Image.Image) -> Metadata:
    """Reads a picture's texts; where a PNG's and its EXIF say different things, which were used stands in a note."""
    texts = _png_texts(image)
    in_exif = _texts_of_exif(image)
    recorded = from_texts({**_other_texts(image), **texts, **in_exif})  # EXIF wins where both are there, as in A1111
    if not (recorded.source and in_exif and texts.keys() - {"exif", "Software", "software"}):
        return recorded
    by_exif, by_png = from_texts(in_exif), from_texts(texts)
    used, unused = ("EXIF", by_png) if recorded.fields == by_exif.fields else ("the PNG text", by_exif)
    both = by_exif.fields.keys() & by_png.fields.keys()
    differing = sorted(name for name in both if by_exif.fields[name] != by_png.fields[name])
    return _with_conflict(recorded, unused, differing, used) if differing else recorded


def _with_conflict(recorded: Metadata, unused: Metadata, differing: list[str], used: str) -> Metadata:
    names = ", ".join(name.replace("_", " ") for name in differing)
    sentence = f"The picture's PNG text and its EXIF differ in {names}; {used} is used."
    reason = f"The picture's PNG text and its EXIF differ in it; {used} is used."
    lost = tuple(Unhonoured(name, str(unused.fields[name])[:1000], reason) for name in differing)
    return replace(recorded, notes=(sentence, *recorded.notes), unhonoured=(*lost, *recorded.unhonoured))


def _texts_of_exif(image: Image.Image) -> Texts:
    """Reads every EXIF text that a known program writes, by our name for its place."""
    places = (("parameters", _user_comment), ("description", _description), ("Software", _software))
    texts = {key: text for key, find in places if (text := _quietly(find, image))}
    return {**texts, **(_quietly(_graphs, image) or {})}


def _other_texts(image: Image.Image) -> Texts:
    texts: dict[str, str] = {}
    for key, text in _quietly(lambda image: list(_iptc_and_comments(image)), image) or ():
        texts.setdefault(key, text)
    return texts


def _quietly(find: Callable[[Image.Image], Any], image: Image.Image) -> Any:
    """Returns what is read, or None: one damaged block must not hide the others, and Pillow raises anything at all on damage."""
    try:
        return find(image)
    except Exception:
        return None


def _user_comment(image: Image.Image) -> str:
    """Reads EXIF's UserComment: eight bytes that name the encoding, which many writers get wrong, and text."""
    value = image.getexif().get_ifd(_EXIF_IFD).get(_USER_COMMENT)
    if isinstance(value, bytes):
        code = value[:8].upper()
        if code == b"JIS\0\0\0\0\0":
            return value[8:].decode("iso2022_jp", "replace").strip("\0 ")
        known = code in (b"UNICODE\0", b"ASCII\0\0\0", b"\0" * 8)
        return _decoded(value[8:] if known else value).strip("\0 ")
    return _as_utf8(value) if isinstance(value, str) else ""


def _decoded(body: bytes) -> str:
    """Decodes text in UTF-8 or in UTF-16 of either byte order, by its mark if it has one, else by the bytes themselves.

    ASCII in UTF-16 has a zero byte in every character and there is always some ASCII, at least the settings' names: the order
    that gives more characters below 256 is right. UTF-8 has no zeros but at the end. Anything else is Latin-1.
    """
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    if b"\0" in body.rstrip(b"\0"):
        little = body[1::2].count(0) > body[::2].count(0)  # the byte order is A1111's, big, where neither is clear
        return body[: len(body) // 2 * 2].decode("utf-16-le" if little else "utf-16-be", "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _as_utf8(text: str) -> str:
    try:  # Pillow reads EXIF's ASCII as Latin-1, while programs write UTF-8
        return text.encode("latin-1").decode("utf-8").strip("\0 ")
    except UnicodeError:
        return text.strip("\0 ")


def _description(image: Image.Image) -> str:
    value = image.getexif().get(_DESCRIPTION, "")
    return _decoded(value).strip("\0 ") if isinstance(value, bytes) else _as_utf8(str(value))


def _software(image: Image.Image) -> str:
    return str(image.getexif().get(_SOFTWARE, ""))


def _graphs(image: Image.Image) -> Texts:
    """Reads node graphs in a camera's tags, as ComfyUI writes them into WebP and JPEG: `prompt:{…}` and `workflow:{…}`."""
    texts: dict[str, str] = {}
    for value in image.getexif().values():
        if isinstance(value, str) and (match := _GRAPH.match(value)):
            texts.setdefault(match[1].lower(), _as_utf8(value[match.end() :]))
    return texts


def _iptc(image: Image.Image) -> dict[tuple[int, int], bytes | list[bytes]] | None:
    return IptcImagePlugin.getiptcinfo(image) if isinstance(image, ImageFile.ImageFile) else None


def _iptc_and_comments(image: Image.Image) -> Iterator[tuple[str, str]]:
    caption = (_quietly(_iptc, image) or {}).get((2, 120))
    if isinstance(caption, list):
        caption = caption[0]
    if isinstance(caption, bytes):
        yield "iptc", _decoded(caption)
    if isinstance(xmp := image.info.get("xmp"), bytes):
        yield "XML:com.adobe.xmp", _decoded(xmp)
    if isinstance(comment := image.info.get("comment"), bytes):  # GIF and JPEG
        yield "comment", _decoded(comment)
