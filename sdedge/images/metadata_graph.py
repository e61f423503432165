"""Node graphs of other programs as one value: nodes by their names, whose inputs are values or links. No torch, nothing is run.

    ComfyUI, `prompt`       {"3": {"class_type": "KSampler", "inputs": {"seed": 1, "model": ["4", 0], …}}, …}
    ComfyUI, `workflow`     {"nodes": [{"id": 3, "type": "KSampler", "inputs": […], "widgets_values": […]}, …], "links": […]}
    InvokeAI, graph         {"nodes": {"a": {"type": "noise", "seed": 1, …}, …}, "edges": [{"source": {…},
    "destination": {…}}, …]}
    InvokeAI, workflow      {"nodes": [{"id": "a", "data": {"type": "noise", "inputs": {"seed": {"value": 1}}}}, …], "edges": […]}

Every node is visited a fixed number of times, however the links run; loops end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_NODES = 4000
MAX_HOPS = 200  # links followed in a row
_PASSING = {"Reroute", "reroute", "easy getNode", "collect", "iterate", "ShowText|pysssss", "PreviewAny"}
_PRIMITIVES = {
    "PrimitiveNode", "PrimitiveString", "PrimitiveStringMultiline", "PrimitiveInt", "PrimitiveFloat", "PrimitiveBoolean", "Int",
    "Float", "String", "Seed", "Text Multiline", "String Literal", "Seed (rgthree)", "CR Seed", "Seed Generator", "Text box",
    "string", "integer",
    "float", "boolean", "rand_int", "string_2", "prompt_from_file", "INTConstant", "StringConstant", "StringConstantMultiline",
    "Textbox", "JWInteger", "PrimitiveStringWidget",
}  # fmt: skip
_VALUE_INPUTS = ("value", "seed", "text", "string", "Text", "int", "float", "a", "noise_seed", "number")
# The order of ComfyUI's widgets, which a workflow lists without their names. "+" is what the page adds behind a seed.
_WIDGETS: dict[str, tuple[str, ...]] = {
    "KSampler": ("seed", "+", "steps", "cfg", "sampler_name", "scheduler", "denoise"),
    "KSamplerAdvanced": (
        "add_noise", "noise_seed", "+", "steps", "cfg", "sampler_name", "scheduler", "start_at_step", "end_at_step",
        "return_with_leftover_noise",
    ),
    "SamplerCustom": ("add_noise", "noise_seed", "+", "cfg"),
    "RandomNoise": ("noise_seed", "+"),
    "KSamplerSelect": ("sampler_name",),
    "BasicScheduler": ("scheduler", "steps", "denoise"),
    "KarrasScheduler": ("steps", "sigma_max", "sigma_min", "rho"),
    "CFGGuider": ("cfg",),
    "CheckpointLoaderSimple": ("ckpt_name",),
    "CheckpointLoader": ("config_name", "ckpt_name"),
    "LoraLoader": ("lora_name", "strength_model", "strength_clip"),
    "LoraLoaderModelOnly": ("lora_name", "strength_model"),
    "CLIPTextEncode": ("text",),
    "CLIPSetLastLayer": ("stop_at_clip_layer",),
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "VAELoader": ("vae_name",),
    "LatentUpscale": ("upscale_method", "width", "height", "crop"),
    "LatentUpscaleBy": ("upscale_method", "scale_by"),
    "ImageScale": ("upscale_method", "width", "height", "crop"),
    "ImageScaleBy": ("upscale_method", "scale_by"),
    "UpscaleModelLoader": ("model_name",),
    "ControlNetLoader": ("control_net_name",),
    "DiffControlNetLoader": ("control_net_name",),
    "ControlNetApply": ("strength",),
    "ControlNetApplyAdvanced": ("strength", "start_percent", "end_percent"),
    "ConditioningSetArea": ("width", "height", "x", "y", "strength"),
    "ConditioningSetMask": ("strength", "set_cond_area"),
    "ConditioningAverage": ("conditioning_to_strength",),
    "LoadImage": ("image", "upload"),
    "LoadImageMask": ("image", "channel", "upload"),
    "SaveImage": ("filename_prefix",),
    "RepeatLatentBatch": ("amount",),
    "LatentFromBatch": ("batch_index", "length"),
    "FreeU": ("b1", "b2", "s1", "s2"),
    "FreeU_V2": ("b1", "b2", "s1", "s2"),
    "PerturbedAttentionGuidance": ("scale",),
    "RescaleCFG": ("multiplier",),
    "ModelSamplingDiscrete": ("sampling", "zsnr"),
    "Seed (rgthree)": ("seed",),
}  # fmt: skip
_MUTED, _BYPASSED = 2, 4


@dataclass(frozen=True)
class Link:
    """Leads from an input to the node whose output it takes."""

    node: str
    output: Any = 0


@dataclass(frozen=True)
class Node:
    """A node: its name in the graph, its type, and its inputs, each a value or a Link."""

    name: str
    type: str
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """Nodes by their names. `seen` are the (node, input) whose values were asked for."""

    nodes: Mapping[str, Node]
    seen: set[tuple[str, str]] = field(default_factory=set)

    def source(self, node: Node | None, *inputs: str) -> Node | None:
        """Returns the node that the first linked one of these inputs leads to, through nodes that only pass something on."""
        for name in inputs:
            if node is not None and isinstance(link := node.inputs.get(name), Link):
                return self._reached(link)
        return None

    def value(self, node: Node | None, *inputs: str) -> Any:
        """Returns what the first of these inputs says, through primitive nodes; None where nothing says it."""
        for name in inputs:
            if node is None or (value := node.inputs.get(name)) is None:
                continue
            self.seen.add((node.name, name))
            for _ in range(MAX_HOPS):
                if not isinstance(value, Link):
                    return value
                if (giver := self._reached(value)) is None or giver.type not in _PRIMITIVES:
                    return None
                value = next((giver.inputs[key] for key in _VALUE_INPUTS if key in giver.inputs), None)
        return None

    def upstream(self, node: Node) -> Iterator[Node]:
        """Yields every node that a node depends on, the nearest first, and itself."""
        seen, row = {node.name}, [node]
        while row:
            yield from row
            links = [link for each in row for link in each.inputs.values() if isinstance(link, Link)]
            names = list(dict.fromkeys(link.node for link in links if link.node not in seen))
            seen.update(names)
            row = [self.nodes[name] for name in names if name in self.nodes]

    def unseen(self, node: Node) -> dict[str, Any]:
        """Returns the values of a node that nobody asked for."""
        return {
            key: value
            for key, value in node.inputs.items()
            if not isinstance(value, Link) and (node.name, key) not in self.seen
        }

    def _reached(self, link: Link) -> Node | None:
        for _ in range(MAX_HOPS):
            node = self.nodes.get(link.node)
            if node is None or node.type not in _PASSING:
                return node
            onward = next((value for value in node.inputs.values() if isinstance(value, Link)), None)
            if onward is None:
                return node
            link = onward
        return None


def passes_on(node: Node) -> bool:
    """Returns whether a node has no effect of its own: it passes a value or a result on."""
    return node.type in _PASSING or node.type in _PRIMITIVES


def comfyui_prompt(record: Mapping[str, Any]) -> Graph:
    """Returns the graph of ComfyUI's `prompt`; what is no node in it is left out."""
    nodes = {}
    for name, node in list(record.items())[:MAX_NODES]:
        if isinstance(node, dict) and isinstance(node.get("class_type"), str) and isinstance(node.get("inputs"), dict):
            inputs = {key: _linked(value) for key, value in node["inputs"].items()}
            nodes[str(name)] = Node(str(name), node["class_type"], inputs)
    return Graph(nodes)


