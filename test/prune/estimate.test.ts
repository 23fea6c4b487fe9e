import { describe, expect, it } from "vitest";
import { buildModel, findTargets } from "../../src/graph/index.js";
import { openModel } from "../../src/onnx/index.js";
import { resolvePruneOption } from "../../src/options/index.js";
import { estimateMemory, estimateSeconds, openPlan, type Plan, sessionBytes } from "../../src/prune/index.js";
import type { Speeds } from "../../src/prune/measure-speeds.js";
import { float16, float32, type ModelSpec, modelBytes, node, value } from "../helpers/model.js";

const C = 128;
const LOAD = { tokens: 1024, longestRun: 512, seconds: 0, otherSessions: 0, isRun: false };
const SPEEDS: Speeds = { hash: 1e9, mask: 1e8, zero: 1e8, forward: { multiply: 1e11, elementwise: 1e9 } };

const mlp = (name: string, from: string, to: string) =>
  node("MatMul", [from, name], [to], {}, { name: `/model/layers.0/mlp/${name}/MatMul` });

/** x → up → down → head: the last of them needs no run to be calibrated. */
const spec = (weight: typeof float32 | typeof float16 = float32): ModelSpec => ({
  inputs: [value("x", ["tokens", C])],
  nodes: [mlp("up_proj", "x", "a"), mlp("down_proj", "a", "b"), mlp("other_proj", "b", "y")],
  initializers: ["up_proj", "down_proj", "other_proj"].map((name) => weight(name, [C, C], new Array(C * C).fill(0.5))),
  outputs: [value("y", ["tokens", C])],
});

async function planOf(prune: unknown, model = spec()): Promise<Plan> {
  const options = resolvePruneOption(prune).forFile("model");
  if (options === null) throw new Error("nothing to prune");
  return openPlan({ input: modelBytes(model), name: "model" }, options);
}

describe("the memory of a session", () => {
  it("is that of the weights up to the last layer, each once, and of the activations of a run", async () => {
    const model = buildModel(await openModel(modelBytes(spec())));
    const { targets } = findTargets(model);
    const [up, down] = targets;
    const of = (...some: (typeof up)[]) => sessionBytes({ model, targets: some as typeof targets }, 0);
    const weight = 4 * C * C;
    // Nothing must run for what reads the input, and one layer for what reads the next.
    expect(of(up)).toBe(0);
    expect(of(up, down)).toBeGreaterThanOrEqual(weight);
    expect(of(up, down)).toBeLessThan(2.5 * weight);
    expect(sessionBytes({ model, targets }, 512)).toBeGreaterThan(sessionBytes({ model, targets }, 64));
  });

  it("is that of float32 and of what is stored for half floats, because the runtime makes such of them", async () => {
    const [single, half] = [await planOf("2:4"), await planOf("2:4", spec(float16))];
    // Two of the three layers must run.
    expect(sessionBytes(half, 512) - sessionBytes(single, 512)).toBe(2 * (2 * C * C));
  });
});

describe("an estimate", () => {
  it("counts what each part has to do", async () => {
    const of = async (prune: object, load = LOAD) => {
      const plan = await planOf(prune);
      return { memory: estimateMemory(plan, load, 2), seconds: estimateSeconds(plan, load, SPEEDS) };
    };
    const crepe = await of({ method: "crepe", pattern: "2:4" });
    const magnitude = await of({ method: "magnitude", pattern: "2:4" }, { ...LOAD, tokens: 0 });
    expect(magnitude.memory.calibrate).toBe(0);
    expect(magnitude.seconds.calibrate).toBe(0);
    expect(crepe.memory.calibrate).toBeGreaterThan(crepe.memory.read);
    const twice = await of({ method: "crepe", pattern: "2:4", passes: 2 });
    expect(twice.seconds.calibrate).toBeCloseTo(2 * (crepe.seconds.calibrate as number), 10);
    expect(twice.seconds.mask).toBeCloseTo(2 * (crepe.seconds.mask as number), 10);
    expect((await of({ method: "ria", pattern: "2:4", verify: true })).seconds.mask).toBeGreaterThan(
      crepe.seconds.mask as number,
    );
    const byMatrix = await of({ method: "ria", sparsity: 0.5, scope: "matrix" });
    expect(byMatrix.memory.mask).toBeGreaterThan(crepe.memory.mask);
    const longer = await of({ method: "crepe", pattern: "2:4" }, { ...LOAD, tokens: 2048 });
    expect(longer.seconds.calibrate).toBeGreaterThan(crepe.seconds.calibrate as number);
  });

  it("counts what updates add: moments, both models, and more work the more they do", async () => {
    const of = async (prune: object, load = LOAD) => {
      const plan = await planOf({ pattern: "2:4", ...prune });
      return { memory: estimateMemory(plan, load, 2), seconds: estimateSeconds(plan, load, SPEEDS) };
    };
    const [masks, balanced, best] = [await of({ preset: "fast" }), await of({}), await of({ preset: "best" })];
    expect([masks.memory.update, masks.seconds.update, balanced.memory.mask, balanced.seconds.mask]).toEqual([
      0, 0, 0, 0,
    ]);
    expect(balanced.memory.update).toBeGreaterThan(balanced.memory.calibrate);
    expect(balanced.seconds.calibrate).toBeGreaterThan(masks.seconds.calibrate as number);
    expect(best.seconds.calibrate).toBeGreaterThan(2 * (balanced.seconds.calibrate as number));
    const secondsOf = async (prune: object) => (await of(prune)).seconds.update as number;
    const [alone, admm] = [await secondsOf({ method: "sparsegpt" }), await secondsOf({ reconstruct: "admm" })];
    expect(balanced.seconds.update).toBeGreaterThan(alone);
    expect(admm).toBeGreaterThan(2 * alone);
    // Whoever runs the whole model runs no second one.
    const run = await of({ preset: "best" }, { ...LOAD, isRun: true });
    expect(run.seconds.calibrate).toBeLessThan(best.seconds.calibrate as number);
  });

  it("leaves open how long a calibration takes whose tokens nobody knows", async () => {
    const plan = await planOf("2:4");
    expect(estimateSeconds(plan, { ...LOAD, tokens: null }, SPEEDS).calibrate).toBeNull();
  });
});
