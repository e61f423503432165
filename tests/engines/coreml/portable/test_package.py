"""Reading packages: compressed weights against coremltools' own decompression, precisions, functions, and damaged files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import weakref
from pathlib import Path

import coremltools as ct
import coremltools.optimize as cto
import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import Function, Placeholder, Program, types
from hypothesis import given
from hypothesis import strategies as st

from sdedge.engines.coreml.portable.constants import lut_to_dense
from sdedge.engines.coreml.portable.operations import ARITHMETIC
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.runner import Runner
from sdedge.engines.coreml.portable.tensors import from_bits
from sdedge.errors import ModelError

WEIGHT = np.random.default_rng(3).normal(size=(64, 32, 3, 3)).astype(np.float16)
X = torch.from_numpy(np.random.default_rng(4).normal(size=(1, 32, 5, 5)).astype(np.float32))
TARGETS = {"iOS16": ct.target.iOS16, "iOS18": ct.target.iOS18}


def convert(emit, target: str = "iOS16", **shapes: tuple[int, ...]) -> ct.models.MLModel:
    """A model of one function with half-precision inputs and what `emit` makes of them as the output "y"."""
    program = Program()
    holders = {name: Placeholder(shape, dtype=types.fp16, name=name) for name, shape in shapes.items()}
    with Function(holders, opset_version=TARGETS[target]) as function:
        y = emit(**function.inputs)
        y.name = "y"
        function.set_outputs([y])
    program.add_function("main", function)
    return ct.convert(
        program, source="milinternal", convert_to="mlprogram", minimum_deployment_target=TARGETS[target],
        compute_precision=ct.precision.FLOAT32, pass_pipeline=ct.PassPipeline.EMPTY, skip_model_load=True,
    )  # fmt: skip


def _save(model: ct.models.MLModel, folder: Path, name: str = "package") -> Path:
    model.save(str(folder / f"{name}.mlpackage"))
    return folder / f"{name}.mlpackage"


@pytest.fixture(scope="module")
def models() -> dict[str, ct.models.MLModel]:
    """A convolution for each target."""
    return {
        target: convert(lambda x: mb.conv(x=x, weight=WEIGHT, pad_type="same"), target, x=tuple(X.shape))
        for target in TARGETS
    }


@pytest.fixture(scope="module")
def package(models, tmp_path_factory) -> Path:
    return _save(models["iOS16"], tmp_path_factory.mktemp("mil"))


def _palette(**options) -> cto.coreml.OptimizationConfig:
    return cto.coreml.OptimizationConfig(cto.coreml.OpPalettizerConfig(weight_threshold=1, **options))


def _linear(**options) -> cto.coreml.OptimizationConfig:
    return cto.coreml.OptimizationConfig(cto.coreml.OpLinearQuantizerConfig(weight_threshold=1, **options))


SPARSE = cto.coreml.OptimizationConfig(cto.coreml.OpMagnitudePrunerConfig(target_sparsity=0.6, weight_threshold=1))
GROUPED = {"granularity": "per_grouped_channel", "group_size": 16}
SCHEMES = {
    "palette 8": ("iOS16", [(cto.coreml.palettize_weights, _palette(mode="uniform", nbits=8))]),
    "palette 6": ("iOS16", [(cto.coreml.palettize_weights, _palette(mode="uniform", nbits=6))]),
    "palette 4": ("iOS16", [(cto.coreml.palettize_weights, _palette(mode="kmeans", nbits=4))]),
    "palette 2": ("iOS16", [(cto.coreml.palettize_weights, _palette(mode="kmeans", nbits=2))]),
    "palette 1": ("iOS16", [(cto.coreml.palettize_weights, _palette(mode="kmeans", nbits=1))]),
    "int8": ("iOS16", [(cto.coreml.linear_quantize_weights, _linear(mode="linear"))]),
    "int8 symmetric": ("iOS16", [(cto.coreml.linear_quantize_weights, _linear(mode="linear_symmetric"))]),
    "sparse": ("iOS16", [(cto.coreml.prune_weights, SPARSE)]),
    "palette 6 of iOS 18": ("iOS18", [(cto.coreml.palettize_weights, _palette(mode="uniform", nbits=6))]),
    "palette 3": ("iOS18", [(cto.coreml.palettize_weights, _palette(mode="uniform", nbits=3))]),
    "palette 4 grouped": ("iOS18", [(cto.coreml.palettize_weights, _palette(mode="uniform", nbits=4, **GROUPED))]),
    "palette 4 scaled": (
        "iOS18",
        [(cto.coreml.palettize_weights, _palette(mode="uniform", nbits=4, enable_per_channel_scale=True, **GROUPED))],
    ),
    "int4 blocks": (
        "iOS18",
        [(cto.coreml.linear_quantize_weights, _linear(dtype="int4", granularity="per_block", block_size=16))],
    ),
    "uint4 channels": (
        "iOS18", [(cto.coreml.linear_quantize_weights, _linear(dtype="uint4", mode="linear", granularity="per_channel"))]
    ),
    "sparse of iOS 18": ("iOS18", [(cto.coreml.prune_weights, SPARSE)]),
    "sparse palette": (
        "iOS18",
        [(cto.coreml.prune_weights, SPARSE), (cto.coreml.palettize_weights, _palette(mode="uniform", nbits=4))],
    ),
    "sparse int8": ("iOS18", [(cto.coreml.prune_weights, SPARSE), (cto.coreml.linear_quantize_weights, _linear())]),
    "palette with int8 entries": (
        "iOS18",
        [
            (cto.coreml.palettize_weights, _palette(mode="uniform", nbits=4)),
            (cto.coreml.linear_quantize_weights, _linear(dtype="int8", granularity="per_tensor")),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("scheme", SCHEMES)
def test_compressed_weights_decode_as_coremltools_decodes_them(scheme, models, tmp_path):
    target, passes = SCHEMES[scheme]
    compressed = models[target]
    for number, (compress, config) in enumerate(passes):
        joint = {"joint_compression": True} if number else {}
        compressed = compress(compressed, config, **joint)
    ours = Package.open(_save(compressed, tmp_path, "compressed"))
    assert any(op.type.startswith("constexpr_") for op in ours.function().operations)
    plain = Package.open(_save(cto.coreml.decompress_weights(compressed), tmp_path, "plain"))
    assert not any(op.type.startswith("constexpr_") for op in plain.function().operations)
    y, expected = (Runner(package)({"x": X})["y"] for package in (ours, plain))
    assert torch.equal(y, expected)


def test_palettes_lose_what_their_bits_say(models, tmp_path):
    exact = Runner(Package.open(_save(models["iOS16"], tmp_path)), precision="float32")({"x": X})["y"].float()
    losses = []
    for bits in (8, 4, 1):
        path = _save(
            cto.coreml.palettize_weights(models["iOS16"], _palette(mode="kmeans", nbits=bits)), tmp_path, str(bits)
        )
        y = Runner(Package.open(path), precision="float32")({"x": X})["y"].float()
        losses.append(float((y - exact).square().mean() / exact.square().mean()))
    assert 0 < losses[0] < losses[1] < losses[2] < 1


@given(
    st.integers(1, 8).flatmap(lambda bits: st.tuples(st.just(bits), st.lists(st.integers(0, 2**bits - 1), min_size=1)))
)
def test_numbers_of_few_bits_unpack_from_the_lowest_bit_up(packed):
    bits, numbers = packed
    flat = [number >> i & 1 for number in numbers for i in range(bits)]
    stored = np.packbits(np.array(flat, np.uint8), bitorder="little")
    assert from_bits(stored, bits, len(numbers)).tolist() == numbers


def test_float16_rounds_each_result_and_float32_none(tmp_path):
    def emit(x):
        return mb.sub(x=mb.add(x=x, y=np.float16(2048)), y=np.float16(2048))

    package = Package.open(_save(convert(emit, x=(3,)), tmp_path))
    x = torch.tensor([0.25, 1.5, 3.0])
    assert Runner(package)({"x": x})["y"].tolist() == [0, 2, 4]  # halves near 2048 are 2 apart; ties go to even
    assert Runner(package, precision="float32")({"x": x})["y"].tolist() == [0.25, 1.5, 3.0]


def test_halves_overflow_where_a_program_squares_them(tmp_path):
    package = Package.open(_save(convert(lambda x: mb.sqrt(x=mb.square(x=x)), x=(2,)), tmp_path))
    x = torch.tensor([255.0, 300.0])
    assert Runner(package)({"x": x})["y"].tolist() == [255, float("inf")]
    assert Runner(package, precision="float32")({"x": x})["y"].tolist() == [255, 300]


def test_values_are_let_go_after_their_last_use(tmp_path):
    def emit(x):
        for _ in range(20):
            x = mb.add(x=x, y=np.float16(1))
        return x

    runner = Runner(Package.open(_save(convert(emit, x=(4,)), tmp_path)))
    made, most = [], 0
    for _, results in runner.trace({"x": torch.zeros(4)}):
        made.append(weakref.ref(results[0]))
        del results
        most = max(most, sum(ref() is not None for ref in made))
    assert len(made) == 20
    assert most <= 2  # what is read and what is made


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_palettes_of_vectors_decode_as_coremltools_decodes_them(axis):
    from coremltools.converters.mil.mil.ops.defs.iOS18.compression import constexpr_lut_to_dense

    random = np.random.default_rng(1)
    indices, lut = random.integers(0, 4, (4, 6, 2), dtype=np.uint8), random.normal(size=(2, 3, 1, 4, 5))
    assert np.array_equal(lut_to_dense(indices, lut, None, axis), constexpr_lut_to_dense.decompress(indices, lut, axis))


def test_multifunction_packages_run_each_function(tmp_path):
    parts = {f"size{n}": _save(convert(lambda x: mb.mul(x=x, y=np.float16(n)), "iOS18", x=(n,)), tmp_path, f"{n}")  # noqa: B023
             for n in (2, 3)}  # fmt: skip
    descriptor = ct.utils.MultiFunctionDescriptor()
    for name, path in parts.items():
        descriptor.add_function(str(path), src_function_name="main", target_function_name=name)
    descriptor.default_function_name = "size3"
    ct.utils.save_multifunction(descriptor, str(tmp_path / "all.mlpackage"))
    package = Package.open(tmp_path / "all.mlpackage")
    assert Runner(package)({"x": torch.ones(3)})["y"].tolist() == [3, 3, 3]
    assert Runner(package, "size2")({"x": torch.ones(2)})["y"].tolist() == [2, 2]
    with pytest.raises(ModelError, match=r"no function size9; it has size2, size3"):
        Runner(package, "size9")


def test_opening_a_package_does_not_import_coremltools(package):
    code = (
        "import sys; from sdedge.engines.coreml.portable.package import Package; "
        f"Package.open({str(package)!r}); sys.exit(any(name in sys.modules for name in ('coremltools', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120, check=False).returncode == 0


# ---- What is wrong is said ----------------------------------------------------------------------------------------


def test_unknown_operations_are_named(tmp_path):
    path = _save(convert(lambda x: mb.local_response_norm(x=mb.atanh(x=x), size=2), x=(1, 2, 3)), tmp_path)
    with pytest.raises(ModelError, match=r"cannot run: atanh, local_response_norm; run it on a Mac"):
        Runner(Package.open(path))


def test_known_operations_with_unknown_arguments_are_named(tmp_path, monkeypatch):
    path = _save(convert(lambda x: mb.softmax(x=x, axis=0, name="y"), x=(3,)), tmp_path)
    monkeypatch.setitem(ARITHMETIC, "softmax", lambda x: x)  # a runner that knows less
    with pytest.raises(ModelError, match=r"uses softmax y in a way that sdedge cannot run \(.*'axis'"):
        Runner(Package.open(path))({"x": torch.zeros(3)})


@pytest.mark.parametrize("keep", [10, 100, 20_000])
def test_truncated_weights_are_told_apart_from_missing_ones(package, tmp_path, keep):
    copy = shutil.copytree(package, tmp_path / "copy.mlpackage")
    weights = copy / "Data/com.apple.CoreML/weights/weight.bin"
    weights.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(ModelError, match=r"weight\.bin (is|are|does)|weight\.bin are damaged"):
        Runner(Package.open(copy))
    weights.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        Runner(Package.open(copy))


def test_weights_of_another_kind_are_refused(package, tmp_path):
    copy = shutil.copytree(package, tmp_path / "copy.mlpackage")
    weights = copy / "Data/com.apple.CoreML/weights/weight.bin"
    data = bytearray(weights.read_bytes())
    data[68] = 2  # says float32
    weights.write_bytes(data)
    with pytest.raises(ModelError, match="no float16 data there"):
        Runner(Package.open(copy))


def test_what_is_no_package_is_said(package, tmp_path):
    with pytest.raises(ModelError, match="is not a Core ML package"):
        Package.open(tmp_path)
    with pytest.raises(ModelError, match="is compiled"):
        Package.open(tmp_path / "Unet.mlmodelc")
    copy = shutil.copytree(package, tmp_path / "copy.mlpackage")
    specification = copy / "Data/com.apple.CoreML/model.mlmodel"
    specification.write_bytes(b"\xff" * 50)
    with pytest.raises(ModelError, match="is damaged"):
        Package.open(copy)
    specification.write_bytes(b"")
    with pytest.raises(ModelError, match="not an ML Program"):
        Package.open(copy)
    specification.unlink()
    with pytest.raises(ModelError, match="lacks its model specification"):
        Package.open(copy)


def test_a_package_reads_no_file_outside_itself(package, tmp_path):
    copy = shutil.copytree(package, tmp_path / "copy.mlpackage")
    manifest = json.loads((copy / "Manifest.json").read_text())
    manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["path"] = "../../secret.mlmodel"
    (copy / "Manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="lies outside"):
        Package.open(copy)


def _edit(package, tmp_path, change) -> Path:
    """A copy of the package whose main block `change` was let at."""
    from sdedge.engines.coreml.portable.package import protobuf

    copy = shutil.copytree(package, tmp_path / "edited.mlpackage")
    specification = copy / "Data/com.apple.CoreML/model.mlmodel"
    model = protobuf("Model_pb2").Model()
    model.ParseFromString(specification.read_bytes())
    function = model.mlProgram.functions["main"]
    change(function.block_specializations[function.opset])
    specification.write_bytes(model.SerializeToString())
    return copy


def _reverse(block) -> None:
    operations = list(block.operations)[::-1]
    del block.operations[:]
    block.operations.extend(operations)


EDITS = {
    "operations in another order": (_reverse, "which nothing before it gives"),
    "an output that nothing gives": (lambda block: block.outputs.append("nowhere"), "never gives its output 'nowhere'"),
    "a result given twice": (lambda block: block.operations.append(block.operations[-1]), "twice"),
    "a constant without value": (lambda block: block.operations[0].attributes.clear(), "has no value of its type"),
    "a result without end": (
        lambda block: setattr(block.operations[-1].outputs[0].type.tensorType.dimensions[0].constant, "size", 1 << 50),
        "elements, at most",
    ),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_a_damaged_program_is_said_when_it_is_opened(edit, package, tmp_path):
    change, said = EDITS[edit]
    with pytest.raises(ModelError, match=said):
        Package.open(_edit(package, tmp_path, change))


def test_a_result_of_another_shape_than_the_program_says_is_refused(package, tmp_path):
    def shrink(block):
        block.operations[-1].outputs[0].type.tensorType.dimensions[3].constant.size = 2

    with pytest.raises(ModelError, match=r"has the shape \(1, 64, 5, 2\), and conv gives \(1, 64, 5, 5\)"):
        Runner(Package.open(_edit(package, tmp_path, shrink)))({"x": X})


def test_small_programs_run_on_one_thread_and_give_the_others_back(package):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        runner, seen = Runner(Package.open(package)), []
        trace = runner.trace
        runner.trace = lambda inputs: (seen.append(torch.get_num_threads()) or step for step in trace(inputs))
        runner({"x": X})
        assert set(seen) == {1} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_inputs_that_do_not_fit_are_said(package):
    runner = Runner(Package.open(package))
    with pytest.raises(ModelError, match=r"takes x; given: z"):
        runner({"z": X})
    with pytest.raises(ModelError, match=r"x of shape \(1, 32, 5, 5\), given: \(1, 32, 5, 4\)"):
        runner({"x": X[..., :4]})
