/** What is the CPU device's own: where bytes come from, and how failures are told. Masks: conformance.ts. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createCpuDevice } from "../../../src/compute/cpu/index.js";
import type { MaskJob, WeightBytes } from "../../../src/compute/device.js";
import { PruneError } from "../../../src/errors.js";
import { methodOf } from "../../../src/score/index.js";
import { decode } from "../../../src/tensor/codes.mjs";
import type { QuantisedCoding } from "../../../src/tensor/coding.js";
import { storeWeight } from "../../helpers/stored-weight.js";

const SHAPE = { out: 37, in: 16 };
const VALUES = Array.from({ length: SHAPE.out * SHAPE.in }, (_, k) => Math.sin(k * k + 1));
const { bytes: BYTES } = storeWeight(VALUES, SHAPE, "float32", "in-out");

const jobWith = (bytes: WeightBytes): MaskJob => ({
  ...{ label: "layers.3.mlp.down_proj", bytes, dtype: "float32", shape: SHAPE, order: "in-out" },
  terms: methodOf("magnitude").terms({}, SHAPE),
  channelFactor: new Float32Array(SHAPE.in).fill(1),
  pattern: { kind: "n:m", keep: 2, of: 4, permute: false },
});
const inMemory = (bytes: Uint8Array) => jobWith({ kind: "memory", read: async () => bytes });

describe("createCpuDevice", () => {
  const device = createCpuDevice({ threads: 2 });
  const folder = mkdtempSync(join(tmpdir(), "cpu-device-"));
  afterAll(async () => {
    await device.close();
    rmSync(folder, { recursive: true });
  });

  const inFile = (content: Uint8Array, byteOffset: number, byteLength = BYTES.length) => {
    const path = join(folder, "weights.bin");
    writeFileSync(path, content);
    return jobWith({ kind: "file", path, byteOffset, byteLength });
  };

  it("gives the same mask from a range of a file as from memory, and leaves the caller's bytes alone", async () => {
    const padded = new Uint8Array(BYTES.length + 300).fill(255);
    padded.set(BYTES, 123);
    const given = padded.subarray(123, 123 + BYTES.length);
    const fromMemory = await device.computeMask(inMemory(given));
    expect(given).toEqual(BYTES);
    expect(await device.computeMask(inFile(padded, 123))).toEqual(fromMemory);
  });

  it("decodes codes from a file, and says where there are too few of them", async () => {
    const codes = Uint8Array.from({ length: (SHAPE.in * SHAPE.out) / 2 }, (_, k) => (k * 37) % 256);
    const coding: QuantisedCoding = {
      ...{ kind: "affine", bits: 4, signed: false, rowElements: SHAPE.out, rowGroup: 1, columnGroup: SHAPE.out },
      ...{ scales: Float32Array.from({ length: SHAPE.in }, (_, k) => k - 3.5), zeros: 8 },
    };
    const path = join(folder, "codes.bin");
    writeFileSync(path, Uint8Array.of(1, 2, 3, ...codes));
    const coded = (byteLength: number) =>
      jobWith({ kind: "codes", stored: { kind: "file", path, byteOffset: 3, byteLength }, coding: async () => coding });
    const floats = decode(codes, coding, SHAPE.in, SHAPE.out);
    const expected = await device.computeMask(inMemory(new Uint8Array(floats.buffer)));
    expect(await device.computeMask(coded(codes.length))).toEqual(expected);
    await expect(device.computeMask(coded(codes.length - 1))).rejects.toMatchObject({
      code: "bad-model",
      message: expect.stringContaining(`needs ${codes.length} bytes, found ${codes.length - 1}`),
    });
  });

  it("reads a file anew for every job", async () => {
    const before = await device.computeMask(inFile(BYTES, 0));
    const rolled = new Uint8Array([...BYTES.slice(4 * SHAPE.out), ...BYTES.slice(0, 4 * SHAPE.out)]);
    expect((await device.computeMask(inFile(rolled, 0))).bits).not.toEqual(before.bits);
  });

  it("says which weight's file is missing or ends too early", async () => {
    const missing = jobWith({ kind: "file", path: join(folder, "none"), byteOffset: 0, byteLength: BYTES.length });
    await expect(device.computeMask(missing)).rejects.toMatchObject({
      code: "bad-external-data",
      message: expect.stringMatching(/layers\.3\.mlp\.down_proj.*cannot open .*none/),
    });
    await expect(device.computeMask(inFile(BYTES.subarray(0, 100), 0))).rejects.toMatchObject({
      code: "bad-external-data",
      message: expect.stringContaining("ends at byte 100"),
    });
  });

  it("refuses bytes that are not as many as the shape needs", async () => {
    const refusal = { code: "bad-model", details: { expected: BYTES.length, found: 8 } };
    await expect(device.computeMask(inFile(BYTES, 0, 8))).rejects.toMatchObject(refusal);
    await expect(device.computeMask(inMemory(BYTES.subarray(0, 8)))).rejects.toMatchObject(refusal);
  });

  it("passes on the error of a reader, and the reason of an abort", async () => {
    const broken = new PruneError("bad-external-data", "gone");
    const job = jobWith({ kind: "memory", read: () => Promise.reject(broken) });
    await expect(device.computeMask(job)).rejects.toBe(broken);
    await expect(device.computeMask(inMemory(BYTES), AbortSignal.abort("stop"))).rejects.toBe("stop");
  });

  it("turns the death of a worker into a device error with its cause", async () => {
    const workerUrl = new URL("data:text/javascript,throw new Error('no memory left')");
    const dying = createCpuDevice({ threads: 1, workerUrl });
    await expect(dying.computeMask(inMemory(BYTES))).rejects.toMatchObject({
      code: "device",
      message: expect.stringMatching(/layers\.3\.mlp\.down_proj.*no memory left/),
      cause: expect.objectContaining({ message: "no memory left" }),
    });
    await dying.close();
  });

  it("refuses a weight beyond WebAssembly's memory before it reads a byte", async () => {
    const shape = { out: 2 ** 15, in: 2 ** 16 };
    const bytes: WeightBytes = { kind: "file", path: "unread", byteOffset: 0, byteLength: 2 ** 33 };
    const job = { ...jobWith(bytes), shape, channelFactor: new Float32Array(shape.in) };
    await expect(device.computeMask(job)).rejects.toMatchObject({
      code: "device",
      message: expect.stringMatching(/MiB.*exclude/),
    });
  });

  it("refuses a number of threads that is none", () => {
    expect(() => createCpuDevice({ threads: 0 })).toThrow(/positive integer, found 0/);
  });
});
