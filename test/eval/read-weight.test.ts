/** Weights as numbers. That codes are decoded as the runtime decodes them is test/prune/layer-forms.test.ts's. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readWeight } from "../../src/eval/index.js";
import {
  bfloat16,
  bytesOf,
  external,
  float16,
  float32,
  type ModelSpec,
  modelBytes,
  node,
  value,
} from "../helpers/model.js";
import { layersOf } from "../prune/one-layer.js";
import { languageModel, linear } from "../prune/tiny.js";
import { HALF, packedLayer, TWO_OF_FOUR } from "../rewrite/packed/packed-model.js";

const FC1 = "layers.0.mlp.fc1";
const SHAPE = { out: 3, in: 4 };
/** [out, in]: 0.5, 1, 1.5, … */
const VALUES = Array.from({ length: 12 }, (_, k) => (k + 1) / 2);
const TRANSPOSED = Array.from({ length: 12 }, (_, k) => VALUES[(k % 3) * 4 + Math.floor(k / 3)] as number);

/** One layer, by a MatMul [in, out] or a Gemm that transposes [out, in]. */
const layer = (order: "in-out" | "out-in", weight = float32): ModelSpec => ({
  inputs: [value("x", ["tokens", 4])],
  nodes: [
    order === "in-out"
      ? node("MatMul", ["x", "w"], ["y"], {}, { name: "/model/layers.0/mlp/fc1/MatMul" })
      : node("Gemm", ["x", "w"], ["y"], { transB: 1 }, { name: "/model/layers.0/mlp/fc1/Gemm" }),
  ],
  initializers: [order === "in-out" ? weight("w", [4, 3], TRANSPOSED) : weight("w", [3, 4], VALUES)],
  outputs: [value("y", ["tokens", 3])],
});

describe("readWeight", () => {
  it.each([
    ["float32", float32],
    ["float16", float16],
    ["bfloat16", bfloat16],
  ] as const)("gives %s as [out, in] whichever way it is stored, in memory of its own", async (_, weight) => {
    for (const order of ["in-out", "out-in"] as const) {
      const bytes = modelBytes(layer(order, weight));
      const before = bytes.slice();
      const read = await readWeight(bytes, FC1);
      expect(read).toEqual({ name: FC1, shape: SHAPE, values: Float32Array.from(VALUES) });
      read.values.fill(0);
      expect(bytes).toEqual(before);
    }
  });

  it("takes a path, a Blob and an ArrayBuffer, and external data by its location", async () => {
    const folder = await mkdtemp(join(tmpdir(), "read-weight-"));
    try {
      const bytes = modelBytes(layer("in-out"));
      const path = join(folder, "model.onnx");
      await writeFile(path, bytes);
      const expected = await readWeight(bytes, FC1);
      for (const input of [path, new Blob([bytes]), bytes.slice().buffer])
        expect(await readWeight(input, FC1)).toEqual(expected);
    } finally {
      await rm(folder, { recursive: true });
    }
    const { initializers = [], ...rest } = layer("in-out");
    const apart = modelBytes({ ...rest, initializers: initializers.map((one) => external(one, "model.onnx_data")) });
    const data = bytesOf(Float32Array.from(TRANSPOSED));
    for (const given of [data, new Blob([new Uint8Array(data)])]) {
      const externalData = [{ path: "model.onnx_data", data: given }];
      expect((await readWeight(apart, FC1, { externalData })).values).toEqual(Float32Array.from(VALUES));
    }
  });

  const QUANTISED = layersOf({ out: 8, in: 64 }).find(({ variant }) => /^of 4 bits.*points packed/.test(variant));
  const FLOAT: ModelSpec = {
    inputs: [value("x", ["tokens", 8])],
    nodes: [linear(FC1, "x", "y")],
    initializers: [
      float32(
        `${FC1}.weight`,
        [8, 16],
        Array.from({ length: 128 }, (_, k) => k + 1),
      ),
    ],
    outputs: [value("y", ["tokens", 16])],
  };

  it.each([
    ["floats, 2:4", FLOAT, TWO_OF_FOUR],
    ["floats, half", FLOAT, HALF],
    ["codes of four bits, 2:4", QUANTISED?.spec as ModelSpec, TWO_OF_FOUR],
    ["codes of four bits, half", QUANTISED?.spec as ModelSpec, HALF],
  ])("expands packed weights: %s", async (_, spec, pattern) => {
    const { packed, dense } = await packedLayer(spec, pattern);
    expect(packed).not.toEqual(dense);
    const read = await readWeight(packed, FC1);
    expect(read).toEqual(await readWeight(dense, FC1));
    expect(read.values.filter((each) => each === 0).length).toBeGreaterThan(0.4 * read.values.length);
  });

  it("says which weight was probably meant, and why something is none", async () => {
    const bytes = modelBytes(languageModel());
    await expect(readWeight(bytes, "layers.0.mlp.fc3")).rejects.toMatchObject({
      code: "not-found",
      message: 'model: none of its 3 weights is called "layers.0.mlp.fc3"; did you mean "layers.0.mlp.fc1"?',
      details: { nearest: FC1 },
    });
    await expect(readWeight(bytes, "?")).rejects.toThrow(/called "\?"; inspect the file/);
    await expect(readWeight(bytes, "embeddings")).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(/"embeddings" is no weight.*a table that Gather reads/),
    });
    await expect(readWeight("/nowhere/model.onnx", FC1)).rejects.toMatchObject({ code: "not-found" });
  });

  it("refuses options and models that are none", async () => {
    const bytes = modelBytes(layer("in-out"));
    const call = readWeight as (...given: unknown[]) => Promise<unknown>;
    await expect(call(bytes, FC1, { externaldata: [] })).rejects.toMatchObject({
      code: "unknown-option",
      message: expect.stringContaining('did you mean "externalData"?'),
    });
    await expect(call(bytes, FC1, { externalData: { path: "a", data: bytes } })).rejects.toMatchObject({
      code: "bad-option",
    });
    await expect(call(undefined, FC1)).rejects.toMatchObject({ code: "bad-option" });
  });
});
