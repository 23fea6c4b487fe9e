/** Bytes to packed bytes and back: nothing of a kept element changes, whatever it is, and the rest is zero. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countOnes } from "../../../src/pattern/index.js";
import { packByMask, unpackByMask } from "../../../src/rewrite/packed/bit-mask.js";
import { type ElementBytes, wordsOf } from "../../../src/rewrite/packed/element.js";
import { elementsIn, packValues, storedBytes, unpackElements } from "../../../src/rewrite/packed/elements.js";
import { type PackedWeight, packedBytes, slotsOf } from "../../../src/rewrite/packed/packed-weight.js";
import { slotCodes, slotLayout, slotValues, unpackSlots } from "../../../src/rewrite/packed/slots.js";
import { integers, pack, packHighFirst, randomNumbers } from "../../helpers/quantised.js";

const elementBytes = fc.constantFrom<ElementBytes>(1, 2, 4);

/** Elements of any bits, a mask of whole bytes for them, and a pattern that stands for zero. */
const masked = fc.tuple(elementBytes, fc.uint8Array({ minLength: 1, maxLength: 40 })).chain(([size, bits]) =>
  fc.record({
    size: fc.constant(size),
    bits: fc.constant(bits),
    stored: fc.uint8Array({ minLength: 8 * bits.length * size, maxLength: 8 * bits.length * size }),
    zero: fc.uint8Array({ minLength: size, maxLength: size }),
  }),
);

/** What a tensor is when zeros are written where the mask has 0. */
function dense(stored: Uint8Array, isKept: (k: number) => boolean, zero: Uint8Array): number[] {
  const size = zero.length;
  return Array.from(stored, (byte, at) => (isKept(Math.floor(at / size)) ? byte : (zero[at % size] as number)));
}

/** Elements that are all zero. */
const filled = (count: number, zero: Uint8Array, size: number) =>
  Uint8Array.from({ length: count * size }, (_, at) => zero[at % size] as number);

const bitAt = (bits: Uint8Array, k: number) => (((bits[k >> 3] as number) >> (k & 7)) & 1) === 1;

describe("a bit mask and kept values", () => {
  it("are the tensor with zeros again, bit for bit", () => {
    fc.assert(
      fc.property(masked, ({ size, bits, stored, zero }) => {
        const values = packByMask(stored, bits, countOnes(bits), size);
        expect(values.length).toBe(countOnes(bits) * size);
        const unpacked = filled(8 * bits.length, zero, size);
        unpackByMask(wordsOf(values.slice(), size), bits, wordsOf(unpacked, size), "w");
        expect([...unpacked]).toEqual(dense(stored, (k) => bitAt(bits, k), zero));
      }),
    );
  });

  it("are refused where they are not of one weight", () => {
    const bits = Uint8Array.of(0b111);
    for (const count of [0, 2, 4])
      expect(() => unpackByMask(new Uint8Array(count), bits, new Uint8Array(8), "w")).toThrow(
        expect.objectContaining({ code: "bad-model", message: expect.stringContaining('"w"') }),
      );
  });
});

/** A tensor [outer, groups · of, inner] whose mask keeps exactly `keep` of every group along the middle axis. */
const grouped = fc
  .record({
    size: elementBytes,
    outer: fc.integer({ min: 1, max: 3 }),
    inner: fc.integer({ min: 1, max: 5 }),
    nOfM: fc.constantFrom("2:4", "1:4", "1:2", "3:4", "1:8"),
    eighths: fc.integer({ min: 1, max: 3 }),
  })
  .chain(({ size, outer, inner, nOfM, eighths }) => {
    const [keep, of] = nOfM.split(":").map(Number) as [number, number];
    const groups = eighths * 8;
    const dims = [outer, groups * of, inner];
    const elements = outer * groups * of * inner;
    return fc.record({
      size: fc.constant(size),
      dims: fc.constant(dims),
      keep: fc.constant(keep),
      of: fc.constant(of),
      stored: fc.uint8Array({ minLength: elements * size, maxLength: elements * size }),
      zero: fc.uint8Array({ minLength: size, maxLength: size }),
      // Where in a group the kept begin; they follow one another, round the end.
      first: fc.array(fc.nat(of - 1), { minLength: outer * groups * inner, maxLength: outer * groups * inner }),
    });
  })
  .map(({ first, ...rest }) => {
    const { dims, keep, of } = rest;
    const [outer, size, inner] = dims as [number, number, number];
    const bits = new Uint8Array(Math.ceil((outer * size * inner) / 8));
    for (let o = 0; o < outer; o++)
      for (let g = 0; g < size / of; g++)
        for (let i = 0; i < inner; i++)
          for (let n = 0; n < keep; n++) {
            const place = ((first[(o * (size / of) + g) * inner + i] as number) + n) % of;
            const k = ((o * (size / of) + g) * of + place) * inner + i;
            bits[k >> 3] = (bits[k >> 3] as number) | (1 << (k & 7));
          }
    return { ...rest, bits };
  });

