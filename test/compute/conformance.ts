/**
 * What every device must do, held against the float64 reference: exact counts, the same mask
 * wherever scores differ by more than rounding, ties by rule, and errors that name the weight.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ComputedMask, Device, MaskJob } from "../../src/compute/device.js";
import { countKept, isKept, type NofM, type Pattern, prunedCount } from "../../src/pattern/index.js";
import { METHODS, type MethodName, methodOf, type ScoreTerms } from "../../src/score/index.js";
import { bytesOfRows, decode } from "../../src/tensor/codes.mjs";
import { CODE_TABLES, type QuantisedCoding } from "../../src/tensor/coding.js";
import type { FloatType } from "../../src/tensor/dtypes.js";
import { type Shape, type StorageOrder, storedDims } from "../../src/tensor/matrix.js";
import { partitions } from "../helpers/partitions.js";
import { integers, randomNumbers } from "../helpers/quantised.js";
import {
  competitions,
  type ReferenceJob,
  referenceMask,
  referenceScores,
  retainedShare,
} from "../helpers/reference-mask.js";
import { storeWeight } from "../helpers/stored-weight.js";

const SEED = 20260727;
/** float32 sums of up to 63 · 63 values, and a division or two. */
const ROUNDING = 1e-5;
/** What a retained share may be off: sums of float32, and scores that vanish. */
const RETAINED_ERROR = 1e-4;
/** Scores this far below the largest may vanish: float32 ends 2^-126 below 1. */
const VANISHING = 2 ** -100;

interface Case extends ReferenceJob {
  readonly dtype: FloatType;
  readonly order: StorageOrder;
}

const PATTERNS: readonly Pattern[] = [
  ...[0, 0.5, 0.999, 1].flatMap((sparsity) =>
    (["row", "matrix"] as const).map((scope) => ({ kind: "unstructured", sparsity, scope }) as const),
  ),
  ...(["1:2", "1:4", "2:4", "3:7", "4:8", "8:16", "0:3", "5:5"] as const).map((text) => {
    const [keep, of] = text.split(":").map(Number) as [number, number];
    return { kind: "n:m", keep, of, permute: false } as const;
  }),
];

/** Patterns whose groups the device chooses: the reference does not know them. */
const PERMUTED: readonly NofM[] = PATTERNS.flatMap((each) => (each.kind === "n:m" ? [{ ...each, permute: true }] : []));

/** Default terms of a method, for tests that need any. */
function termsOf(name: MethodName, shape: Shape): ScoreTerms {
  const method = methodOf(name);
  return method.terms(Object.fromEntries(method.parameters.map((p) => [p.name, p.default])), shape);
}

const TERMS: readonly ((shape: Shape) => ScoreTerms)[] = [
  ...(Object.keys(METHODS) as MethodName[]).map((name) => (shape: Shape) => termsOf(name, shape)),
  ...[1, 3, 5, 17, 63].map((size) => (shape: Shape) => ({ ...termsOf("crepe", shape), row: 0.3, size })),
  (shape) => ({ ...termsOf("crepe", shape), row: 0.2, one: 0.7, window: 0 }),
  (shape) => ({ ...termsOf("crepe", shape), column: 0, window: 1, size: 7 }),
];

function jobOf(test: Case, bytes: Uint8Array): MaskJob {
  const { shape, dtype, order, terms, pattern } = test;
  return {
    label: "layers.0.test",
    bytes: { kind: "memory", read: async () => bytes },
    ...{ dtype, shape, order, terms, pattern },
    channelFactor: Float32Array.from(test.factor),
  };
}

/** A mask, and the job whose mask it is to the reference. */
interface Computed {
  readonly mask: ComputedMask;
  readonly job: ReferenceJob;
  /** The reference's, [out, in]. */
  readonly scores: readonly number[];
  /** Which weights stay, [out, in]. */
  readonly found: readonly boolean[];
}

