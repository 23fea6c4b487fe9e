/**
 * Models that once made trouble, each with what it did. They are tried unchanged in every run; the
 * rooms that were at fault have tests of their own.
 */
import type { onnx } from "onnx-proto";
import { float32, modelBytes, node, rawTensor, uint8, value } from "../helpers/model.js";
import type { ModelFolder } from "./corpus.js";

const oneLayer = (name: string, weight: onnx.ITensorProto, nodeName = "/layers.0/fc1/MatMul"): ModelFolder => ({
  name,
  model: modelBytes({
    inputs: [value("x", ["n", 2])],
    nodes: [node("MatMul", ["x", "w"], ["y"], {}, { name: nodeName })],
    initializers: [{ ...weight, name: "w" }],
    outputs: [value("y", [null])],
  }),
  data: new Map(),
});

const square = float32("w", [2, 2], [1, 2, 3, 4]);

/** Layers side by side that share their name and nothing else. */
function namesakes(count: number): ModelFolder {
  const numbers = Array.from({ length: count }, (_, k) => k);
  return {
    name: "thousands of layers of one name",
    model: modelBytes({
      inputs: [value("x", ["n", 2])],
      nodes: numbers.map((k) => node("MatMul", ["x", `w${k}`], [`y${k}`], {}, { name: "/fc1/MatMul" })),
      initializers: numbers.map((k) => ({ ...square, name: `w${k}` })),
      outputs: [value("y0", [null])],
    }),
    data: new Map(),
  };
}

/** Layers that all read one weight through all of a chain. */
function behindChain(count: number): ModelFolder {
  const numbers = Array.from({ length: count }, (_, k) => k);
  return {
    name: "layers behind a long chain",
    model: modelBytes({
      inputs: [value("x", ["n", 2])],
      nodes: [
        ...numbers.map((k) => node("Identity", [`w${k}`], [`w${k + 1}`])),
        ...numbers.map((k) => node("MatMul", ["x", `w${count}`], [`y${k}`])),
      ],
      initializers: [{ ...square, name: "w0" }],
      outputs: [value("y0", [null])],
    }),
    data: new Map(),
  };
}

/** All of them. */
export const found = (): readonly ModelFolder[] => [
  // Pruning allocated one factor for each of the input channels that the shape claims: 4 TB.
  oneLayer("8 bytes that claim 2^41 weights", rawTensor("w", 1, [2 ** 40, 2], new Uint8Array(8))),
  oneLayer("codes that are not there", uint8("w", [2 ** 20, 2 ** 20], [1])),
  // Numbering names, walking chains back and reading names took the square of their number or length.
  namesakes(6000),
  behindChain(3000),
  oneLayer("a name of 150 kB", square, `${"_Q1".repeat(50_000)}!`),
  oneLayer("a block with a number of 400 digits", square, `/layers.${"9".repeat(400)}/fc1/MatMul`),
];
