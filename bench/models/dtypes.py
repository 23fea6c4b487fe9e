"""Files of other dtypes, with the settings of the conversion scripts of transformers.js 3.8.1 (scripts/quantize.py)."""

import onnxslim
from onnxruntime.quantization import QuantizationMode, QuantType
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.quantization.onnx_quantizer import ONNXQuantizer
from onnxruntime.quantization.registry import IntegerOpsRegistry
from onnxruntime.transformers.float16 import convert_float_to_float16

SUFFIX = {"fp32": "", "fp16": "_fp16", "q8": "_quantized", "q4": "_q4"}

# Graphs with these operators get unsigned weights.
UNSIGNED = {"Conv", "GroupQueryAttention", "MultiHeadAttention"}


def operators(graph) -> set[str]:
    """Names of the operators of a graph and of those nested in it."""
    found = {node.op_type for node in graph.node}
    bodies = (one.g for node in graph.node for one in node.attribute if one.HasField("g"))
    return found.union(*map(operators, bodies))


def part_branch_outputs(graph) -> None:
    """Gives what branches return names of their own: the converter renames an output of the model and forgets branches."""
    for node in graph.node:
        for attribute in node.attribute:
            body = attribute.g
            names = {output.name: f"{attribute.name}/{output.name}" for output in body.output}
            for inner in body.node:
                inner.input[:] = [names.get(name, name) for name in inner.input]
                inner.output[:] = [names.get(name, name) for name in inner.output]
            for output in body.output:
                output.name = names[output.name]


def to_fp16(model):
    part_branch_outputs(model.graph)
    return convert_float_to_float16(model, keep_io_types=True, disable_shape_infer=True)


def to_q8(model):
    unsigned = bool(operators(model.graph) & UNSIGNED)
    quantizer = ONNXQuantizer(
        model, per_channel=False, reduce_range=False, mode=QuantizationMode.IntegerOps, static=False,
        weight_qType=QuantType.QUInt8 if unsigned else QuantType.QInt8, activation_qType=QuantType.QUInt8,
        tensors_range=None, nodes_to_quantize=[], nodes_to_exclude=[], op_types_to_quantize=sorted(IntegerOpsRegistry),
        extra_options={"EnableSubgraph": True, "MatMulConstBOnly": True},
    )  # fmt: skip
    quantizer.quantize_model()
    return quantizer.model.model


def to_q4(model):
    quantizer = MatMulNBitsQuantizer(model, bits=4, block_size=32, is_symmetric=True)
    quantizer.process()
    return quantizer.model.model


CONVERTERS = {"fp16": to_fp16, "q8": to_q8, "q4": to_q4}


def convert(model, dtype: str):
    """The model in another dtype. Slimmed first, as the scripts do: the quantiser wants weights as initializers.

    Not with branches, of which onnxslim 0.1.98 loses what they read from around them (T5).
    """
    return CONVERTERS[dtype](model if "If" in operators(model.graph) else onnxslim.slim(model))