/** Runs the device on a case and checks what all masks have in common. */
async function compute(device: Device, test: Case): Promise<Computed> {
  const { shape, dtype, order, pattern } = test;
  const stored = storeWeight(test.values, shape, dtype, order);
  const given = jobOf(test, stored.bytes);
  if (pattern.kind !== "n:m" || !pattern.permute) expect(await device.refuse(given)).toBeNull();
  const mask = await device.computeMask(given);
  expect(mask).toMatchObject({ shape, order });
  expect(mask.bits.length).toBe(Math.ceil((shape.out * shape.in) / 8));
  expect(countKept(mask)).toBe(shape.out * shape.in - prunedCount(pattern, shape));
  const job = { ...test, values: stored.values, factor: [...Float32Array.from(test.factor)] };
  const found = test.values.map((_, k) => isKept(mask, Math.floor(k / shape.in), k % shape.in));
  const scores = referenceScores(job);
  expect(Math.abs(mask.retained - retainedShare(scores, found))).toBeLessThan(RETAINED_ERROR);
  return { mask, job, scores, found };
}

/** Runs the device on a case and holds the mask against the reference. */
async function check(device: Device, test: Case): Promise<ComputedMask> {
  const { shape, pattern } = test;
  const { mask, job, scores, found } = await compute(device, test);
  const expected = referenceMask(job);
  const floor = VANISHING * Math.max(...scores);
  for (const set of competitions(pattern, shape)) {
    const wronglyKept = set.filter((k) => found[k] && !expected[k]).map((k) => scores[k] as number);
    const wronglyGone = set.filter((k) => !found[k] && expected[k]).map((k) => scores[k] as number);
    expect(wronglyKept.length).toBe(wronglyGone.length);
    if (wronglyKept.length === 0) continue;
    expect(Math.min(...wronglyKept)).toBeGreaterThanOrEqual(Math.max(...wronglyGone) * (1 - ROUNDING) - floor);
  }
  return mask;
}

/** Runs the device on a case of a permuted pattern: every row keeps as many, and no less score than consecutive groups. */
async function checkPermuted(device: Device, test: Case & { readonly pattern: NofM }): Promise<Computed> {
  const { shape, pattern } = test;
  const computed = await compute(device, test);
  const { job, scores, found } = computed;
  for (let o = 0; o < shape.out; o++)
    expect(found.slice(o * shape.in, (o + 1) * shape.in).filter(Boolean).length).toBe(
      (shape.in * pattern.keep) / pattern.of,
    );
  const consecutive = referenceMask({ ...job, pattern: { ...pattern, permute: false } });
  const sumOf = (kept: readonly boolean[]) => scores.reduce((sum, score, k) => (kept[k] ? sum + score : sum), 0);
  const floor = VANISHING * Math.max(...scores) * scores.length;
  expect(sumOf(found)).toBeGreaterThanOrEqual(sumOf(consecutive) * (1 - ROUNDING) - floor);
  return computed;
}

/** Deterministic values: `pick` turns numbers in [0, 1) into a value. */
function fill(count: number, pick: (random: () => number, k: number) => number): number[] {
  let state = SEED;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from({ length: count }, (_, k) => pick(random, k));
}

const normal = (random: () => number) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** Matrices that break careless kernels. */
const HARD: readonly [name: string, value: (random: () => number, k: number, shape: Shape) => number][] = [
  ["all equal", () => 0.25],
  ["all zero", () => 0],
  ["two values only", (random) => (random() < 0.5 ? 1 : -2)],
  ["mostly zeros", (random) => (random() < 0.9 ? 0 : normal(random))],
  [
    "rows and columns of zeros",
    (random, k, shape) => (k % shape.in < 2 || Math.floor(k / shape.in) % 3 === 0 ? 0 : normal(random)),
  ],
  ["subnormal values", (random) => normal(random) * 1e-40],
  ["rows of subnormal values", (random, k, shape) => normal(random) * (Math.floor(k / shape.in) % 2 ? 1e-41 : 1)],
  ["values near the largest float32", (random) => (1 + random() * 2) * 1e38 * (random() < 0.5 ? -1 : 1)],
  ["1e30 next to 1e-30", (random) => normal(random) * (random() < 0.1 ? 1e30 : 1e-30)],
  ["a few outliers", (random) => normal(random) * (random() < 0.02 ? 1e6 : 1)],
];

