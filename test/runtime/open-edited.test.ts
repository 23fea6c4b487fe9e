import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ExternalFile, ModelInput, OnnxModel, OnnxTensor } from "../../src/onnx/index.js";
import { openModel } from "../../src/onnx/index.js";
import { editedModel, openEdited, type RuntimeSession } from "../../src/runtime/index.js";
import { bytesOf, constant, external, float32, ifNode, modelBytes, node, value } from "../helpers/model.js";
import { floats, testRuntime } from "../helpers/runtime.js";

const IN = 16;
const HIDDEN = 32;
const OUT = 8;

const series = (count: number, scale: number) =>
  Float32Array.from({ length: count }, (_, k) => Math.sin(k * 1.7 + 0.3) * scale);
const W1 = series(IN * HIDDEN, 0.2);
const W2 = series(HIDDEN * OUT, 0.3);
const BIAS = series(OUT, 0.1);
const X = series(3 * IN, 1);

type Place = (tensor: ReturnType<typeof float32>, values: Float32Array) => ReturnType<typeof float32>;

/** x · w1 → Relu → · w2, which is a Constant's value, → + bias. Two weights are large enough to be referred to. */
const twoLayers = (place: Place = (tensor) => tensor) =>
  modelBytes({
    inputs: [value("x", ["batch", IN])],
    nodes: [
      constant(place(float32("w2", [HIDDEN, OUT], W2), W2)),
      node("MatMul", ["x", "w1"], ["h"]),
      node("Relu", ["h"], ["r"]),
      node("MatMul", ["r", "w2"], ["p"]),
      node("Add", ["p", "bias"], ["y"]),
    ],
    initializers: [place(float32("w1", [IN, HIDDEN], W1), W1), float32("bias", [OUT], BIAS)],
    outputs: [value("y", ["batch", OUT])],
  });

/** What the model gives, computed here. */
function expected(w1: Float32Array = W1): number[] {
  const y: number[] = [];
  for (let b = 0; b < 3; b++) {
    const hidden = Array.from({ length: HIDDEN }, (_, h) => {
      let sum = 0;
      for (let i = 0; i < IN; i++) sum += (X[b * IN + i] as number) * (w1[i * HIDDEN + h] as number);
      return Math.max(0, sum);
    });
    for (let o = 0; o < OUT; o++)
      y.push(hidden.reduce((sum, h, k) => sum + h * (W2[k * OUT + o] as number), BIAS[o] as number));
  }
  return y;
}

let folder: string;
let models: OnnxModel[];
let runtime: ReturnType<typeof testRuntime>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "transformers-prune-"));
  models = [];
  runtime = testRuntime();
});
afterEach(async () => {
  expect(runtime.openSessions()).toBe(0);
  await Promise.all(models.map((model) => model.close()));
  await rm(folder, { recursive: true, force: true });
});

async function opened(input: ModelInput, externalData?: readonly ExternalFile[]): Promise<OnnxModel> {
  const model = await openModel(input, externalData ? { externalData } : {});
  models.push(model);
  return model;
}

async function outputsOf(session: RuntimeSession): Promise<number[]> {
  try {
    const { y } = await session.run({ x: floats(runtime, X, [3, IN]) });
    return Array.from(y?.data as ArrayLike<number>);
  } finally {
    await session.release();
  }
}

const closeTo = (values: readonly number[]) => values.map((number) => expect.closeTo(number, 4));

const tensorNamed = (model: OnnxModel, name: string) =>
  model.graph.initializers.find((tensor) => tensor.name === name) as OnnxTensor;

/** Both weights in one file: w2 in front, w1 behind it. */
const DATA = new Uint8Array([...bytesOf(W2), ...bytesOf(W1)]);
const inData =
  (location: string): Place =>
  (tensor, values) =>
    external(tensor, location, values === W1 ? W2.byteLength : 0, values.byteLength);