describe("slots of N:M", () => {
  it("are the tensor with zeros again, bit for bit", () => {
    fc.assert(
      fc.property(grouped, ({ size, dims, keep, of, stored, zero, bits }) => {
        const layout = slotLayout(dims, 1, keep, of);
        if (layout === null) throw new Error("no layout");
        const [values, codes] = [slotValues(stored, bits, layout, size), slotCodes(bits, layout)];
        expect(values.length).toBe((stored.length / of) * keep);
        expect(codes.length).toBe(values.length / size / layout.perByte);
        const unpacked = filled(stored.length / size, zero, size);
        unpackSlots(wordsOf(values, size), codes, layout, wordsOf(unpacked, size), "w");
        expect([...unpacked]).toEqual(dense(stored, (k) => bitAt(bits, k), zero));
      }),
    );
  });

  it("take as many bits at 2:4 as a mask, and half of them at 1:4", () => {
    const zeros = { kind: "one", bytes: new Uint8Array(1) } as const;
    const bytesOf = (form: PackedWeight["form"]) =>
      packedBytes({ name: "w", dataType: 2, dims: [64, 16], pairs: null, zeros, form });
    const [two, one] = [512, 256];
    expect(bytesOf({ kind: "mask", kept: two })).toBe(two + (64 * 16) / 8);
    expect(bytesOf({ kind: "slots", keep: 2, of: 4, axis: 0 })).toBe(two + (64 * 16) / 8);
    expect(bytesOf({ kind: "slots", keep: 1, of: 4, axis: 0 })).toBe(one + (64 * 16) / 16);
  });

  it("are refused where places repeat, leave the group, or have another length than values", () => {
    const layout = slotLayout([16, 1], 0, 2, 4) as NonNullable<ReturnType<typeof slotLayout>>;
    const unpack = (codes: number[], values = 8) =>
      unpackSlots(new Uint8Array(values), Uint8Array.from(codes), layout, new Uint8Array(16), "w");
    // Slots 0, 2, 4, 6 are in byte 0 and 1, 3, 5, 7 in byte 1: the first and second of each group.
    expect(() => unpack([0b00000000, 0b01010101])).not.toThrow();
    const refused = expect.objectContaining({ code: "bad-model" });
    expect(() => unpack([0b00000001, 0b01010101])).toThrow(refused);
    expect(() => unpack([0, 0b01010101], 7)).toThrow(refused);
    expect(() => unpack([0b01010101])).toThrow(refused);
    const threes = slotLayout([12, 1], 0, 1, 3) as NonNullable<ReturnType<typeof slotLayout>>;
    const codes = Uint8Array.of(0b11, 0);
    expect(() => unpackSlots(new Uint8Array(4), codes, threes, new Uint8Array(12), "w")).toThrow(refused);
  });

  it("exist only where they fill whole bytes", () => {
    expect(slotLayout([12, 1], 0, 2, 4)).toBeNull();
    expect(slotLayout([10, 1], 0, 2, 4)).toBeNull();
    expect(slotLayout([16, 1], 0, 2, 4)).not.toBeNull();
  });
});

