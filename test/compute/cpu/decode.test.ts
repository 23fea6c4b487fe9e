/** The kernel's codes to floats, against the plain decoder of tensor/codes.mjs. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { bytesOfRows, decode } from "../../../src/tensor/codes.mjs";
import type { AffineCoding } from "../../../src/tensor/coding.js";
import { Kernel } from "../../helpers/kernel.js";

/** Groups and rows of any length: vectors of 32 codes, what is left of them, and rows that begin inside a byte. */
const weights = fc.record({
  ...{ bits: fc.constantFrom(2, 4, 8), signed: fc.boolean(), hasZeros: fc.boolean(), seed: fc.integer() },
  ...{ rows: fc.integer({ min: 1, max: 20 }), columns: fc.integer({ min: 1, max: 150 }), padding: fc.nat(5) },
  ...{ rowGroup: fc.integer({ min: 1, max: 8 }), columnGroup: fc.constantFrom(1, 3, 16, 32, 128, 256) },
  ...{ first: fc.nat(19), count: fc.integer({ min: 1, max: 16 }) },
});

it("decodes any rows of affine codes to the bits that the plain decoder gives", () => {
  const kernel = new Kernel();
  fc.assert(
    fc.property(weights, (one) => {
      const { bits, signed, hasZeros, seed, rows, columns, padding, rowGroup, columnGroup } = one;
      const noise = (count: number, scale: number) =>
        Array.from({ length: count }, (_, i) => Math.sin(seed + i * 12.9898) * scale);
      const groups = Math.ceil(rows / rowGroup) * Math.ceil(columns / columnGroup);
      const least = signed ? -(2 ** (bits - 1)) : 0;
      const codeOf = (value: number) => least + (Math.floor(Math.abs(value)) % 2 ** bits);
      const coding: AffineCoding = {
        ...{ kind: "affine", bits, signed, rowElements: columns + padding, rowGroup, columnGroup },
        scales: Float32Array.from(noise(groups, 0.3)),
        zeros: hasZeros ? Int16Array.from(noise(groups, 1e6), codeOf) : codeOf(seed),
      };
      const bytes = Uint8Array.from(noise(bytesOfRows(coding, columns, 0, rows).end, 1e6), (value) => value & 255);
      const first = Math.min(one.first, rows - 1);
      const count = Math.min(one.count, rows - first);
      const expected = decode(bytes, coding, rows, columns).subarray(first * columns, (first + count) * columns);
      expect(kernel.decode(bytes, coding, [rows, columns], first, count)).toEqual(expected);
    }),
    { seed: 1, numRuns: 500 },
  );
});
