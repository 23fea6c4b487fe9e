/** Objectives that look at weights only, on a GPU: the figures of the sampled rows, where the sample is all rows. */
import { afterAll, describe, expect, it } from "vitest";
import type { Device } from "../../../src/compute/index.js";
import { createWebGpuDevice } from "../../../src/compute/webgpu/index.js";
import type { Objective } from "../../../src/tune/objective.js";
import { diagonalError } from "../../../src/tune/objectives/diagonal-error.js";
import { giniKept, giniMasked } from "../../../src/tune/objectives/gini.js";
import type { Subject } from "../../../src/tune/subject.js";
import { acquireGpu } from "../../compute/webgpu/watched-gpu.js";
import { byRow, candidateOf, weightsSubject, weightValues } from "../weights-subject.js";

const gpu = createWebGpuDevice({ acquire: acquireGpu });
afterAll(() => gpu.close());

const small = { shape: { out: 6, in: 16 }, values: weightValues(96, 1) };
const large = { shape: { out: 16, in: 40 }, values: weightValues(640, 2), order: "out-in" } as const;
const CANDIDATES = [
  candidateOf({ row: 0.2, column: 0.5, window: 0.3, size: 5, power: 0.8 }, byRow(0.5)),
  candidateOf({ row: 0, column: 1, window: 0, size: 3, power: 0.5 }, { kind: "n:m", keep: 2, of: 4, permute: false }),
];

async function figures(objective: Objective, subject: Subject, device: Partial<Device>): Promise<number[]> {
  const open = await objective.open({ ...subject, device: device as Device });
  const found: number[] = [];
  for (const candidate of CANDIDATES) found.push(await open.measure(candidate));
  await open.close();
  return found;
}

describe("on a GPU", () => {
  it.each([
    ["gini", giniMasked, 1 / 512],
    ["gini-kept", giniKept, 1 / 256],
    ["diagonal-error", diagonalError, 1e-5],
  ] as const)("the objective %s is what the sampled rows say", async (_, objective, tolerance) => {
    const { subject } = await weightsSubject([small, large]);
    const sampled = await figures(objective, subject, {});
    const measured = await figures(objective, subject, gpu);
    for (const [k, value] of measured.entries())
      expect(Math.abs(value - (sampled[k] as number))).toBeLessThan(tolerance);
  });

  it("a device that refuses a weight leaves it all to the sample", async () => {
    const { subject } = await weightsSubject([small]);
    const refusing: Partial<Device> = {
      refuseToMeasure: async () => "too wide",
      measure: () => Promise.reject(new Error("must not be called")),
    };
    expect(await figures(giniKept, subject, refusing)).toHaveLength(CANDIDATES.length);
  });
});
