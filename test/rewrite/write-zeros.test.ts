/** What holds for codes of every kind, whatever their layout: one suite for all. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptyMask, type Mask } from "../../src/pattern/index.js";
import { countZeroValues, writeZeros } from "../../src/rewrite/index.js";
import { bytesOfRows, decode, decodeRows } from "../../src/tensor/codes.mjs";
import { type AffineCoding, CODE_TABLES, type QuantisedCoding, type TableCoding } from "../../src/tensor/coding.js";
import { codeAt, pack, packHighFirst } from "../helpers/quantised.js";

/** A stored weight of codes, with what a reader of the format's definition makes of it. */
interface Case {
  readonly coding: QuantisedCoding;
  readonly rows: number;
  readonly columns: number;
  readonly bytes: Uint8Array;
  /** Codes in storage order, padding left out. */
  readonly codes: readonly number[];
  /** The code of an element of the bytes. */
  readonly codeIn: (bytes: Uint8Array, row: number, column: number) => number;
  /** Exact values, before they are rounded to float32. */
  readonly expectedAt: (code: number, row: number, column: number) => number;
}

const size = fc.integer({ min: 1, max: 13 });
const scale = fc.oneof(
  // Not so small that products with it underflow.
  { weight: 8, arbitrary: fc.integer({ min: -400, max: 400 }).map((hundredths) => hundredths / 100) },
  { weight: 1, arbitrary: fc.constant(0) },
);
const list = <T>(of: fc.Arbitrary<T>, length: number) => fc.array(of, { minLength: length, maxLength: length });

/** Rows may be padded with any number of elements, so they begin anywhere in a byte. */
const affine: fc.Arbitrary<Case> = fc
  .record({
    ...{ bits: fc.constantFrom(2, 4, 8), signed: fc.boolean(), rows: size, columns: size },
    ...{ rowGroup: size, columnGroup: size, padding: fc.nat(5), hasZeros: fc.boolean() },
  })
  .chain(({ bits, signed, rows, columns, rowGroup, columnGroup, padding, hasZeros }) => {
    const least = signed ? -(2 ** (bits - 1)) : 0;
    const code = fc.integer({ min: least, max: least + 2 ** bits - 1 });
    const rowElements = columns + padding;
    const groupColumns = Math.ceil(columns / columnGroup);
    const groups = Math.ceil(rows / rowGroup) * groupColumns;
    const groupOf = (row: number, column: number) =>
      Math.floor(row / rowGroup) * groupColumns + Math.floor(column / columnGroup);
    return fc
      .record({
        all: list(code, rows * rowElements),
        scales: list(scale, groups),
        zeros: list(code, groups),
        one: code,
      })
      .map(({ all, scales, zeros, one }): Case => {
        const rowOf = (k: number) => Math.floor(k / columns) * rowElements + (k % columns);
        const coding: AffineCoding = {
          ...{ kind: "affine", bits, signed, rowElements, rowGroup, columnGroup },
          ...{ scales: Float32Array.from(scales), zeros: hasZeros ? Int16Array.from(zeros) : one },
        };
        return {
          ...{ coding, rows, columns, bytes: pack(all, bits) },
          codes: Array.from({ length: rows * columns }, (_, k) => all[rowOf(k)] as number),
          codeIn: (bytes, row, column) => codeAt(bytes, bits, signed, row * rowElements + column),
          expectedAt: (code, row, column) => {
            const group = groupOf(row, column);
            return (coding.scales[group] as number) * (code - (hasZeros ? (zeros[group] as number) : one));
          },
        };
      });
  });

const table: fc.Arbitrary<Case> = fc
  .record({
    name: fc.constantFrom("nf4", "fp4"),
    rows: size,
    columns: size,
    blockElements: fc.integer({ min: 1, max: 40 }),
  })
  .chain(({ name, rows, columns, blockElements }) =>
    fc
      .record({
        codes: list(fc.nat(15), rows * columns),
        scales: list(scale, Math.ceil((rows * columns) / blockElements)),
      })
      .map(({ codes, scales }): Case => {
        const coding: TableCoding = {
          ...{ kind: "table", ...CODE_TABLES[name], blockElements, scales: Float32Array.from(scales) },
        };
        return {
          ...{ coding, rows, columns, codes, bytes: packHighFirst(codes) },
          codeIn: (bytes, row, column) => {
            const k = row * columns + column;
            return ((bytes[k >> 1] as number) >> (k % 2 === 0 ? 4 : 0)) & 15;
          },
          expectedAt: (code, row, column) =>
            (coding.scales[Math.floor((row * columns + column) / blockElements)] as number) *
            (coding.values[code] as number),
        };
      }),
  );

