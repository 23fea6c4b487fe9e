import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countKept, emptyMask, isKept, keep, type Mask } from "../../src/pattern/index.js";
import { applyMask, countZeros } from "../../src/rewrite/index.js";
import { BYTES_PER_ELEMENT, type FloatType } from "../../src/tensor/dtypes.js";
import { type StorageOrder, storageIndex } from "../../src/tensor/matrix.js";
import { bytesOf } from "../helpers/model.js";
import { storeWeight } from "../helpers/stored-weight.js";

const DTYPES: readonly FloatType[] = ["float32", "float16", "bfloat16"];
const ORDERS: readonly StorageOrder[] = ["in-out", "out-in"];

/** A weight of any bits (NaN, −0 and denormals included) that begins at any element of its buffer, and a mask for it. */
const maskedWeight = fc
  .record({
    out: fc.integer({ min: 1, max: 9 }),
    in: fc.integer({ min: 1, max: 9 }),
    dtype: fc.constantFrom(...DTYPES),
    order: fc.constantFrom(...ORDERS),
    offset: fc.integer({ min: 0, max: 7 }),
  })
  .chain(({ dtype, order, offset, ...shape }) => {
    const count = shape.out * shape.in;
    const byteLength = count * BYTES_PER_ELEMENT[dtype];
    const start = offset * BYTES_PER_ELEMENT[dtype];
    return fc.record({
      dtype: fc.constant(dtype),
      stored: fc
        .uint8Array({ minLength: byteLength + start, maxLength: byteLength + start })
        .map((bytes) => bytes.subarray(start)),
      mask: fc.array(fc.boolean(), { minLength: count, maxLength: count }).map((kept): Mask => {
        const mask = emptyMask(shape, order);
        for (let o = 0; o < shape.out; o++)
          for (let i = 0; i < shape.in; i++) if (kept[o * shape.in + i]) keep(mask, o, i);
        return mask;
      }),
    });
  });

describe("applying a mask", () => {
  it("leaves kept values bit-identical, makes exactly the others zero, and counts all zeros", () => {
    fc.assert(
      fc.property(maskedWeight, ({ stored, dtype, mask }) => {
        const before = Uint8Array.from(stored);
        const zeros = applyMask(stored, dtype, mask);
        expect(zeros).toBe(countZeros(stored, dtype));
        const width = BYTES_PER_ELEMENT[dtype];
        for (let o = 0; o < mask.shape.out; o++)
          for (let i = 0; i < mask.shape.in; i++) {
            const at = storageIndex(mask.shape, mask.order, o, i) * width;
            const expected = isKept(mask, o, i) ? before.subarray(at, at + width) : new Uint8Array(width);
            expect(stored.subarray(at, at + width)).toEqual(expected);
          }
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it.each(DTYPES)("makes as many zeros as the mask prunes in %s weights without zeros", (dtype) => {
    const shape = { out: 7, in: 5 };
    const values = Array.from({ length: 35 }, (_, k) => (k % 2 === 0 ? k + 1 : -k));
    const { bytes } = storeWeight(values, shape, dtype, "in-out");
    const mask = emptyMask(shape, "in-out");
    for (let o = 0; o < 7; o++) keep(mask, o, o % 5);
    expect(applyMask(bytes, dtype, mask)).toBe(35 - countKept(mask));
  });
});

describe("counting zeros", () => {
  it("counts zeros of either sign, and neither denormals nor NaN", () => {
    const floats = Float32Array.of(0, -0, 1e-45, -1e-45, Number.NaN, 1, 0);
    expect(countZeros(bytesOf(floats), "float32")).toBe(3);
    const halves = bytesOf(Uint16Array.of(0x0000, 0x8000, 0x0001, 0x8001, 0x7e00, 0x3c00));
    expect(countZeros(halves, "float16")).toBe(2);
    expect(countZeros(halves, "bfloat16")).toBe(2);
  });

  it("reads bytes that begin anywhere in their buffer", () => {
    for (let offset = 0; offset < 8; offset++) {
      const bytes = new Uint8Array(offset + 12).fill(255);
      bytes.fill(0, offset + 4, offset + 8);
      expect(countZeros(bytes.subarray(offset), "float32")).toBe(1);
      expect(countZeros(bytes.subarray(offset), "float16")).toBe(2);
    }
  });

  it("finds none in nothing", () => expect(countZeros(new Uint8Array(0), "float16")).toBe(0));
});
