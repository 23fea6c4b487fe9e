"""Compares a packed model with its dense twin in Python's ONNX Runtime: all weights after folding, and the
outputs of one run, bit for bit. Needs numpy, onnx and onnxruntime.

    python3 scripts/check-packed.py dense/onnx/model.onnx packed/onnx/model.onnx
"""

import os
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

TYPES = {"tensor(int64)": np.int64, "tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(bool)": bool}


def feeds(session: ort.InferenceSession) -> dict[str, np.ndarray]:
    """Eight tokens without a past; the first symbolic axis is the batch."""
    made = {}
    for value in session.get_inputs():
        past = value.name.startswith("past_")
        shape = [n if isinstance(n, int) else 1 if i == 0 else 0 if past else 8 for i, n in enumerate(value.shape)]
        made[value.name] = np.ones(shape, TYPES[value.type])
    return made


def load(path: str, folder: str) -> tuple[dict[str, bytes], list[str], list[bytes]]:
    """Initializers and operators of the model as it is after the basic optimisations, and its outputs."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = os.path.join(folder, f"{len(os.listdir(folder))}.onnx")
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    graph = onnx.load(options.optimized_model_filepath).graph
    weights = {tensor.name: numpy_helper.to_array(tensor).tobytes() for tensor in graph.initializer}
    outputs = [output.tobytes() for output in session.run(None, feeds(session))]
    return weights, sorted(node.op_type for node in graph.node), outputs


def main(dense: str, packed: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        expected, found = load(dense, folder), load(packed, folder)
    # Equal small constants are merged, under the name of whichever comes first.
    names = {
        name
        for name, values in expected[0].items()
        if found[0].get(name, values if len(values) < 1024 else None) != values
    }
    print(f"onnxruntime {ort.__version__}: {len(expected[0])} initializers, {len(names)} differ; {len(found[1])} nodes")
    if names or expected[1] != found[1] or expected[2] != found[2]:
        sys.exit(f"not the same: {sorted(names)[:5]}; operators: {expected[1] == found[1]}; outputs: {expected[2] == found[2]}")
    print("operators, initializers and outputs are the same, bit for bit")


main(*sys.argv[1:])
