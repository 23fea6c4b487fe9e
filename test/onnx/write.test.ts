import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type ModelSink,
  type OnnxModel,
  type OnnxTensor,
  openModel,
  readTensor,
  type TensorEdit,
  writeModel,
} from "../../src/onnx/index.js";
import { newLayout } from "../../src/onnx/layout.js";
import { planFiles } from "../../src/onnx/write.js";
import { bytesOf, constant, external, float32, int64, modelBytes, node, value } from "../helpers/model.js";
import { concat } from "./wire-bytes.js";

const AUSTEN = "models/austen-1.4m/onnx/model.onnx";

/** A sink that keeps what it is given. */
class MemorySink implements ModelSink {
  readonly chunks = new Map<string, Uint8Array[]>();

  async write(fileName: string, chunk: Uint8Array): Promise<void> {
    this.chunks.set(fileName, [...(this.chunks.get(fileName) ?? []), chunk]);
  }

  file(name: string): Uint8Array {
    return concat(...(this.chunks.get(name) ?? []));
  }

  /** The written model, opened with the data files written beside it. */
  open(name: string): Promise<OnnxModel> {
    const externalData = [...this.chunks.keys()].map((path) => ({ path, data: this.file(path) }));
    return openModel(this.file(name), { externalData });
  }
}

const floats = (...numbers: number[]) => bytesOf(Float32Array.from(numbers));
const ramp = (length: number, first = 0) => Float32Array.from({ length }, (_, index) => first + index);

function bytesEdit(bytes: Uint8Array): TensorEdit {
  return { kind: "bytes", byteLength: bytes.length, bytes: () => bytes };
}

function named(model: OnnxModel, name: string): OnnxTensor {
  return model.graph.initializers.find((tensor) => tensor.name === name) as OnnxTensor;
}

function placeOf(model: OnnxModel, name: string): unknown {
  const { data } = named(model, name);
  return data.kind === "raw" ? data.external : data.kind;
}

describe("writeModel", () => {
  it("copies an untouched model byte for byte, in chunks of the size asked for", async () => {
    const model = await openModel(AUSTEN);
    const sink = new MemorySink();
    const seen: number[][] = [];
    const written = await writeModel(model, {}, sink, {
      fileName: "copy.onnx",
      chunkBytes: 1_000_000,
      onBytes: (done, total) => seen.push([done, total]),
    });
    await model.close();
    const original = await readFile(AUSTEN);
    expect(written).toEqual({ files: [{ name: "copy.onnx", bytes: original.length }], bytes: original.length });
    expect(original.equals(sink.file("copy.onnx"))).toBe(true);
    expect(sink.chunks.get("copy.onnx")?.map((chunk) => chunk.length)).toEqual([...Array(6).fill(1_000_000), 27_978]);
    expect(seen.at(0)).toEqual([1_000_000, original.length]);
    expect(seen.at(-1)).toEqual([original.length, original.length]);
  });

  it("asks for edited values in the order of the file, when their turn comes", async () => {
    const names = ["a", "b", "c"];
    const model = await openModel(
      modelBytes({ initializers: names.map((name) => float32(name, [50_000], ramp(50_000))) }),
    );
    const events: string[] = [];
    const tensors = new Map(
      [...model.graph.initializers].reverse().map((tensor): [OnnxTensor, TensorEdit] => {
        const bytes = () => {
          events.push(`ask ${tensor.name}`);
          return bytesOf(new Float32Array(50_000).fill(7));
        };
        return [tensor, { kind: "bytes", byteLength: 200_000, bytes }];
      }),
    );
    const sink = { write: async () => void events.push("write") };
    await writeModel(model, { tensors }, sink, { fileName: "m.onnx", chunkBytes: 100_000 });
    expect(events.filter((event) => event !== "write")).toEqual(["ask a", "ask b", "ask c"]);
    expect(events.indexOf("ask c")).toBeGreaterThan(3);
  });

  it("stops between chunks when it is told to, and passes the sink's errors on", async () => {
    const model = await openModel(AUSTEN);
    const stop = new AbortController();
    let chunks = 0;
    const sink = { write: async () => void (++chunks === 2 && stop.abort()) };
    const options = { fileName: "m.onnx", chunkBytes: 100_000, signal: stop.signal };
    await expect(writeModel(model, {}, sink, options)).rejects.toThrow(/aborted/);
    expect(chunks).toBe(2);
    const full = { write: () => Promise.reject(new Error("disk full")) };
    await expect(writeModel(model, {}, full, { fileName: "m.onnx" })).rejects.toThrow("disk full");
    await model.close();
  });

  it("refuses a file name with a folder", async () => {
    const model = await openModel(modelBytes({}));
    for (const fileName of ["", "../m.onnx", "a\\m.onnx"]) {
      await expect(writeModel(model, {}, new MemorySink(), { fileName })).rejects.toMatchObject({ code: "bad-option" });
    }
  });
});