def _linked(value: Any) -> Any:
    is_link = isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)
    return Link(value[0], value[1]) if is_link else value


def comfyui_workflow(record: Mapping[str, Any]) -> Graph:
    """Returns the graph of ComfyUI's `workflow`. Widgets are named for the node types known here; muted nodes are left out."""
    links: dict[Any, Link] = {}
    for link in _list(record.get("links")):
        if isinstance(link, list) and len(link) >= 3 and _hashable(link[0]):
            links[link[0]] = Link(str(link[1]), link[2])
        elif isinstance(link, dict) and _hashable(link.get("id")):
            links[link["id"]] = Link(str(link.get("origin_id")), link.get("origin_slot"))
    nodes = {}
    for node in _list(record.get("nodes")):
        if isinstance(node, dict) and isinstance(node.get("type"), str) and node.get("mode") != _MUTED:
            type = "Reroute" if node.get("mode") == _BYPASSED else node["type"]
            nodes[str(node.get("id"))] = Node(str(node.get("id")), type, _workflow_inputs(node, links))
    return Graph(nodes)


def _workflow_inputs(node: Mapping[str, Any], links: Mapping[Any, Link]) -> dict[str, Any]:
    values = node.get("widgets_values")
    inputs: dict[str, Any] = dict(values) if isinstance(values, dict) else {}
    if isinstance(values, list):
        names = _WIDGETS.get(node["type"])
        if names is not None and "+" in names and len(values) < len(names):
            names = tuple(name for name in names if name != "+")
        names = names or ("value" if node["type"] in _PRIMITIVES else "widget 0",)
        names = (*names, *(f"widget {i}" for i in range(len(names), len(values))))
        inputs = {name: value for name, value in zip(names, values) if name != "+"}
    for entry in _list(node.get("inputs")):
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            link = entry.get("link")
            if _hashable(link) and link in links:
                inputs[entry["name"]] = links[link]
    return inputs