const SHAPES: readonly Shape[] = [
  { out: 1, in: 48 },
  { out: 33, in: 1 },
  { out: 2, in: 336 },
  { out: 3, in: 112 },
  { out: 5, in: 21 },
  { out: 70, in: 24 },
  { out: 16, in: 64 },
  { out: 300, in: 16 },
];

const fits = (pattern: Pattern, shape: Shape) => pattern.kind === "unstructured" || shape.in % pattern.of === 0;

/** A weight of several strips, and of several chunks of channels, of the GPU's score kernel. */
const MANY_STRIPS: Shape = { out: 130, in: 544 };

/** Value of the half float with these bits (exponent, then 10 bits of fraction), without a sign. */
const halfValue = (bits: number) =>
  bits < 1024 ? bits * 2 ** -24 : (1024 + (bits % 1024)) * 2 ** (Math.floor(bits / 1024) - 25);

type Base = (shape: Shape, values: readonly number[]) => Case;

/** Groups of a permuted N:M, for devices that find them. */
function describePermuted(device: () => Device, base: Base): void {
  it.each(HARD)(
    "keeps as much in every row where it chooses the groups, and no less score, on: %s",
    async (_, value) => {
      for (const [index, shape] of SHAPES.entries()) {
        const values = fill(shape.out * shape.in, (random, k) => value(random, k, shape));
        const factor = fill(shape.in, (random, k) => (k % 5 === 0 ? 0 : random()));
        for (const [p, pattern] of PERMUTED.filter((each) => fits(each, shape)).entries()) {
          const terms = (TERMS[(index + p) % TERMS.length] as (typeof TERMS)[number])(shape);
          const order = (index + p) % 2 ? "in-out" : "out-in";
          const dtype = p % 3 ? "float32" : "bfloat16";
          await checkPermuted(device(), { shape, values, dtype, order, terms, factor, pattern });
        }
      }
    },
  );

  it("parts the channels into groups of M, the same in every row, of which the best N stay", async () => {
    const shape = { out: 12, in: 8 };
    for (const [keep, of] of [
      [1, 2],
      [2, 4],
      [3, 4],
    ] as const) {
      for (const order of ["in-out", "out-in"] as const) {
        const values = fill(shape.out * shape.in, (random, k) => normal(random) * (1 + (k % shape.in)));
        const pattern = { kind: "n:m", keep, of, permute: true } as const;
        const { scores, found } = await checkPermuted(device(), { ...base(shape, values), order, pattern });
        const isBestOf = (members: readonly number[], o: number) => {
          const ranked = members.map((i) => o * shape.in + i).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
          return ranked.every((k, rank) => found[k] === rank < keep);
        };
        const fitting = [...partitions(shape.in, of)].filter((groups) =>
          groups.every((members) => Array.from({ length: shape.out }).every((_, o) => isBestOf(members, o))),
        );
        expect(fitting).toHaveLength(1);
      }
    }
  });

  it("chooses the same groups for the same job, and consecutive ones where there is one group only", async () => {
    const shape = { out: 19, in: 24 };
    const values = fill(shape.out * shape.in, (random) => Math.floor(random() * 5) * 0.5);
    const all = { ...base(shape, values), pattern: { kind: "n:m", keep: 9, of: 24, permute: true } } as const;
    expect((await checkPermuted(device(), all)).mask).toEqual(
      await check(device(), { ...all, pattern: { ...all.pattern, permute: false } }),
    );
    const some = { ...all, pattern: { ...all.pattern, keep: 2, of: 4 } };
    const masks = await Promise.all(
      [some, all, some, { ...some, values: values.toReversed() }, some].map((test) => checkPermuted(device(), test)),
    );
    for (const { mask } of [masks[2], masks[4]] as Computed[]) expect(mask).toEqual(masks[0]?.mask);
  });
}

