"""What each operation of an ML Program computes, with torch.

Arguments go by their names in the MIL specification and defaults are the specification's. Constant scalars come as
Python numbers and strings, everything else as tensors. Arithmetic is float32: the runner widens halves before and rounds the
result after. So a fused operation (layer_norm, softmax, gelu, scaled_dot_product_attention, batch_norm, a reduction, and
the sums inside conv, linear, matmul and einsum) is rounded once, at its end, while everything written out as operations of
its own is rounded at each. Moving data (reshape, transpose, concat …) rounds nothing.

Source of the semantics: the operation definitions of coremltools 9.0 (coremltools/converters/mil/mil/ops/defs).
"""

from __future__ import annotations

# Each of these writes its operations into the table.
import sdedge.engines.coreml.portable.operations.elementwise
import sdedge.engines.coreml.portable.operations.layers
import sdedge.engines.coreml.portable.operations.movement
import sdedge.engines.coreml.portable.operations.reductions  # noqa: F401
from sdedge.engines.coreml.portable.operations.table import ARITHMETIC, MOVEMENT

__all__ = ["ARITHMETIC", "MOVEMENT"]
