"""Programs that list their settings plainly under names of their own: SwarmUI, Fooocus, Easy Diffusion, and any other.

A setting is known by its name, whatever its spelling; every name that is not known is kept and listed as not honoured. No torch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sdedge.images.metadata_fields import Draft, Metadata, to_float, to_int
from sdedge.images.metadata_numerics import note_numerics
from sdedge.images.metadata_resources import put_loras
from sdedge.images.metadata_texts import Texts, json_object, literal
from sdedge.images.naming import last_part
from sdedge.text.clean import shown
from sdedge.text.wildcards import escape

MAX_INNER = 20  # objects inside of an object that are looked at
_PROGRAMS = {"swarm_version": "SwarmUI", "base_model": "Fooocus", "num_inference_steps": "Easy Diffusion"}
"""By the key that only this program writes."""
_NAMES = {
    "prompt": ("prompt", "positiveprompt", "positive", "textprompt", "caption"),
    "negative": ("negativeprompt", "negative", "uc", "undesiredcontent", "negprompt"),
    "seed": ("seed", "usedseed", "noiseseed", "imageseed"),
    "steps": ("steps", "numinferencesteps", "samplingsteps", "numsteps", "inferencesteps", "ddimsteps"),
    "guidance": ("cfgscale", "cfg", "guidancescale", "scale", "guidance", "scaletxt"),
    "sampler": ("sampler", "samplername", "samplingmethod", "scheduler"),
    "schedule": ("scheduletype", "scheduler", "schedule", "noiseschedule"),
    "model": ("model", "modelname", "basemodel", "checkpoint", "ckptname", "usestablediffusionmodel", "sdmodel", "modelfile",
              "modelid"),
    "vae": ("vae", "vaename", "usevaemodel", "sdvae"),
    "size": ("resolution", "size", "imagesize"),
    "width": ("width", "imagewidth", "imgwidth", "w"),
    "height": ("height", "imageheight", "imgheight", "h"),
    "clip_skip": ("clipskip", "clipstopatlayer"),
    "strength": ("denoisingstrength", "strength", "promptstrength", "initimagecreativity"),
    "guidance_rescale": ("cfgrescale", "guidancerescale"),
    "tiling": ("tiling", "seamless"),
    "model hash": ("modelhash", "basemodelhash"),
    "loras": ("loras", "lora", "uselora", "useloramodel"),
    "lora weights": ("loraweights", "loraalpha"),
}  # fmt: skip
"""Names of a setting, as letters and digits only; of several the first that is there counts."""
_INFORMATIVE = {
    "version", "appversion", "swarmversion", "metadatascheme", "fooocusscheme", "software", "generator", "app", "createdby",
    "user",
    "date", "created", "generationtime", "numoutputs", "vramusagelevel", "outputformat", "outputquality", "metadataoutputformat",
    "showonlyfilteredimage", "streamprogressupdates", "streamimageprogress", "performance", "images", "batchsize", "sessionid",
    "usedrandomseed", "blocknsfw", "originalprompt", "fullprompt", "fullnegativeprompt", "title", "description", "source",
    "numimages", "suiextradata", "aspectratio", "refinermodelhash", "activetags", "inactivetags",
}  # fmt: skip
_PAIR = re.compile(r"\D{0,3}(\d{1,6})\D{1,4}(\d{1,6})\D{0,3}")
_COMBINED = re.compile(r"lora(?:combined)?\d{1,2}")


def read(texts: Texts) -> Metadata | None:
    """Returns what the first of a picture's texts that lists settings says; None where none does. Never raises."""
    for record, text in _records(texts):
        if (recorded := read_record(record, text, str(texts.get("Software", ""))[:60])) is not None:
            return recorded
    return None


def _records(texts: Texts) -> Iterator[tuple[dict[str, Any], str]]:
    """Yields every object of settings that may be in a picture: its texts' objects, those inside of them, and the texts."""
    for text in texts.values():
        record = json_object(text)
        inner = [value for value in record.values() if isinstance(value, dict)][:MAX_INNER]
        if isinstance(models := record.get("sui_models"), list) and inner:
            inner = [{**inner[0], "swarm_version": None, "sui_models": models}]
        elif inner and "sui_image_params" in record:
            inner = [{"swarm_version": None, **inner[0]}]
        for each in (record, *inner):
            yield each, text
    plain = {key: value for key, value in texts.items() if not json_object(value)}
    yield plain, str(plain.get("prompt", ""))


