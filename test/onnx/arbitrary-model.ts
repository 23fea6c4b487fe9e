/** Random models for property tests: nodes with attributes, tensors in every storage, nested graphs. */
import fc from "fast-check";
import type { onnx } from "onnx-proto";
import {
  bfloat16,
  constant,
  float16,
  float32,
  type GraphSpec,
  ifNode,
  int64,
  type ModelSpec,
  node,
  type Storage,
  value,
} from "../helpers/model.js";

/** Long enough that a scanned tensor is left in the file: more than the scanner reads at once. */
const LONG = 1500;

const name = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.constantFrom("/model/layers.0/q_proj/MatMul", ""),
);
const finite = fc.float({ noNaN: true, noDefaultInfinity: true });

export const tensor: fc.Arbitrary<onnx.ITensorProto> = fc
  .tuple(
    name,
    fc.oneof({ weight: 4, arbitrary: fc.nat(9) }, { weight: 1, arbitrary: fc.constant(LONG) }),
    fc.constantFrom<Storage>("raw", "typed"),
    fc.constantFrom("float32", "float16", "bfloat16", "int64"),
    finite,
  )
  .map(([name, count, storage, type, start]) => {
    const values = Array.from({ length: count }, (_, index) => start + index);
    const integers = values.map((_, index) => (index % 2 === 0 ? index * 3000 : -index));
    if (type === "float16") return float16(name, [count], values, storage);
    if (type === "bfloat16") return bfloat16(name, [count], values, storage);
    return type === "int64" ? int64(name, [count], integers, storage) : float32(name, [count], values, storage);
  });

const attribute = fc.oneof(
  fc.integer(),
  fc.constant(-1),
  finite.filter((number) => !Number.isInteger(number)),
  name,
  fc.array(fc.integer(), { maxLength: 5 }),
  tensor.map((value) => ({ tensor: value })),
);

const plainNode = fc
  .tuple(
    name,
    fc.array(name, { maxLength: 3 }),
    fc.array(name, { maxLength: 2 }),
    fc.dictionary(fc.constantFrom("axis", "alpha", "value", "mode"), attribute),
  )
  .map(([opType, inputs, outputs, attributes]) => node(opType, inputs, outputs, attributes));

const dimension = fc.oneof(fc.nat(100), fc.constantFrom("batch_size", null));
const valueInfo = fc
  .tuple(name, fc.array(dimension, { maxLength: 3 }), fc.constantFrom(1, 7, 10))
  .map(([name, shape, type]) => value(name, shape, type));

function graphOf(nodes: fc.Arbitrary<onnx.INodeProto>): fc.Arbitrary<GraphSpec> {
  return fc.record({
    name,
    nodes: fc.array(nodes, { maxLength: 4 }),
    initializers: fc.array(tensor, { maxLength: 3 }),
    inputs: fc.array(valueInfo, { maxLength: 2 }),
    outputs: fc.array(valueInfo, { maxLength: 2 }),
    valueInfo: fc.array(valueInfo, { maxLength: 2 }),
  });
}

const branch = graphOf(plainNode);
const anyNode = fc.oneof(
  { weight: 4, arbitrary: plainNode },
  { weight: 1, arbitrary: tensor.map(constant) },
  { weight: 1, arbitrary: fc.tuple(branch, branch).map(([yes, no]) => ifNode("c", ["o"], yes, no)) },
);

export const modelSpec: fc.Arbitrary<ModelSpec> = fc
  .tuple(graphOf(anyNode), fc.integer({ min: 7, max: 23 }), fc.dictionary(name, name, { maxKeys: 3 }))
  .map(([graph, opset, metadata]) => ({ ...graph, opset, metadata }));