const withMask = (cases: fc.Arbitrary<Case>) =>
  cases.chain((one) => {
    const { rows, columns } = one;
    const bits = fc.uint8Array({
      minLength: Math.ceil((rows * columns) / 8),
      maxLength: Math.ceil((rows * columns) / 8),
    });
    return fc.record({ one: fc.constant(one), bits, order: fc.constantFrom("out-in" as const, "in-out" as const) });
  });

/** A mask of the storage's bits; which axis is which does not matter to the bytes. */
function maskOf({ rows, columns }: Case, order: Mask["order"], bits: Uint8Array): Mask {
  const shape = order === "out-in" ? { out: rows, in: columns } : { out: columns, in: rows };
  return { ...emptyMask(shape, order), bits };
}

const isZero = (value: number | undefined) => value === 0;
const check = { seed: 1, numRuns: 300 };

describe.each([
  ["affine", affine],
  ["table", table],
] as const)("codes that are %s", (_, cases) => {
  it("decode to the values that their definition gives, whole and any rows of them", () => {
    fc.assert(
      fc.property(cases, fc.nat(12), fc.nat(12), (one, a, b) => {
        const { coding, rows, columns, bytes, codes, expectedAt } = one;
        const expected = Float32Array.from(codes, (code, k) => expectedAt(code, Math.floor(k / columns), k % columns));
        expect(decode(bytes, coding, rows, columns)).toEqual(expected);
        const first = Math.min(a % rows, b % rows);
        const count = Math.max(a % rows, b % rows) - first + 1;
        const { start, end } = bytesOfRows(coding, columns, first, count);
        const part = new Float32Array(count * columns);
        decodeRows(part, bytes.slice(start, end), coding, columns, first, count);
        expect(part).toEqual(expected.subarray(first * columns, (first + count) * columns));
      }),
      check,
    );
  });

  it("are exactly 0 where a mask has 0 and unchanged elsewhere, padding included, and zeros are counted", () => {
    fc.assert(
      fc.property(withMask(cases), ({ one, bits, order }) => {
        const { coding, rows, columns, bytes, codes, codeIn } = one;
        const mask = maskOf(one, order, bits);
        const before = decode(bytes, coding, rows, columns);
        expect(countZeroValues(bytes, coding, mask)).toBe(before.filter(isZero).length);
        const masked = Uint8Array.from(bytes);
        const zeros = writeZeros(masked, coding, mask);
        const after = decode(masked, coding, rows, columns);
        for (const [k, code] of codes.entries()) {
          const stays = ((bits[k >> 3] as number) >> (k & 7)) & 1;
          if (stays) expect(codeIn(masked, Math.floor(k / columns), k % columns)).toBe(code);
          else expect(isZero(after[k])).toBe(true);
        }
        expect(zeros).toBe(after.filter(isZero).length);
        expect(countZeroValues(masked, coding, mask)).toBe(zeros);
        // All bits that belong to no masked element are the same.
        const restored = Uint8Array.from(masked);
        for (const [k, code] of codes.entries()) put(restored, one, k, code);
        expect(restored).toEqual(bytes);
      }),
      check,
    );
  });
});

/** Writes the code of element `k` of the storage. */
function put(bytes: Uint8Array, { coding, columns }: Case, k: number, code: number): void {
  const isTable = coding.kind === "table";
  const bits = isTable ? 4 : coding.bits;
  const at = isTable ? k : Math.floor(k / columns) * coding.rowElements + (k % columns);
  const place = Math.floor((at * bits) / 8);
  const shift = isTable ? 4 - ((at * 4) % 8) : (at * bits) % 8;
  const mask = 2 ** bits - 1;
  bytes[place] = ((bytes[place] as number) & ~(mask << shift)) | ((code & mask) << shift);
}
