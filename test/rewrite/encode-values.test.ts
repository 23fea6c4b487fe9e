/** New values of a weight as stored bytes: what holds for every coding and both orders. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeValues } from "../../src/rewrite/encode-values.js";
import { decode } from "../../src/tensor/codes.mjs";
import type { Coding, FloatCoding } from "../../src/tensor/coding.js";
import { gridOf } from "../../src/tensor/grid.js";
import { floatsOf, halfValues } from "../../src/tensor/half.js";
import { type Shape, type StorageOrder, storageIndex } from "../../src/tensor/matrix.js";
import { affineWeight, type CodedWeight, tableWeight } from "../helpers/coded-weight.js";
import { randomNumbers } from "../helpers/quantised.js";

const orders = fc.constantFrom<StorageOrder>("out-in", "in-out");
const check = { seed: 1, numRuns: 150 };

const shapeOf = ({ rows, columns }: CodedWeight, order: StorageOrder): Shape =>
  order === "out-in" ? { out: rows, in: columns } : { out: columns, in: rows };

/** The values of stored bytes, [out, in], one element at a time. */
function valuesOf(bytes: Uint8Array, coding: Coding, shape: Shape, order: StorageOrder): Float32Array {
  const [rows, columns] = order === "out-in" ? [shape.out, shape.in] : [shape.in, shape.out];
  const stored = coding.kind === "float" ? floatsOf(bytes, coding.dtype) : decode(bytes, coding, rows, columns);
  return Float32Array.from(
    { length: shape.out * shape.in },
    (_, k) => stored[storageIndex(shape, order, Math.floor(k / shape.in), k % shape.in)] as number,
  );
}

describe.each([
  ["affine", affineWeight],
  ["table", tableWeight],
] as const)("a weight of codes that are %s", (_, cases) => {
  it("gets the same bytes back for its own values", () => {
    fc.assert(
      fc.property(cases, orders, (one, order) => {
        const { coding, bytes } = one;
        const shape = shapeOf(one, order);
        const values = valuesOf(bytes, coding, shape, order);
        const kept = new Uint8Array(values.length).fill(1);
        expect(encodeValues(values, kept, coding, { shape, order }, bytes)).toEqual(bytes);
      }),
      check,
    );
  });

  it("gets the nearest value there is, exact zeros where it is pruned, and keeps its padding", () => {
    fc.assert(
      fc.property(cases, orders, fc.nat(1e6), (one, order, seed) => {
        const { coding, bytes, rows, columns, expectedAt } = one;
        const shape = shapeOf(one, order);
        const random = randomNumbers(seed);
        const values = Float32Array.from({ length: rows * columns }, () => random() * 8 - 4);
        const kept = Uint8Array.from(values, () => Number(random() < 0.6));
        const encoded = encodeValues(values, kept, coding, { shape, order }, bytes);
        const found = valuesOf(encoded, coding, shape, order);
        const every = Array.from({ length: coding.kind === "affine" ? 2 ** coding.bits : 16 }, (_, k) =>
          coding.kind === "affine" && coding.signed ? k - 2 ** (coding.bits - 1) : k,
        );
        for (let o = 0, k = 0; o < shape.out; o++)
          for (let i = 0; i < shape.in; i++, k++) {
            const [row, column] = order === "out-in" ? [o, i] : [i, o];
            const wanted = kept[k] === 1 ? (values[k] as number) : 0;
            const nearest = Math.min(...every.map((code) => Math.abs(expectedAt(code, row, column) - wanted)));
            const isNearest = Math.abs((found[k] as number) - wanted) <= nearest + 1e-5;
            expect(isNearest && (kept[k] === 1 || found[k] === 0)).toBe(true);
          }
        expect(paddingOf(one, encoded)).toEqual(paddingOf(one, bytes));
      }),
      check,
    );
  });

  it("is rounded by its grid to the values that its codes then have", () => {
    fc.assert(
      fc.property(cases, orders, fc.nat(1e6), (one, order, seed) => {
        const { coding, bytes } = one;
        const shape = shapeOf(one, order);
        const random = randomNumbers(seed);
        const values = Float32Array.from({ length: shape.out * shape.in }, () => random() * 8 - 4);
        const grid = gridOf(coding, shape, order);
        const rounded = new Float32Array(values.length);
        for (let i = 0; i < shape.in; i++) {
          const channel = Float32Array.from({ length: shape.out }, (_, o) => values[o * shape.in + i] as number);
          grid.roundChannel(i, channel);
          for (const [o, value] of channel.entries()) rounded[o * shape.in + i] = value;
        }
        const kept = new Uint8Array(values.length).fill(1);
        const weight = { shape, order };
        // Plus 0, because a code may stand for −0.
        const decoded = (from: Float32Array) =>
          valuesOf(encodeValues(from, kept, coding, weight, bytes), coding, shape, order).map((value) => value + 0);
        expect(decoded(rounded)).toEqual(rounded.map((value) => value + 0));
        expect(decoded(values)).toEqual(rounded.map((value) => value + 0));
      }),
      check,
    );
  });
});

