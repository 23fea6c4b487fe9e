import { mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { onnx } from "onnx-proto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type OnnxTensor, openModel, readTensor } from "../../src/onnx/index.js";
import { bytesOf, constant, external, float32, ifNode, modelBytes } from "../helpers/model.js";

const WEIGHT = float32("w", [2], [0, 0]);
let root: string;
let folder: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "onnx-external-"));
});
afterAll(async () => {
  await rm(root, { recursive: true });
});
beforeEach(async () => {
  folder = await mkdtemp(join(root, "model-"));
  await writeFile(join(folder, "model.onnx_data"), bytesOf(Float32Array.of(1, 2, 3, 4)));
});

/** Writes a model with one initializer into the folder and returns its path. */
async function write(tensor: onnx.ITensorProto): Promise<string> {
  const path = join(folder, "model.onnx");
  await writeFile(path, modelBytes({ initializers: [tensor] }));
  return path;
}

async function readOnly(...input: Parameters<typeof openModel>): Promise<Float32Array> {
  const model = await openModel(...input);
  const bytes = await readTensor(model.graph.initializers[0] as OnnxTensor);
  await model.close();
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

describe("external data", () => {
  it("is read at its offset, from the start where none is given, with the length of its shape", async () => {
    expect(await readOnly(await write(external(WEIGHT, "model.onnx_data", 8, 8)))).toEqual(Float32Array.of(3, 4));
    expect(await readOnly(await write(external(WEIGHT, "./model.onnx_data")))).toEqual(Float32Array.of(1, 2));
    await mkdir(join(folder, "data"));
    await writeFile(join(folder, "data", "w.bin"), bytesOf(Float32Array.of(5, 6)));
    expect(await readOnly(await write(external(WEIGHT, "data/w.bin")))).toEqual(Float32Array.of(5, 6));
  });

  it("is found in attributes and nested graphs", async () => {
    const tensor = external(WEIGHT, "model.onnx_data");
    const path = join(folder, "model.onnx");
    await writeFile(path, modelBytes({ nodes: [ifNode("c", ["w"], { nodes: [constant(tensor)] }, {})] }));
    const model = await openModel(path);
    expect([...model.externalSources.keys()]).toEqual(["model.onnx_data"]);
    await rm(join(folder, "model.onnx_data"));
    await expect(openModel(path)).rejects.toMatchObject({ code: "bad-external-data" });
  });

  it("comes from externalData for a model in memory, as bytes, Blob or path", async () => {
    const bytes = modelBytes({ initializers: [external(WEIGHT, "model.onnx_data", 8)] });
    const data = bytesOf(Float32Array.of(0, 0, 7, 8)) as Uint8Array<ArrayBuffer>;
    for (const given of [data, data.buffer, new Blob([data])]) {
      const externalData = [{ path: "./model.onnx_data", data: given }];
      expect(await readOnly(bytes, { externalData })).toEqual(Float32Array.of(7, 8));
    }
    const onDisk = [{ path: "model.onnx_data", data: join(folder, "model.onnx_data") }];
    expect(await readOnly(bytes, { externalData: onDisk })).toEqual(Float32Array.of(3, 4));
  });

  it("may lie beside the file that the model is a link to, as in the hub's cache", async () => {
    const target = await write(external(WEIGHT, "model.onnx_data"));
    const snapshot = await mkdtemp(join(root, "snapshot-"));
    await symlink(target, join(snapshot, "model.onnx"));
    await symlink(join(folder, "model.onnx_data"), join(snapshot, "model.onnx_data"));
    expect(await readOnly(join(snapshot, "model.onnx"))).toEqual(Float32Array.of(1, 2));
  });
});

describe("external data is refused at opening", () => {
  const locations: readonly [what: string, location: string, message: RegExp][] = [
    ["an absolute path", "/etc/passwd", /location is an absolute path/],
    ["a path of another drive", "c:data", /location is an absolute path/],
    ["a path that climbs", "data/../../secret", /location contains "\.\."/],
    ["a backslash", "..\\secret", /location contains a backslash/],
    ["no location", "", /location is empty/],
    ["a zero byte", "model.onnx_data\0", /location contains a zero byte/],
    ["a missing file", "none.bin", /file cannot be found/],
  ];
  it.each(locations)("for %s", async (_, location, message) => {
    await expect(openModel(await write(external(WEIGHT, location, 0, 8)))).rejects.toMatchObject({
      code: "bad-external-data",
      message: expect.stringMatching(message),
      details: { tensor: "w", location, offset: 0, length: 8 },
    });
  });

  it("where a symbolic link leads out of the folder", async () => {
    await writeFile(join(root, "secret"), new Uint8Array(64));
    await symlink(join(root, "secret"), join(folder, "link"));
    const path = await write(external(WEIGHT, "link"));
    await expect(openModel(path)).rejects.toMatchObject({
      code: "bad-external-data",
      message: expect.stringMatching(/symbolic link/),
    });
    await symlink(root, join(folder, "up"));
    const through = await write(external(WEIGHT, "up/secret"));
    await expect(openModel(through)).rejects.toMatchObject({
      code: "bad-external-data",
      message: expect.stringMatching(/symbolic link/),
    });
  });

  it("where the file is too short, naming file, tensor, offset and length", async () => {
    const path = await write(external(WEIGHT, "model.onnx_data", 12, 8));
    await expect(openModel(path)).rejects.toThrow(
      /tensor "w" has its values in "model.onnx_data" \(offset 12, length 8\), but the file ends at byte 16/,
    );
  });

  it("where offset or length is no whole number", async () => {
    for (const offset of [-1, 0.5, 2 ** 60]) {
      await expect(openModel(await write(external(WEIGHT, "model.onnx_data", offset)))).rejects.toThrow(
        /tensor "w" gives offset/,
      );
    }
  });

  it("where a model in memory comes without it", async () => {
    const bytes = modelBytes({ initializers: [external(WEIGHT, "weights.bin")] });
    await expect(openModel(bytes)).rejects.toThrow(/give \{ path: "weights.bin", data \} in externalData/);
  });

  it("when it is read, where the file has shrunk since", async () => {
    const model = await openModel(await write(external(WEIGHT, "model.onnx_data", 8)));
    await truncate(join(folder, "model.onnx_data"), 10);
    await expect(readTensor(model.graph.initializers[0] as OnnxTensor)).rejects.toThrow(/cut short or has changed/);
    await model.close();
  });

  it("when it is read, where the file has gone since, and again when it is back", async () => {
    const model = await openModel(await write(external(WEIGHT, "model.onnx_data", 8)));
    const tensor = model.graph.initializers[0] as OnnxTensor;
    await rename(join(folder, "model.onnx_data"), join(folder, "elsewhere"));
    await expect(readTensor(tensor)).rejects.toMatchObject({ code: "bad-external-data" });
    await rename(join(folder, "elsewhere"), join(folder, "model.onnx_data"));
    await expect(readTensor(tensor)).resolves.toHaveLength(8);
    await model.close();
  });
});