/** Groups of a permuted N:M, for devices that leave them to others: refused in words, before and when it is asked for. */
function describeRefusal(device: () => Device, base: Base): void {
  it("says why it does not choose groups, and has no mask of them", async () => {
    for (const shape of SHAPES)
      for (const pattern of PERMUTED.filter((each) => fits(each, shape))) {
        const test = { ...base(shape, fill(shape.out * shape.in, normal)), pattern };
        const job = jobOf(test, storeWeight(test.values, shape, test.dtype, test.order).bytes);
        const reason = await device().refuse(job);
        expect(reason).toMatch(/groups are found on the cpu/);
        await expect(device().computeMask(job)).rejects.toMatchObject({
          code: "device",
          message: expect.stringContaining(reason as string),
        });
      }
  });
}

/**
 * The suite.
 *
 * @param refusesPermuted whether the device leaves groups of a permuted N:M to others, and nothing else
 * @param runs random cases; fewer where the same kernels run in another way
 */
export function describeDevice(
  name: string,
  create: () => Promise<Device>,
  { refusesPermuted = false, runs = 250 }: { readonly refusesPermuted?: boolean; readonly runs?: number } = {},
): void {
  describe(`device ${name}`, () => {
    let device: Device;
    beforeAll(async () => {
      device = await create();
    });
    afterAll(() => device.close());

    const base = (shape: Shape, values: readonly number[]): Case => ({
      ...{ shape, values, dtype: "float32", order: "in-out", terms: termsOf("magnitude", shape) },
      factor: new Array(shape.in).fill(1),
      pattern: { kind: "unstructured", sparsity: 0.5, scope: "row" },
    });

    it("agrees with the reference on random weights of any shape, dtype, order, method and pattern", async () => {
      const cases = fc.record({
        out: fc.integer({ min: 1, max: 40 }),
        groups: fc.integer({ min: 1, max: 5 }),
        dtype: fc.constantFrom<FloatType>("float32", "float16", "bfloat16"),
        order: fc.constantFrom<StorageOrder>("in-out", "out-in"),
        terms: fc.constantFrom(...TERMS),
        pattern: fc.constantFrom(...PATTERNS),
        spread: fc.constantFrom(0.02, 1, 30),
        seed: fc.integer({ min: 0, max: 1 << 30 }),
      });
      await fc.assert(
        fc.asyncProperty(cases, async ({ out, groups, dtype, order, terms, pattern, spread, seed }) => {
          const shape = { out, in: pattern.kind === "n:m" ? groups * pattern.of : groups * 13 };
          const values = fill(out * shape.in + (seed % 97), (random) => normal(random) * spread).slice(seed % 97);
          const factor = fill(shape.in, (random) => random());
          await check(device, { shape, values, dtype, order, terms: terms(shape), factor, pattern });
        }),
        { seed: SEED, numRuns: runs },
      );
    });

    it.each(HARD)("agrees with the reference on: %s", async (_, value) => {
      for (const [index, shape] of SHAPES.entries()) {
        const values = fill(shape.out * shape.in, (random, k) => value(random, k, shape));
        const factor = fill(shape.in, (random, k) => (k % 5 === 0 ? 0 : random()));
        for (const [p, pattern] of PATTERNS.filter((each) => fits(each, shape)).entries()) {
          const terms = (TERMS[(index + p) % TERMS.length] as (typeof TERMS)[number])(shape);
          const order = (index + p) % 2 ? "in-out" : "out-in";
          await check(device, { shape, values, dtype: p % 3 ? "float32" : "bfloat16", order, terms, factor, pattern });
        }
      }
    });

    it("lets equal scores fall as the reference does: the lower channel, the lower o · in + i, in groups by quick select", async () => {
      const shape = { out: 19, in: 24 };
      const values = fill(shape.out * shape.in, (random) => Math.floor(random() * 3) * 0.5);
      for (const pattern of PATTERNS.filter((each) => fits(each, shape))) {
        for (const order of ["in-out", "out-in"] as const) {
          const test = { ...base(shape, values), pattern, order };
          const mask = await check(device, test);
          const found = values.map((_, k) => isKept(mask, Math.floor(k / shape.in), k % shape.in));
          expect(found).toEqual(referenceMask(test));
        }
      }
    });

    if (refusesPermuted) describeRefusal(() => device, base);
    else describePermuted(() => device, base);

    it("gives RIA's mask for CRePE without a window, with row = 1/in and column = 1/out", async () => {
      const shape = { out: 37, in: 40 };
      const values = fill(shape.out * shape.in, normal);
      const factor = fill(shape.in, (random) => random());
      const terms = { ...termsOf("crepe", shape), row: 1 / shape.in, column: 1 / shape.out, window: 0 };
      for (const pattern of PATTERNS.filter((each) => fits(each, shape))) {
        const ria = await check(device, { ...base(shape, values), factor, pattern, terms: termsOf("ria", shape) });
        const crepe = await check(device, { ...base(shape, values), factor, pattern, terms });
        expect(crepe.bits).toEqual(ria.bits);
      }
    });

    it("gives the same mask for a weight times 2, whatever the method", async () => {
      const shape = { out: 21, in: 56 };
      const values = fill(shape.out * shape.in, normal);
      const twice = values.map((value) => 2 * value);
      const factor = fill(shape.in, (random) => random());
      for (const name of Object.keys(METHODS) as MethodName[]) {
        for (const pattern of PATTERNS.filter((each) => fits(each, shape))) {
          const test = { ...base(shape, values), factor, pattern, terms: termsOf(name, shape) };
          const mask = await check(device, test);
          expect((await check(device, { ...test, values: twice })).bits).toEqual(mask.bits);
        }
      }
    });

    it("agrees with the reference on a weight of several strips, in all three dtypes and both orders", async () => {
      const shape = { out: 290, in: 72 };
      const values = fill(shape.out * shape.in, (random) => normal(random) * 0.02);
      const factor = fill(shape.in, (random) => random());
      const terms = { ...termsOf("crepe", shape), row: 0.2, size: 5 };
      const patterns: Pattern[] = [
        { kind: "unstructured", sparsity: 0.5, scope: "row" },
        { kind: "unstructured", sparsity: 0.3, scope: "matrix" },
        { kind: "n:m", keep: 2, of: 4, permute: false },
        { kind: "n:m", keep: 3, of: 6, permute: false },
      ];
      for (const dtype of ["float32", "float16", "bfloat16"] as const)
        for (const order of ["in-out", "out-in"] as const)
          for (const pattern of patterns) await check(device, { shape, values, dtype, order, terms, factor, pattern });
    });

    // The second one's rows end amid a byte in both orders, where they are not padded.
    it.each([
      [MANY_STRIPS, "2:4"],
      [{ out: 101, in: 42 }, "3:7"],
    ] as const)(
      "gives codes of shape %o the mask of the values that they stand for, by rank and %s",
      async (shape, nm) => {
        const random = randomNumbers(3);
        const [keep, of] = nm.split(":").map(Number) as [number, number];
        const patterns: readonly Pattern[] = [...PATTERNS.slice(2, 4), { kind: "n:m", keep, of, permute: false }];
        for (const order of ["out-in", "in-out"] as const) {
          const [rows, columns] = storedDims(shape, order);
          const groups = Math.ceil(columns / 32);
          const floatsOf = (count: number) => Float32Array.from({ length: count }, () => random() - 0.5);
          const codings: readonly QuantisedCoding[] = [
            {
              ...{ kind: "affine", bits: 2, signed: true, rowElements: columns, rowGroup: 1, columnGroup: 32 },
              ...{ scales: floatsOf(rows * groups), zeros: Int16Array.from(integers(random, rows * groups, -2, 1)) },
            },
            {
              ...{ kind: "affine", bits: 4, signed: false, rowElements: groups * 32, rowGroup: 1, columnGroup: 32 },
              ...{ scales: floatsOf(rows * groups), zeros: Int16Array.from(integers(random, rows * groups, 0, 15)) },
            },
            {
              ...{ kind: "affine", bits: 8, signed: true, rowElements: columns, rowGroup: rows, columnGroup: 1 },
              ...{ scales: floatsOf(columns), zeros: 3 },
            },
            {
              ...{ kind: "table", ...CODE_TABLES.nf4, blockElements: 64 },
              scales: floatsOf(Math.ceil((rows * columns) / 64)),
            },
          ];
          for (const coding of codings) {
            const bytes = Uint8Array.from(integers(random, bytesOfRows(coding, columns, 0, rows).end, 0, 255));
            const values = decode(bytes, coding, rows, columns);
            for (const pattern of patterns) {
              const job = {
                ...({
                  label: "coded",
                  dtype: "float32",
                  shape,
                  order,
                  terms: termsOf("crepe", shape),
                  pattern,
                } as const),
                channelFactor: floatsOf(shape.in).map(Math.abs),
              };
              const stored = { kind: "memory", read: async () => bytes } as const;
              const coded = await device.computeMask({
                ...job,
                bytes: { kind: "codes", stored, coding: async () => coding },
              });
              const read = async () => new Uint8Array(values.buffer);
              expect(coded).toEqual(await device.computeMask({ ...job, bytes: { kind: "memory", read } }));
            }
          }
        }
      },
    );

    it("reads every finite half float exactly", async () => {
      const halves = Array.from({ length: 0x7bff }, (_, k) => halfValue(k + 1));
      const shape = { out: 1, in: 2 * halves.length };
      // Of each pair the first score is value · (unit / value) · (1 ± 1e-4), the second the unit.
      const unit = 2 ** -24;
      const values = halves.flatMap((value) => [value, 1]);
      for (const order of ["in-out", "out-in"] as const) {
        const factor = halves.flatMap((value, k) => [(unit / value) * (k % 2 ? 1.0001 : 0.9999), unit]);
        const test = { ...base(shape, values), dtype: "float16", order, factor } as const;
        const mask = await check(device, { ...test, pattern: { kind: "n:m", keep: 1, of: 2, permute: false } });
        expect(halves.findIndex((_, k) => isKept(mask, 0, 2 * k) !== (k % 2 === 1))).toBe(-1);
      }
    });

    it("refuses a pattern that does not divide the input channels", async () => {
      const test = base({ out: 2, in: 6 }, fill(12, normal));
      for (const permute of [false, true])
        await expect(
          check(device, { ...test, pattern: { kind: "n:m", keep: 2, of: 4, permute } }),
        ).rejects.toMatchObject({
          code: "bad-pattern",
          message: expect.stringMatching(/"layers\.0\.test".*6 input channels.*2:4/),
        });
    });

    it.each(["float32", "float16", "bfloat16"] as const)("refuses NaN and Inf in %s and says where", async (dtype) => {
      const shape = { out: 5, in: 8 };
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const values = fill(40, normal);
        values[2 * shape.in + 3] = bad;
        values[4 * shape.in + 1] = bad;
        await expect(check(device, { ...base(shape, values), dtype })).rejects.toMatchObject({
          code: "bad-weight",
          message: expect.stringContaining("layers.0.test"),
          details: { count: 2, out: 2, in: 3 },
        });
      }
    });

    it("refuses a channel factor that is NaN", async () => {
      const test = base({ out: 2, in: 4 }, fill(8, normal));
      await expect(check(device, { ...test, factor: [1, Number.NaN, 1, 1] })).rejects.toMatchObject({
        code: "bad-statistics",
      });
    });
  });
}