/** All bits that belong to no element. */
function paddingOf({ coding, rows, columns }: CodedWeight, bytes: Uint8Array): number[] {
  const [bits, rowElements] = coding.kind === "affine" ? [coding.bits, coding.rowElements] : [4, columns];
  return Array.from({ length: bytes.length * 8 }, (_, bit) => bit)
    .filter((bit) => {
      const element = coding.kind === "table" ? 2 * (bit >> 3) + (1 - ((bit >> 2) & 1)) : Math.floor(bit / bits);
      return element % rowElements >= columns || element >= rows * rowElements;
    })
    .map((bit) => ((bytes[bit >> 3] as number) >> (bit & 7)) & 1);
}

describe("a weight of floats", () => {
  const encoded = (values: Float32Array, dtype: FloatCoding["dtype"], order: StorageOrder, kept?: Uint8Array) => {
    const shape = { out: 3, in: values.length / 3 };
    const coding = { kind: "float", dtype } as const;
    const stays = kept ?? new Uint8Array(values.length).fill(1);
    return encodeValues(values, stays, coding, { shape, order }, new Uint8Array(0));
  };

  it.each(["float32", "float16", "bfloat16"] as const)("gets the same bytes back as %s", (dtype) => {
    const bits = Uint16Array.from({ length: 65535 }, (_, k) => k);
    const finite = bits.filter(
      (each) => Number.isFinite(halfValues("float16")[each]) && Number.isFinite(halfValues("bfloat16")[each]),
    );
    const halves = finite.subarray(0, finite.length - (finite.length % 3));
    const bytes =
      dtype === "float32" ? new Uint8Array(Float32Array.from(halves).buffer) : new Uint8Array(halves.slice().buffer);
    for (const order of ["out-in", "in-out"] as const) {
      const shape = { out: 3, in: halves.length / 3 };
      const back = encoded(valuesOf(bytes, { kind: "float", dtype }, shape, order), dtype, order);
      // A matcher takes seconds for so many bytes.
      expect(Buffer.from(back).equals(bytes)).toBe(true);
    }
  });

  it.each(["float16", "bfloat16"] as const)(
    "is rounded to the nearest %s, ties to even, and never to infinity",
    (dtype) => {
      const table = halfValues(dtype);
      const random = randomNumbers(1);
      const largest = table.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, value) : most), 0);
      const values = Float32Array.from({ length: 30000 }, (_, k) => {
        const at = table[Math.floor(random() * 65536)] as number;
        const next = table[Math.floor(random() * 31743)] as number;
        // Values of the type, the middle of two neighbours, and whatever lies between.
        if (k % 3 === 0) return Number.isFinite(at) ? at * (1 + (random() - 0.5) / 500) : 3e38;
        const bits = Math.floor(random() * 31742);
        return k % 3 === 1 ? ((table[bits] as number) + (table[bits + 1] as number)) / 2 : next * 1.0001;
      }).map((value) => (Number.isFinite(value) ? value : 1));
      const found = new Uint16Array(encoded(values, dtype, "out-in").buffer);
      const wrong = found.filter((bits, k) => {
        const value = Math.max(-largest, Math.min(largest, values[k] as number));
        const distance = (other: number) => Math.abs((table[other] as number) - value);
        const [own, up, down] = [
          distance(bits),
          distance(bits + 1),
          (bits & 0x7fff) === 0 ? Infinity : distance(bits - 1),
        ];
        const isNearest = own <= down && (own <= up || Number.isNaN(up));
        return !isNearest || (own > 0 && (own === up || own === down) && bits % 2 === 1);
      });
      expect(wrong).toEqual(new Uint16Array(0));
    },
  );

  it("has all bits 0 where it is pruned, whatever the values say", () => {
    for (const dtype of ["float32", "float16", "bfloat16"] as const) {
      const bytes = encoded(Float32Array.of(-1, -0, 5, -7, 1, 2), dtype, "in-out", Uint8Array.of(0, 0, 1, 0, 1, 1));
      const values = valuesOf(bytes, { kind: "float", dtype }, { out: 3, in: 2 }, "in-out");
      expect([...values]).toEqual([0, 0, 5, 0, 1, 2]);
    }
  });
});