def read_record(record: Mapping[str, Any], text: str, software: str = "") -> Metadata | None:
    """Reads one object of settings, or None if it is none: a prompt and two other settings make one."""
    keys = _keys_of(record)
    enough = len({"seed", "steps", "guidance", "sampler", "model"} & keys.keys()) >= 2
    if not isinstance(record.get(keys.get("prompt", "")), str) or not enough:
        return None
    program = next((name for key, name in _PROGRAMS.items() if key in record), software or "another program")
    draft = Draft(program, text)
    said = {name: record[key] for name, key in keys.items()}
    for name, convert in _CONVERTERS.items():
        draft.put(name, said.get(name), convert)
    draft.put_seed(said.get("seed"))
    if keys.get("schedule") != keys.get("sampler") and isinstance(schedule := said.get("schedule"), str):
        draft.put_schedule(schedule)
    draft.put_sampler(said.get("sampler"))
    if size := _PAIR.fullmatch(str(said.get("size"))[:40]):
        draft.put_size(size[1], size[2])
    else:
        draft.put_size(said.get("width"), said.get("height"))
    _put_strength(draft, record, said.get("strength"))
    draft.add_resource("model", draft.fields.get("model", ""), said.get("model hash", ""))
    used = _put_adapters(draft, record, said) | set(keys.values()) | _said_again(record, keys)
    sentence = f"The numerics of {shown(program)[1:-1]} are not available; ours are used."
    draft.leave_out("numerics", program, sentence)
    note_numerics(draft)
    draft.keep(record, used, {key for key in record if _plain(key) in _INFORMATIVE})
    return draft.done()


def _keys_of(record: Mapping[str, Any]) -> dict[str, str]:
    """Returns the record's own key of each setting that is known."""
    by_name: dict[str, str] = {}
    for key in record:
        by_name.setdefault(_plain(key), key)
    keys = {name: next((by_name[each] for each in names if each in by_name), None) for name, names in _NAMES.items()}
    return {name: key for name, key in keys.items() if key is not None}


def _said_again(record: Mapping[str, Any], keys: Mapping[str, str]) -> set[str]:
    """Returns the keys that say a known setting under a second name, with the same value."""
    names = {each: name for name, spellings in _NAMES.items() for each in spellings if name in keys}
    return {key for key in record if (name := names.get(_plain(key))) and record[key] == record[keys[name]]}


def _plain(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key[:100].lower())


def _text(value: Any) -> str:
    return escape(literal(value))


def _file(value: Any) -> str:
    """Returns the name of a file without its folder and ending; what stands for none is none."""
    if literal(value).lower() in ("none", "automatic", "default", "default (model)"):
        return ""
    return last_part(value)


def _skipped(value: Any) -> int:
    if str(value).lower() in ("true", "false"):
        return 2 if str(value).lower() == "true" else 1
    return max(1, abs(to_int(value)))


def _flag(value: Any) -> bool:
    return value not in (None, False, "", "none", "None", "false", "False", 0)


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "prompt": _text, "negative": _text, "steps": to_int, "guidance": to_float, "model": _file, "vae": _file,
    "clip_skip": _skipped,
    "guidance_rescale": to_float, "tiling": _flag,
}  # fmt: skip


def _put_strength(draft: Draft, record: Mapping[str, Any], strength: Any) -> None:
    """Sets the strength where there was a picture to start from; programs write it in any case."""
    plain = {_plain(key): value for key, value in record.items()}
    if any(_flag(plain.get(key)) for key in ("initimage", "image", "inputimage", "sourceimage")):
        draft.put("strength", strength, to_float)
        draft.note_start()


def _put_adapters(draft: Draft, record: Mapping[str, Any], said: Mapping[str, Any]) -> set[str]:
    """Writes LoRAs into the prompt, however they are listed, and returns the keys that were used for it."""
    for name in ("vae",):
        if not draft.fields.get(name):
            draft.fields.pop(name, None)
    names, weights, used = said.get("loras"), said.get("lora weights"), set()
    names, weights = names if isinstance(names, list) else [names], weights if isinstance(weights, list) else [weights]
    entries: list[dict[str, Any]] = []
    for i, name in enumerate(names[:50]):
        if isinstance(name, str) and name:
            entries.append({"file": name, "weight": weights[i] if i < len(weights) and weights[i] is not None else 1})
        elif isinstance(name, list) and len(name) >= 2:  # Fooocus
            entries.append({"file": name[0], "weight": name[1], "hash": name[2] if len(name) > 2 else ""})
        elif isinstance(name, dict):
            entries.append(name)
    for key, value in record.items():
        if _COMBINED.fullmatch(_plain(key)) and isinstance(value, str) and " : " in value:
            file, _, weight = value.partition(" : ")
            entries.append({"file": file, "weight": weight.split(" : ")[0]})
            used.add(key)
    put_loras(draft, [entry for entry in entries if str(entry.get("file", "x")).lower() != "none"])
    if isinstance(models := record.get("sui_models"), list):
        used.add("sui_models")
        for entry in models[:100]:
            if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                role = {"model": "model", "loras": "lora", "vae": "vae"}.get(
                    str(entry.get("param")), shown(entry.get("param"))
                )
                draft.add_resource(role, last_part(entry["name"]), str(entry.get("hash", "")).removeprefix("0x"))
    return used