describe("writeModel with external: always", () => {
  const bytes = modelBytes({
    nodes: [constant(float32("held", [500], ramp(500)))],
    initializers: [
      float32("raw", [400], ramp(400)),
      int64("small", [2], [1, 2]),
      float32("typed", [300], ramp(300, 0.5), "typed"),
      float32("edited", [300], ramp(300)),
    ],
  });

  it("moves initializers of 1 KB or more to aligned offsets and keeps the others", async () => {
    const model = await openModel(bytes);
    const tensors = new Map([[named(model, "edited"), bytesEdit(bytesOf(ramp(300, 9)))]]);
    const sink = new MemorySink();
    const written = await writeModel(model, { tensors }, sink, { fileName: "m.onnx", external: "always" });
    expect(written.files.map(({ name, bytes }) => [name, bytes])).toEqual([
      ["m.onnx_data", 8192 + 1200],
      ["m.onnx", sink.file("m.onnx").length],
    ]);
    const again = await sink.open("m.onnx");
    expect(["raw", "small", "typed", "edited"].map((name) => placeOf(again, name))).toEqual([
      { location: "m.onnx_data", offset: 0, length: 1600 },
      null,
      { location: "m.onnx_data", offset: 4096, length: 1200 },
      { location: "m.onnx_data", offset: 8192, length: 1200 },
    ]);
    expect(await readTensor(named(again, "typed"))).toEqual(bytesOf(ramp(300, 0.5)));
    expect(await readTensor(named(again, "edited"))).toEqual(bytesOf(ramp(300, 9)));
    expect(again.graph.nodes[0]?.attributes[0]?.tensor?.data).toMatchObject({ external: null });
  });

  it("starts a new file before one grows too long, and refuses more than 100", async () => {
    const many = modelBytes({
      initializers: Array.from({ length: 101 }, (_, i) => float32(`w${i}`, [300], ramp(300))),
    });
    const model = await openModel(many);
    const files = newLayout(model, {}, "m.onnx", 10_000).dataFiles;
    expect(files.slice(0, 3).map(({ name, pieces }) => [name, pieces.length])).toEqual([
      ["m.onnx_data", 8192 + 1200],
      ["m.onnx_data_1", 8192 + 1200],
      ["m.onnx_data_2", 8192 + 1200],
    ]);
    expect(() => newLayout(model, {}, "m.onnx", 1000)).toThrow(/more than 100 data files/);
  });

  it("is what auto does where the model outgrows the limit", async () => {
    const model = await openModel(bytes);
    expect(planFiles(model, {}, { fileName: "m.onnx" }).map((file) => file.name)).toEqual(["m.onnx"]);
    const outgrown = planFiles(model, {}, { fileName: "m.onnx" }, 4000);
    expect(outgrown.map((file) => file.name)).toEqual(["m.onnx_data", "m.onnx"]);
    expect(() => planFiles(model, {}, { fileName: "m.onnx" }, 100)).toThrow(/m\.onnx would have \d+ bytes/);
  });
});

