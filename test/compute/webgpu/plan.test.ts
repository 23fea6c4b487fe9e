/** How weights are cut for devices of given limits, what is refused, and how much memory traffic it makes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type DeviceLimits, type Plan, planJob, type WeightFacts } from "../../../src/compute/webgpu/plan.js";
import { heldBytes } from "../../../src/compute/webgpu/plan-bytes.js";
import { trafficOf } from "../../../src/compute/webgpu/traffic.js";
import type { Pattern } from "../../../src/pattern/index.js";
import { type MethodName, methodOf } from "../../../src/score/index.js";
import type { Shape } from "../../../src/tensor/matrix.js";

const LIMITS: DeviceLimits = {
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 28,
  maxComputeWorkgroupStorageSize: 32768,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupsPerDimension: 65535,
  memory: 2 ** 29,
  sliceRows: Number.POSITIVE_INFINITY,
};
const TWO_OF_FOUR: Pattern = { kind: "n:m", keep: 2, of: 4, permute: false };
const BY_ROW: Pattern = { kind: "unstructured", sparsity: 0.5, scope: "row" };

function factsOf(shape: Shape, method: MethodName, pattern: Pattern, size = 31): WeightFacts {
  const defaults = Object.fromEntries(methodOf(method).parameters.map(({ name, default: value }) => [name, value]));
  const terms = { ...methodOf(method).terms(defaults, shape), size };
  return { shape, order: "in-out", elementBits: 32, rowElements: shape.out, scaleBytes: 0, terms, pattern };
}

const planOf = (facts: WeightFacts, limits: Partial<DeviceLimits> = {}): Plan => {
  const plan = planJob(facts, { ...LIMITS, ...limits });
  if (typeof plan === "string") throw new Error(plan);
  return plan;
};

describe("memory traffic", () => {
  const shapes: readonly Shape[] = [
    { out: 576, in: 1536 },
    { out: 1536, in: 576 },
    { out: 2048, in: 8192 },
  ];

  it.each([
    ["any window, with 32 kB of workgroup memory", 32768, [3, 7, 15, 31, 47, 55, 63]],
    ["windows up to 31, with 16 kB", 16384, [3, 7, 15, 31]],
  ])("of a mask of N:M is at most three reads and one write of every weight: %s", (_, workgroupMemory, sizes) => {
    for (const shape of shapes)
      for (const method of ["magnitude", "wanda", "ria", "crepe"] as const)
        for (const size of sizes)
          for (const of of [4, 8, 16]) {
            const facts = factsOf(shape, method, { ...TWO_OF_FOUR, of }, size);
            const traffic = trafficOf(planOf(facts, { maxComputeWorkgroupStorageSize: workgroupMemory }));
            expect(traffic.readsPerWeight).toBeLessThanOrEqual(3);
            expect(traffic.writesPerWeight).toBe(1);
          }
  });

  it("is one read of every weight where the formula looks at nothing but the weight itself", () => {
    const { readsPerWeight, bytes } = trafficOf(planOf(factsOf({ out: 2048, in: 8192 }, "wanda", TWO_OF_FOUR)));
    expect(readsPerWeight).toBe(1);
    expect(bytes / (2048 * 8192)).toBeCloseTo(4 + 1 / 8, 1);
  });
});

describe("slices", () => {
  it("part the output rows, hold the neighbours of their windows, and fit the buffers", () => {
    fc.assert(
      fc.property(
        fc.record({
          shape: fc.record({ out: fc.integer({ min: 1, max: 3000 }), in: fc.integer({ min: 1, max: 300 }) }),
          order: fc.constantFrom("in-out" as const, "out-in" as const),
          elementBits: fc.constantFrom(2, 4, 8, 16, 32),
          size: fc.constantFrom(1, 3, 31, 63),
          binding: fc.integer({ min: 1 << 17, max: 1 << 20 }),
        }),
        ({ shape, order, elementBits, size, binding }) => {
          const rowElements = order === "in-out" ? shape.out : shape.in;
          const facts = { ...factsOf(shape, "crepe", BY_ROW, size), order, elementBits, rowElements };
          const plan = planJob(facts, { ...LIMITS, maxStorageBufferBindingSize: binding });
          if (typeof plan === "string") {
            expect(plan).toMatch(new RegExp(`takes .*(${binding}|MiB)`));
            return;
          }
          const half = (size - 1) / 2;
          let next = 0;
          for (const { first, count, loadFirst, loadCount } of plan.slices) {
            expect(first).toBe(next);
            expect(loadFirst).toBe(Math.max(0, first - half));
            expect(loadFirst + loadCount).toBe(Math.min(shape.out, first + count + half));
            next += count;
          }
          expect(next).toBe(shape.out);
          expect(plan.bytes.weight).toBeLessThanOrEqual(binding);
          expect(plan.bytes.scores).toBeLessThanOrEqual(binding);
        },
      ),
    );
  });

  it("are one where the weight fits", () => {
    expect(planOf(factsOf({ out: 1536, in: 576 }, "crepe", TWO_OF_FOUR)).slices).toHaveLength(1);
  });
});

describe("all buffers of a job", () => {
  const head = { out: 128256, in: 2048 };
  const byMatrix: Pattern = { kind: "unstructured", sparsity: 0.5, scope: "matrix" };
  const codes = { elementBits: 8, scaleBytes: (8 * head.out * head.in) / 32 };

  it.each([
    ["a head of 8-bit codes by row", { ...factsOf(head, "ria", BY_ROW), ...codes }, 2 ** 29],
    [
      "the same in [out, in]",
      { ...factsOf(head, "ria", BY_ROW), ...codes, order: "out-in", rowElements: 2048 },
      2 ** 29,
    ],
    ["the same in groups", { ...factsOf(head, "crepe", TWO_OF_FOUR), ...codes }, 2 ** 28],
    ["float32 by row", factsOf({ out: 8192, in: 28672 }, "crepe", BY_ROW), 2 ** 29],
    ["float32 by matrix", factsOf({ out: 8192, in: 8192 }, "ria", byMatrix), 2 ** 29],
    ["a small one", factsOf({ out: 300, in: 300 }, "ria", BY_ROW), 2 ** 20],
  ] as const)("take no more than they may: %s", (_, facts, memory) => {
    const plan = planOf(facts, { memory });
    const held = heldBytes(plan, LIMITS.maxBufferSize);
    expect(held).toBeGreaterThan(Object.values(plan.bytes).reduce((sum, bytes) => sum + bytes, 0));
    expect(held).toBeLessThanOrEqual(memory);
  });
});

describe("a refusal", () => {
  const refusal = (facts: WeightFacts, limits: Partial<DeviceLimits> = {}) => planJob(facts, { ...LIMITS, ...limits });
  const shape = { out: 512, in: 4096 };

  it("says what a window needs and what the device has", () => {
    expect(refusal(factsOf(shape, "crepe", TWO_OF_FOUR, 63), { maxComputeWorkgroupStorageSize: 8192 })).toMatch(
      /^a window of 63 needs \d+ bytes of workgroup memory, the device has 8192 \(maxComputeWorkgroupStorageSize\)$/,
    );
  });

  it("says what one row with its neighbours takes", () => {
    expect(
      refusal(factsOf(shape, "crepe", { ...BY_ROW, scope: "row" }, 31), {
        maxStorageBufferBindingSize: 2 ** 18 + 1,
      }),
    ).toBe(
      "one output row with 30 neighbours takes 507904 bytes, the device binds 262145 (maxStorageBufferBindingSize)",
    );
  });

  it("says what the scores of a matrix take", () => {
    const facts = factsOf({ out: 8192, in: 28672 }, "ria", { kind: "unstructured", sparsity: 0.5, scope: "matrix" });
    expect(refusal(facts)).toBe(
      "the scores of the matrix take 896 MiB, of 512 MiB that all buffers may take (option memory)",
    );
  });

  it("says what the buffers take where no slice is small enough, of however many", () => {
    expect(refusal(factsOf({ out: 500_000, in: 64 }, "ria", BY_ROW), { memory: 2 ** 20 })).toMatch(
      /^in slices of 64 output rows its buffers take \d+ MiB, of 1 MiB they may \(option memory\)$/,
    );
  });

  it("says how many threads and workgroups the kernels need", () => {
    const few = { maxComputeInvocationsPerWorkgroup: 128 };
    expect(refusal(factsOf(shape, "ria", { ...BY_ROW, scope: "matrix" }), few)).toBe(
      "workgroups have 256 threads, the device runs 128 (maxComputeInvocationsPerWorkgroup)",
    );
    expect(refusal(factsOf(shape, "ria", BY_ROW), few)).toBeTypeOf("object");
    for (const [long, pattern] of [
      [{ out: 4_194_304, in: 4 }, TWO_OF_FOUR],
      [{ out: 1, in: 2_097_152 }, BY_ROW],
    ] as const)
      expect(refusal(factsOf(long, "wanda", pattern))).toBe(
        "it takes 65536 workgroups along an axis, the device runs 65535 (maxComputeWorkgroupsPerDimension)",
      );
    expect(refusal(factsOf({ out: 4_194_304, in: 4 }, "wanda", TWO_OF_FOUR), { sliceRows: 4096 })).toBeTypeOf("object");
  });

  it("meets groups larger than 64 and groups that are to be chosen", () => {
    expect(refusal(factsOf(shape, "wanda", { ...TWO_OF_FOUR, of: 128 }))).toBe(
      "groups of 128 do not fit in registers, at most 64 do",
    );
    expect(refusal(factsOf(shape, "wanda", { ...TWO_OF_FOUR, permute: true }))).toBe(
      "chosen groups are found on the cpu",
    );
  });
});
