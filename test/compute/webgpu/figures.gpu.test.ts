/** What the WebGPU device does besides masks: figures of a mask for tuning, and zeros in stored floats. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MaskJob } from "../../../src/compute/index.js";
import type { WebGpuDevice } from "../../../src/compute/webgpu/index.js";
import { isKept, type Pattern } from "../../../src/pattern/index.js";
import { applyMask } from "../../../src/rewrite/index.js";
import { methodOf } from "../../../src/score/index.js";
import { decode } from "../../../src/tensor/codes.mjs";
import type { QuantisedCoding } from "../../../src/tensor/coding.js";
import type { FloatType } from "../../../src/tensor/dtypes.js";
import { type Shape, type StorageOrder, storageIndex } from "../../../src/tensor/matrix.js";
import { giniCoefficient } from "../../../src/tune/gini-coefficient.js";
import { integers, randomNumbers } from "../../helpers/quantised.js";
import { referenceScores } from "../../helpers/reference-mask.js";
import { storeWeight } from "../../helpers/stored-weight.js";
import { watchedDevice } from "./watched-gpu.js";

const TWO_OF_FOUR: Pattern = { kind: "n:m", keep: 2, of: 4, permute: false };
const BY_ROW: Pattern = { kind: "unstructured", sparsity: 0.5, scope: "row" };
const CREPE = { row: 0.2, column: 0.5, window: 0.3, size: 7, power: 0.5, shape: 0 };

/** A job on given values, [out, in]. */
function jobOf(values: readonly number[], shape: Shape, dtype: FloatType, order: StorageOrder, pattern: Pattern) {
  const stored = storeWeight(values, shape, dtype, order);
  const random = randomNumbers(5);
  const job: MaskJob = {
    ...{ label: "w", dtype, shape, order, pattern, terms: methodOf("crepe").terms(CREPE, shape) },
    bytes: { kind: "memory", read: async () => stored.bytes },
    channelFactor: Float32Array.from({ length: shape.in }, random),
  };
  const squares = Float32Array.from({ length: shape.in }, random);
  return { job, squares, ...stored };
}

/** Figures by the definitions, from the reference's scores. */
function expectedFigures(
  { shape, terms, pattern, channelFactor }: MaskJob,
  values: readonly number[],
  kept: readonly boolean[],
  squares: Float32Array,
) {
  const scores = referenceScores({ shape, values, terms, pattern, factor: [...channelFactor] });
  const errors = values.map((value, k) => value * value * (squares[k % shape.in] as number));
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
  const gini = (numbers: readonly number[]) => giniCoefficient(Float32Array.from(numbers), numbers.length);
  return {
    giniMasked: gini(scores.map((score, k) => (kept[k] ? score : 0))),
    giniKept: gini(scores.filter((_, k) => kept[k])),
    outputError: sum(errors.filter((_, k) => !kept[k])) / sum(errors),
  };
}

describe.each([
  ["whole", {}],
  ["in slices", { limits: { sliceRows: 20 } }],
] as const)("the webgpu device, weights %s,", (_, options) => {
  let device: WebGpuDevice;
  beforeAll(async () => {
    device = await watchedDevice(options);
  });
  afterAll(() => device.close());

  it("measures Gini coefficients and the output error of a mask as the tuner does on the cpu", async () => {
    const shape = { out: 70, in: 88 };
    const random = randomNumbers(11);
    for (const [dtype, order, pattern, size] of [
      ["float32", "in-out", TWO_OF_FOUR, 0.1],
      ["float16", "out-in", BY_ROW, 0.1],
      // Values that a kernel must move by a power of two.
      ["bfloat16", "in-out", BY_ROW, 1e37],
    ] as const) {
      const numbers = Array.from({ length: shape.out * shape.in }, () => (random() - 0.5) ** 3 * size);
      const { job, squares, values } = jobOf(numbers, shape, dtype, order, pattern);
      const mask = await device.computeMask(job);
      const kept = values.map((_, k) => isKept(mask, Math.floor(k / shape.in), k % shape.in));
      const figures = await device.measure(job, mask, squares);
      const expected = expectedFigures(job, values, kept, squares);
      for (const name of ["giniMasked", "giniKept", "outputError"] as const)
        expect(figures[name]).toBeCloseTo(expected[name], 4);
    }
  });

  it("measures weights behind codes, and weights that are all zero", async () => {
    const shape = { out: 64, in: 96 };
    const random = randomNumbers(2);
    const coding: QuantisedCoding = {
      ...{ kind: "affine", bits: 4, signed: false, rowElements: 96, rowGroup: 1, columnGroup: 32 },
      ...{ scales: Float32Array.from({ length: 64 * 3 }, random), zeros: 8 },
    };
    const codes = Uint8Array.from(integers(random, 64 * 48, 0, 255));
    const values = [...decode(codes, coding, 64, 96)];
    const floats = jobOf(values, shape, "float32", "out-in", TWO_OF_FOUR);
    const stored = { kind: "memory", read: async () => codes } as const;
    const coded: MaskJob = { ...floats.job, bytes: { kind: "codes", stored, coding: async () => coding } };
    const mask = await device.computeMask(coded);
    expect(await device.measure(coded, mask, floats.squares)).toEqual(
      await device.measure(floats.job, mask, floats.squares),
    );
    const zeros = jobOf(
      values.map(() => 0),
      shape,
      "float32",
      "in-out",
      TWO_OF_FOUR,
    );
    const none = await device.computeMask(zeros.job);
    expect(await device.measure(zeros.job, none, zeros.squares)).toEqual({
      giniMasked: 0,
      giniKept: 0,
      outputError: 0,
    });
  });
});

describe("the webgpu device", () => {
  it("writes the zeros that the cpu writes, in floats of every type and number, in pieces where it must", async () => {
    const device = await watchedDevice({ limits: { maxStorageBufferBindingSize: 4096 } });
    const cases = fc.record({
      shape: fc.record({ out: fc.integer({ min: 1, max: 90 }), in: fc.integer({ min: 1, max: 90 }) }),
      dtype: fc.constantFrom<FloatType>("float32", "float16", "bfloat16"),
      seed: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ shape, dtype, seed }) => {
        const random = randomNumbers(seed);
        const count = shape.out * shape.in;
        const { bytes } = storeWeight(
          Array.from({ length: count }, () => random() - 0.5),
          shape,
          dtype,
          "out-in",
        );
        const bits = Uint8Array.from(integers(random, Math.ceil(count / 8), 0, 255));
        const mask = { shape, order: "out-in", bits } as const;
        const before = new Uint8Array(bytes);
        const masked = await device.apply({ label: "w", dtype }, bytes, mask);
        expect(bytes).toEqual(before);
        applyMask(bytes, dtype, mask);
        expect(masked).toEqual(bytes);
      }),
      { numRuns: 30 },
    );
    await device.close();
  });

  it("puts values where the mask's order says", async () => {
    const device = await watchedDevice();
    const shape = { out: 3, in: 4 };
    const { job, bytes } = jobOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], shape, "float32", "in-out", TWO_OF_FOUR);
    const mask = await device.computeMask(job);
    const floats = new Float32Array((await device.apply(job, bytes, mask)).buffer);
    for (let o = 0; o < 3; o++)
      for (let i = 0; i < 4; i++)
        expect(floats[storageIndex(shape, "in-out", o, i)]).toBe(isKept(mask, o, i) ? 4 * o + i + 1 : 0);
    await expect(device.apply(job, bytes.subarray(1), mask)).rejects.toMatchObject({ code: "bad-model" });
    await device.close();
  });
});