def invokeai_graph(record: Mapping[str, Any]) -> Graph:
    """Returns the graph of InvokeAI's `invokeai_graph`, or of its `invokeai_workflow`."""
    inputs: dict[str, dict[str, Any]] = {}
    types: dict[str, str] = {}
    entries = record.get("nodes")
    for name, node in list(entries.items())[:MAX_NODES] if isinstance(entries, dict) else ():
        if isinstance(node, dict):
            types[str(name)] = str(node.get("type"))
            inputs[str(name)] = {key: value for key, value in node.items() if key not in ("id", "type")}
    for node in _list(entries):
        data = node.get("data") if isinstance(node, dict) else None
        if isinstance(data, dict):
            fields = data.get("inputs")
            types[str(node.get("id"))] = str(data.get("type"))
            inputs[str(node.get("id"))] = {
                key: field.get("value")
                for key, field in (fields.items() if isinstance(fields, dict) else ())
                if isinstance(field, dict)
            }
    for edge in _list(record.get("edges")):
        _add_edge(inputs, edge)
    return Graph({name: Node(name, types[name], inputs[name]) for name in types})


def _add_edge(inputs: dict[str, dict[str, Any]], edge: Any) -> None:
    if not isinstance(edge, dict):
        return
    source, target = edge.get("source"), edge.get("destination", edge.get("target"))
    if isinstance(source, dict) and isinstance(target, dict):
        start, output = source.get("node_id"), source.get("field")
        end, key = target.get("node_id"), target.get("field")
    else:
        start, output, end, key = source, edge.get("sourceHandle"), target, edge.get("targetHandle")
    if isinstance(end, str) and end in inputs and isinstance(key, str):
        names = (key, *(f"{key} {i}" for i in range(2, 20))) if key in ("item", "collection") else (key,)
        free = next((name for name in names if not isinstance(inputs[end].get(name), Link)), key)
        inputs[end][free] = Link(str(start), output)


def _list(value: Any) -> list[Any]:
    return value[:MAX_NODES] if isinstance(value, list) else []


def _hashable(value: Any) -> bool:
    return isinstance(value, int | str)
