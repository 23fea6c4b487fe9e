import { afterAll, describe, expect, it } from "vitest";
import { createCpuDevice } from "../../src/compute/cpu/index.js";
import type { MaskJob } from "../../src/compute/index.js";
import type { Target } from "../../src/graph/index.js";
import type { Candidate } from "../../src/tune/candidate.js";
import { MaskedWeights } from "../../src/tune/masked-weights.js";
import { byRow, candidateOf, weightsSubject, weightValues } from "./weights-subject.js";

const cpu = createCpuDevice();
afterAll(() => cpu.close());

const shape = { out: 12, in: 16 };
const { subject } = await weightsSubject(
  [0, 1, 2].map((seed) => ({ shape, values: weightValues(shape.out * shape.in, seed) })),
);
const [first, second, third] = subject.targets as [Target, Target, Target];

/** Masked weights, and the names of the weights that the device was asked to mask. */
function fresh() {
  const asked: string[] = [];
  const device = {
    ...cpu,
    computeMask: (job: MaskJob, signal?: AbortSignal) => {
      asked.push(job.label);
      return cpu.computeMask(job, signal);
    },
  };
  const { dense, statistics } = subject;
  return { masked: new MaskedWeights({ layers: 3, device, dense, statistics }), asked };
}

/** Copies: the buffers are used again. */
const copies = (weights: ReadonlyMap<Target, Uint8Array>, targets: readonly Target[]) =>
  targets.map((target) => Uint8Array.from(weights.get(target) as Uint8Array));

const HALF = candidateOf({ power: 1 }, byRow(0.5));
const OTHER = candidateOf({ power: 0.2, column: 0, row: 0.2, window: 0.8, size: 3 }, byRow(0.5));

describe("masked weights", () => {
  it("hold the dense values, or zeros where the candidate prunes, of exactly its share", async () => {
    const { masked } = fresh();
    const weights = copies(await masked.of(HALF, subject.targets), subject.targets);
    for (const [k, target] of subject.targets.entries()) {
      const dense = new Float32Array(Uint8Array.from(subject.dense.of(target)).buffer);
      const pruned = new Float32Array((weights[k] as Uint8Array).buffer);
      const changed = pruned.filter((value, at) => value !== dense[at]);
      expect(changed.every((value) => value === 0)).toBe(true);
      // Zeros of the dense weight may be pruned as well.
      expect(pruned.filter((value) => value === 0).length).toBeGreaterThanOrEqual((shape.out * shape.in) / 2);
      expect(changed.length).toBeGreaterThan((shape.out * shape.in) / 4);
    }
  });

  it("are made once for a candidate, however many ask, and only where they are asked for", async () => {
    const { masked, asked } = fresh();
    await masked.of(HALF, [second]);
    expect(asked).toEqual([second.name]);
    const all = await masked.of({ ...HALF }, subject.targets);
    expect([...asked].sort()).toEqual([first, second, third].map(({ name }) => name));
    expect((await masked.of(HALF, [third])).get(third)).toBe(all.get(third));
    expect(asked).toHaveLength(3);
    masked.forget();
    await masked.of(HALF, [third]);
    expect(asked).toHaveLength(4);
  });

  it("are made anew for another candidate, or with other statistics", async () => {
    const { masked } = fresh();
    const half = copies(await masked.of(HALF, [first]), [first]);
    const other = copies(await masked.of(OTHER, [first]), [first]);
    expect(other).not.toEqual(half);
    const flat = { tokens: 1, sum: new Float64Array(16), sumOfSquares: new Float64Array(16).fill(1) };
    const statistics = new Map(subject.targets.map((target) => [target, flat]));
    const unlike = copies(await masked.of(HALF, [first], undefined, statistics), [first]);
    expect(unlike).not.toEqual(half);
    expect(copies(await masked.of(HALF, [first]), [first])).toEqual(half);
  });

  it("take coefficients of their own by depth and by kind", async () => {
    const { masked } = fresh();
    const [a, b] = [HALF.coefficients.all, OTHER.coefficients.all];
    const alone = async (candidate: Candidate) => copies(await masked.of(candidate, subject.targets), subject.targets);
    const [half, other] = [await alone(HALF), await alone(OTHER)];
    const byDepth = { ...HALF, coefficients: { all: {}, byDepth: [a, b, a] } };
    expect(await alone(byDepth)).toEqual([half[0], other[1], half[2]]);
    const byKind = { ...HALF, coefficients: { all: a, byKind: { up: b } } };
    expect(await alone(byKind)).toEqual(other);
    const ofOtherKind = { ...HALF, coefficients: { all: a, byKind: { down: b } } };
    expect(await alone(ofOtherKind)).toEqual(half);
  });

  it("pass on what the device throws, and the reason of an abort", async () => {
    const { masked } = fresh();
    await expect(masked.of(HALF, subject.targets, AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
    const divides = candidateOf({}, { kind: "n:m", keep: 2, of: 7, permute: false });
    await expect(masked.of(divides, subject.targets)).rejects.toMatchObject({ code: "bad-pattern" });
    expect((await masked.of(HALF, subject.targets)).size).toBe(3);
  });
});