describe("writeModel for a model with external data", () => {
  const weight = (name: string) => float32(name, [2], []);
  const initializers = [
    external(weight("a"), "weights.bin", 4, 8),
    external(weight("b"), "weights.bin", 12, 8),
    external(weight("tied"), "weights.bin", 12, 8),
    float32("inside", [2], [1, 2]),
  ];
  const data = bytesOf(Float32Array.of(-1, 1, 2, 3, 4, -2));

  it("copies the data file, gaps included, and renames it for transformers.js", async () => {
    const model = await openModel(modelBytes({ initializers }), { externalData: [{ path: "weights.bin", data }] });
    const tensors = new Map([[named(model, "a"), bytesEdit(floats(8, 9))]]);
    const sink = new MemorySink();
    await writeModel(model, { tensors }, sink, { fileName: "m.onnx" });
    expect([...sink.chunks.keys()]).toEqual(["m.onnx_data", "m.onnx"]);
    expect(sink.file("m.onnx_data")).toEqual(floats(-1, 8, 9, 3, 4, -2));
    const again = await sink.open("m.onnx");
    expect(placeOf(again, "a")).toEqual({ location: "m.onnx_data", offset: 4, length: 8 });
    expect(placeOf(again, "inside")).toBe(null);
  });

  it("keeps names that are right already: an untouched model stays the same, byte for byte", async () => {
    const bytes = modelBytes({
      initializers: [external(weight("a"), "m.onnx_data_1", 0, 8), external(weight("b"), "m.onnx_data", 4, 8)],
    });
    const externalData = ["m.onnx_data", "m.onnx_data_1"].map((path) => ({ path, data }));
    const sink = new MemorySink();
    await writeModel(await openModel(bytes, { externalData }), {}, sink, { fileName: "m.onnx" });
    expect(sink.file("m.onnx")).toEqual(bytes);
    expect(sink.file("m.onnx_data")).toEqual(data);
    expect(sink.file("m.onnx_data_1")).toEqual(data);
  });

  it("creates data files that are empty", async () => {
    const bytes = modelBytes({ initializers: [external(float32("none", [0], []), "m.onnx_data")] });
    const model = await openModel(bytes, { externalData: [{ path: "m.onnx_data", data: new Uint8Array(0) }] });
    const sink = new MemorySink();
    await writeModel(model, {}, sink, { fileName: "m.onnx" });
    expect([...sink.chunks.keys()]).toEqual(["m.onnx_data", "m.onnx"]);
  });

  it("moves edited values that share their range to the end, so that the other tensor keeps its own", async () => {
    const model = await openModel(modelBytes({ initializers }), { externalData: [{ path: "weights.bin", data }] });
    const sink = new MemorySink();
    await writeModel(model, { tensors: new Map([[named(model, "b"), bytesEdit(floats(8, 9))]]) }, sink, {
      fileName: "m.onnx",
    });
    const again = await sink.open("m.onnx");
    expect(placeOf(again, "b")).toEqual({ location: "m.onnx_data", offset: 4096, length: 8 });
    expect(await readTensor(named(again, "b"))).toEqual(floats(8, 9));
    expect(await readTensor(named(again, "tied"))).toEqual(floats(3, 4));
  });

  it("under always, takes small values in and writes shared ranges once", async () => {
    const large = (name: string) => external(float32(name, [300], []), "weights.bin", 24, 1200);
    const bytes = modelBytes({ initializers: [...initializers, large("x"), large("y")] });
    const externalData = [{ path: "weights.bin", data: concat(data, bytesOf(ramp(300))) }];
    const sink = new MemorySink();
    const model = await openModel(bytes, { externalData });
    await writeModel(model, {}, sink, { fileName: "m.onnx", external: "always" });
    expect(sink.file("m.onnx_data")).toEqual(bytesOf(ramp(300)));
    const again = await sink.open("m.onnx");
    expect(placeOf(again, "b")).toBe(null);
    expect(await readTensor(named(again, "b"))).toEqual(floats(3, 4));
    expect(placeOf(again, "y")).toEqual({ location: "m.onnx_data", offset: 0, length: 1200 });
  });
});

describe("a written model in ONNX Runtime", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "onnx-write-"));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it("computes the same with its initializers outside", async () => {
    const bytes = modelBytes({
      inputs: [value("x", [1, 32])],
      nodes: [node("MatMul", ["x", "w"], ["y"])],
      initializers: [float32("w", [32, 32], ramp(1024))],
      outputs: [value("y", [1, 32])],
    });
    const sink = new MemorySink();
    await writeModel(await openModel(bytes), {}, sink, { fileName: "m.onnx", external: "always" });
    for (const name of sink.chunks.keys()) await writeFile(join(folder, name), sink.file(name));
    const results = [];
    for (const input of [join(folder, "m.onnx"), bytes]) {
      const session = await ort.InferenceSession.create(input as string);
      const { y } = await session.run({ x: new ort.Tensor("float32", ramp(32, 1), [1, 32]) });
      results.push(y?.data);
      await session.release();
    }
    expect(results[0]).toEqual(results[1]);
  });
});
