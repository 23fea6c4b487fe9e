/** What holds for codes of every kind, whatever their layout: one suite for all. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptyMask, type Mask } from "../../src/pattern/index.js";
import { countZeroValues, writeZeros } from "../../src/rewrite/index.js";
import { bytesOfRows, decode, decodeRows } from "../../src/tensor/codes.mjs";
import { affineWeight, type CodedWeight, tableWeight } from "../helpers/coded-weight.js";

const withMask = (cases: fc.Arbitrary<CodedWeight>) =>
  cases.chain((one) => {
    const { rows, columns } = one;
    const bits = fc.uint8Array({
      minLength: Math.ceil((rows * columns) / 8),
      maxLength: Math.ceil((rows * columns) / 8),
    });
    return fc.record({ one: fc.constant(one), bits, order: fc.constantFrom("out-in" as const, "in-out" as const) });
  });

/** A mask of the storage's bits; which axis is which does not matter to the bytes. */
function maskOf({ rows, columns }: CodedWeight, order: Mask["order"], bits: Uint8Array): Mask {
  const shape = order === "out-in" ? { out: rows, in: columns } : { out: columns, in: rows };
  return { ...emptyMask(shape, order), bits };
}

const isZero = (value: number | undefined) => value === 0;
const check = { seed: 1, numRuns: 300 };

describe.each([
  ["affine", affineWeight],
  ["table", tableWeight],
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
function put(bytes: Uint8Array, { coding, columns }: CodedWeight, k: number, code: number): void {
  const isTable = coding.kind === "table";
  const bits = isTable ? 4 : coding.bits;
  const at = isTable ? k : Math.floor(k / columns) * coding.rowElements + (k % columns);
  const place = Math.floor((at * bits) / 8);
  const shift = isTable ? 4 - ((at * 4) % 8) : (at * bits) % 8;
  const mask = 2 ** bits - 1;
  bytes[place] = ((bytes[place] as number) & ~(mask << shift)) | ((code & mask) << shift);
}
