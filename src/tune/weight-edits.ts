/** Weights in memory as edits of a model. */
import type { Target } from "../graph/index.js";
import type { OnnxTensor, TensorEdit } from "../onnx/index.js";

/** Edits that put the given stored bytes in the place of the targets' own. */
export function weightEdits(weights: ReadonlyMap<Target, Uint8Array>): ReadonlyMap<OnnxTensor, TensorEdit> {
  const edits = new Map<OnnxTensor, TensorEdit>();
  for (const [{ tensor }, bytes] of weights)
    edits.set(tensor, { kind: "bytes", byteLength: bytes.byteLength, bytes: () => bytes });
  return edits;
}