describe("an unchanged model through its skeleton gives what the plain file gives", () => {
  it.each(["path", "bytes", "Blob"])("inline, from a %s", async (kind) => {
    const bytes = twoLayers();
    const path = join(folder, "model.onnx");
    await writeFile(path, bytes);
    const model = await opened(kind === "path" ? path : kind === "bytes" ? bytes : new Blob([bytes]));
    const plain = await outputsOf(await runtime.open(path, {}));
    expect(await outputsOf(await openEdited(runtime, model, {}, {}))).toEqual(plain);
    expect(plain).toEqual(closeTo(expected()));
  });

  it.each(["path", "bytes", "Blob"])("with external data, from a %s", async (kind) => {
    const bytes = twoLayers(inData("model.onnx_data"));
    const path = join(folder, "model.onnx");
    await writeFile(path, bytes);
    await writeFile(join(folder, "model.onnx_data"), DATA);
    const data = kind === "Blob" ? new Blob([DATA]) : DATA;
    const externalData = [{ path: "model.onnx_data", data }];
    const model =
      kind === "path" ? await opened(path) : await opened(kind === "Blob" ? new Blob([bytes]) : bytes, externalData);
    const plain = await outputsOf(await runtime.open(path, {}));
    const options = kind === "path" ? {} : { externalData };
    expect(await outputsOf(await openEdited(runtime, model, {}, options))).toEqual(plain);
    expect(plain).toEqual(closeTo(expected()));
  });

  it("with external data in several files and a folder below the model's", async () => {
    const path = join(folder, "model.onnx");
    await mkdir(join(folder, "weights"));
    const place: Place = (tensor, values) => external(tensor, values === W1 ? "weights/w1.bin" : "w2.bin", 0);
    await writeFile(path, twoLayers(place));
    await writeFile(join(folder, "weights", "w1.bin"), W1);
    await writeFile(join(folder, "w2.bin"), W2);
    expect(await outputsOf(await openEdited(runtime, await opened(path), {}, {}))).toEqual(closeTo(expected()));
  });

  it("on disk with external data that the host holds in memory", async () => {
    const path = join(folder, "model.onnx");
    await writeFile(path, twoLayers(inData("model.onnx_data")));
    const externalData = [{ path: "model.onnx_data", data: DATA }];
    const model = await opened(path, externalData);
    expect(await outputsOf(await openEdited(runtime, model, {}, { externalData }))).toEqual(closeTo(expected()));
  });

  it.each(["inline", "external"])("through links to files with other names, %s", async (kind) => {
    const blobs = join(folder, "blobs");
    const snapshot = join(folder, "snapshots", "main");
    await mkdir(blobs);
    await mkdir(snapshot, { recursive: true });
    await writeFile(join(blobs, "4f2a"), kind === "inline" ? twoLayers() : twoLayers(inData("model.onnx_data")));
    await writeFile(join(blobs, "9c1d"), DATA);
    await symlink(join(blobs, "4f2a"), join(snapshot, "model.onnx"));
    if (kind === "external") await symlink(join(blobs, "9c1d"), join(snapshot, "model.onnx_data"));
    const model = await opened(join(snapshot, "model.onnx"));
    // From the real folder, not copied into memory.
    expect((await editedModel(model, {}, {})).sessionOptions).toEqual({
      extra: { session: { model_external_initializers_file_folder_path: await realpath(blobs) } },
    });
    expect(await outputsOf(await openEdited(runtime, model, {}, {}))).toEqual(closeTo(expected()));
  });

  it("with weights inside the branches of an If", async () => {
    const path = join(folder, "model.onnx");
    const branch = (name: string, values: Float32Array) => ({
      nodes: [node("MatMul", ["x", name], [`y_${name}`])],
      initializers: [float32(name, [IN, HIDDEN], values)],
      outputs: [value(`y_${name}`, ["batch", HIDDEN])],
    });
    await writeFile(
      path,
      modelBytes({
        inputs: [value("x", ["batch", IN]), value("c", [1], 9)],
        nodes: [
          ifNode(
            "c",
            ["y"],
            branch("w1", W1),
            branch(
              "minus_w1",
              W1.map((w) => -w),
            ),
          ),
        ],
        outputs: [value("y", ["batch", HIDDEN])],
      }),
    );
    const model = await opened(path);
    const { bytes } = await editedModel(model, {}, {});
    expect(bytes.length).toBeLessThan(W1.byteLength);
    const session = await openEdited(runtime, model, {}, {});
    const run = async (c: number) =>
      (await session.run({ x: floats(runtime, X, [3, IN]), c: runtime.tensor("bool", [c], [1]) })).y
        ?.data as Float32Array;
    expect([...(await run(0))]).toEqual([...(await run(1))].map((y) => -y));
    await session.release();
  });
});

describe("the skeleton", () => {
  it("is made without reading the weights of the file, and does not hold them", async () => {
    const model = await opened("models/austen-1.4m/onnx/model.onnx");
    const read = vi.spyOn(model.source, "read");
    const { bytes } = await editedModel(model, {}, {});
    const bytesRead = read.mock.calls.reduce((sum, [, length]) => sum + length, 0);
    expect(model.source.size).toBeGreaterThan(5_000_000);
    expect(bytesRead).toBeLessThan(500_000);
    expect(bytes.length).toBeLessThan(500_000);
  });

  it("holds edited tensors, which the runtime uses", async () => {
    const path = join(folder, "model.onnx");
    await writeFile(path, twoLayers());
    const model = await opened(path);
    const sparse = W1.map((w, k) => (k % 2 === 0 ? w : 0));
    const edit = { kind: "bytes", byteLength: sparse.byteLength, bytes: () => bytesOf(sparse) } as const;
    const tensors = new Map([[tensorNamed(model, "w1"), edit]]);
    expect(await outputsOf(await openEdited(runtime, model, { tensors }, {}))).toEqual(closeTo(expected(sparse)));
  });

  it("keeps the session options that it was given", async () => {
    const path = join(folder, "model.onnx");
    await writeFile(path, twoLayers());
    const extra = { session: { use_env_allocators: "1" }, optimization: { x: "1" } };
    const { sessionOptions } = await editedModel(await opened(path), {}, { graphOptimizationLevel: "all", extra });
    expect(sessionOptions).toEqual({
      graphOptimizationLevel: "all",
      extra: {
        session: { use_env_allocators: "1", model_external_initializers_file_folder_path: folder },
        optimization: { x: "1" },
      },
    });
  });

  it("that the runtime refuses is a bad model, with the runtime's reason", async () => {
    const bytes = modelBytes({
      inputs: [value("x", [1, IN])],
      nodes: [node("NoSuchOperator", ["x"], ["y"])],
      outputs: [value("y", [1, IN])],
    });
    await expect(openEdited(runtime, await opened(bytes), {}, {})).rejects.toMatchObject({
      code: "bad-model",
      message: expect.stringMatching(/ONNX Runtime refuses the model: .*NoSuchOperator/),
    });
  });
});