/** How elements lie in bytes, written apart from the package's own. */
const LAYOUTS = {
  "low-first pairs": { dataType: 2, bits: 4, pairs: "low-first", pack: (codes: readonly number[]) => pack(codes, 4) },
  "high-first pairs": { dataType: 2, bits: 4, pairs: "high-first", pack: packHighFirst },
  int4: { dataType: 22, bits: 4, pairs: null, pack: (codes: readonly number[]) => pack(codes, 4) },
  uint4: { dataType: 21, bits: 4, pairs: null, pack: (codes: readonly number[]) => pack(codes, 4) },
  uint8: { dataType: 2, bits: 8, pairs: null, pack: (codes: readonly number[]) => pack(codes, 8) },
  int8: { dataType: 3, bits: 8, pairs: null, pack: (codes: readonly number[]) => pack(codes, 8) },
} as const;

/** Codes in a layout, a mask by one form or the other, and one zero point or many. */
const coded = fc
  .record({
    layout: fc.constantFrom(...(Object.keys(LAYOUTS) as (keyof typeof LAYOUTS)[])),
    rows: fc.integer({ min: 1, max: 3 }),
    blocks: fc.integer({ min: 1, max: 3 }),
    // So that pairs of kept codes, and places, fill whole bytes.
    block: fc.constantFrom(16, 32, 48),
    axis: fc.constantFrom(null, 2 as const),
    nOfM: fc.constantFrom("2:4", "1:4", "1:2", "3:4", "1:8"),
    manyZeros: fc.boolean(),
    seed: fc.integer(),
  })
  .map(({ layout, rows, blocks, block, axis, nOfM, manyZeros, seed }) => {
    const { dataType, bits, pairs, pack: packed } = LAYOUTS[layout];
    const random = randomNumbers(seed);
    const [keep, of] = nOfM.split(":").map(Number) as [number, number];
    const dims = [rows, blocks, pairs === null ? block : block / 2];
    const count = rows * blocks * block;
    const isMany = manyZeros && dataType === 2;
    const codes = integers(random, count, 0, 2 ** bits - 1);
    const zeroPoints = integers(random, isMany ? rows * blocks : 1, 0, 2 ** bits - 1);
    const isKept = codes.map(() => random() < 0.5);
    if (axis !== null)
      for (let first = 0; first < count; first += of) {
        const start = integers(random, 1, 0, of - 1)[0] as number;
        for (let i = 0; i < of; i++) isKept[first + ((start + i) % of)] = i < keep;
      }
    const mask = pack(isKept.map(Number), 1);
    const kept = isKept.filter(Boolean).length;
    // Signed zeros have their sign in all higher bits.
    const [zero = 0] = zeroPoints;
    const one = layout === "int4" && zero > 7 ? zero | 240 : zero;
    const weight: PackedWeight = {
      ...{ name: "w", dataType, dims, pairs },
      zeros: isMany ? { kind: "many", dims: [rows, blocks, 1] } : { kind: "one", bytes: Uint8Array.of(one) },
      form:
        axis === null
          ? { kind: "mask", kept: pairs === null ? kept : kept + (kept % 2) }
          : { kind: "slots", keep, of, axis },
    };
    const zeroAt = (k: number) => zeroPoints[isMany ? Math.floor(k / block) : 0] as number;
    const dense = packed(codes.map((code, k) => (isKept[k] ? code : zeroAt(k))));
    return { weight, stored: packed(codes), mask, dense, zeros: isMany ? Uint8Array.from(zeroPoints) : null };
  });

describe("packed codes", () => {
  it("are the codes with those of zero again, in every layout, by mask and by slots", () => {
    fc.assert(
      fc.property(coded, ({ weight, stored, mask, dense, zeros }) => {
        const values = packValues(elementsIn(stored, weight), mask, weight);
        const places = weight.form.kind === "mask" ? mask : slotCodes(mask, slotsOf(weight, weight.form));
        expect(values.length + places.length + (zeros?.length ?? 0)).toBe(packedBytes(weight));
        const elements = unpackElements(weight, { values, places, zeros });
        expect([...storedBytes(elements, weight)]).toEqual([...dense]);
      }),
      { numRuns: 500 },
    );
  });
});
