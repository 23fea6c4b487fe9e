/** Stored weights of codes for property tests, of every layout that codings have, and what their format's definition makes of them. */
import fc from "fast-check";
import { type AffineCoding, CODE_TABLES, type QuantisedCoding, type TableCoding } from "../../src/tensor/coding.js";
import { codeAt, pack, packHighFirst } from "./quantised.js";

/** A stored weight of codes, with what a reader of the format's definition makes of it. */
export interface CodedWeight {
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

/** Affine codes. Rows may be padded with any number of elements, so they begin anywhere in a byte. */
export const affineWeight: fc.Arbitrary<CodedWeight> = fc
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
      .map(({ all, scales, zeros, one }): CodedWeight => {
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

/** Codes that are looked up in a table. */
export const tableWeight: fc.Arbitrary<CodedWeight> = fc
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
      .map(({ codes, scales }): CodedWeight => {
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
