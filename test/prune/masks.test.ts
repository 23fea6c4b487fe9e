import { afterEach, describe, expect, it } from "vitest";
import { collectStatistics, openSamples, type TargetStatistics } from "../../src/calibrate/index.js";
import { createCpuDevice } from "../../src/compute/cpu/index.js";
import type { ComputedMask } from "../../src/compute/index.js";
import { buildModel, findTargets, type Target } from "../../src/graph/index.js";
import { openModel, readTensor, writeModel } from "../../src/onnx/index.js";
import { countKept, isKept, type Mask } from "../../src/pattern/index.js";
import type { ProgressEvent } from "../../src/progress.js";
import {
  computeMasks,
  type Masked,
  maskBySamples,
  maskEdits,
  onDevice,
  type Plan,
  ProgressMeter,
  scoreMethod,
} from "../../src/prune/index.js";
import { type ChannelStatistics, channelFactor, coefficientsOf, depthOf, methodOf } from "../../src/score/index.js";
import { openCpu } from "../helpers/cpu-device.js";
import { referenceMask, referenceScores, retainedShare } from "../helpers/reference-mask.js";
import { testRuntime } from "../helpers/runtime.js";
import { bytesOfEdit, languageModel, planOf, quietMeter, TOKENS } from "./tiny.js";

const runtime = testRuntime();
afterEach(() => expect(runtime.openSessions()).toBe(0));

const services = {
  runtime,
  sessionOptions: {},
  tokenizer: () => Promise.reject(new Error("not asked for")),
  openDevice: openCpu,
};

/** Plan and masks of the tiny model, calibrated on token ids. */
async function masked(
  option: object,
  spec = languageModel(),
): Promise<{ plan: Plan; masked: Masked; calibration: string }> {
  const plan = await planOf({ pattern: "2:4", calibration: { tokens: TOKENS }, ...option }, spec);
  const [result] = await maskBySamples([plan], services, quietMeter);
  if (result === undefined) throw new Error("no masks");
  return result;
}

const WINDOWED = { row: 0.1, column: 0.4, window: 0.5, size: 3, power: 0.8 };

const byName = <T>(map: ReadonlyMap<Target, T>) => new Map([...map].map(([{ name }, own]) => [name, own] as const));
const bitsOf = ({ masks }: Masked) => [...masks.values()].map(({ bits }) => [...bits]);

/** Holds the mask of a target, and what it retains, against the slow reference. */
async function expectAsReference(
  plan: Plan,
  target: Target,
  statistics: ChannelStatistics | undefined,
  mask: ComputedMask,
): Promise<void> {
  const { shape, tensor } = target;
  const stored = new Float32Array((await readTensor(tensor)).slice().buffer);
  const own = coefficientsOf(plan.coefficients, { kind: target.kind, depth: depthOf(target.layer, plan.layers) });
  const terms = methodOf(scoreMethod(plan)).terms(own, shape);
  const job = {
    shape,
    values: Array.from(
      { length: shape.out * shape.in },
      (_, k) =>
        // MatMul stores [in, out].
        stored[(k % shape.in) * shape.out + Math.floor(k / shape.in)] as number,
    ),
    terms,
    factor: [...channelFactor(terms, shape.in, statistics, target.name)],
    pattern: plan.pattern,
  };
  const expected = referenceMask(job);
  expect(kept(mask)).toEqual(expected);
  expect(mask.retained).toBeCloseTo(retainedShare(referenceScores(job), expected), 4);
}

const kept = (mask: Mask) =>
  Array.from({ length: mask.shape.out * mask.shape.in }, (_, k) =>
    isKept(mask, Math.floor(k / mask.shape.in), k % mask.shape.in),
  );

describe("masks by samples", () => {
  it.each(["magnitude", "wanda", "ria", "crepe", "stade"])("of %s are those of the reference", async (method) => {
    const { plan, masked: result } = await masked({ method });
    expect([...result.masks.keys()]).toEqual(plan.targets);
    for (const [target, mask] of result.masks) {
      await expectAsReference(plan, target, result.statistics?.get(target), mask);
      expect(countKept(mask)).toBe((target.shape.out * target.shape.in) / 2);
    }
  });

  it.each<[string, object]>([
    ["for all weights", WINDOWED],
    ["by kind", { ...WINDOWED, byKind: { fc: { power: 0.2, size: 5 } } }],
    ["by depth", { ...WINDOWED, byDepth: [{ power: 0.2, size: 5 }] }],
  ])("of coefficients %s are those of the reference", async (_, coefficients) => {
    // The head lies outside of the blocks and is of another kind.
    const option = { pattern: undefined, sparsity: 0.5, include: "*", coefficients };
    const { plan, masked: result } = await masked(option);
    for (const [target, mask] of result.masks)
      await expectAsReference(plan, target, result.statistics?.get(target), mask);
    const parts = "byKind" in coefficients || "byDepth" in coefficients;
    const plain = byName((await masked({ ...option, coefficients: WINDOWED })).masked.masks);
    for (const [target, mask] of result.masks)
      if (parts && target.layer === 0) expect(mask.bits).not.toEqual(plain.get(target.name)?.bits);
      else expect(mask.bits).toEqual(plain.get(target.name)?.bits);
  });

  it.each<[string, object]>([
    ["2:4", { pattern: "2:4" }],
    ["60%", { pattern: undefined, sparsity: 0.6 }],
    ["60% by row", { pattern: undefined, sparsity: 0.6, scope: "row" }],
  ])("of untuned CRePE are those of RIA at %s", async (_, pattern) => {
    const [crepe, ria] = [await masked({ method: "crepe", ...pattern }), await masked({ method: "ria", ...pattern })];
    expect(bitsOf(crepe.masked)).toEqual(bitsOf(ria.masked));
    expect(crepe.plan.pattern).toEqual(ria.plan.pattern);
  });

  it("of a method without calibration need no runtime", async () => {
    const plan = await planOf({ method: "magnitude", pattern: "2:4" });
    const noRuntime = { ...runtime, open: () => Promise.reject(new Error("must not be opened")) };
    const [result] = await maskBySamples([plan], { ...services, runtime: noRuntime }, quietMeter);
    expect(result?.masked.statistics).toBeNull();
    expect(result?.calibration).toBe("none");
  });

  it("of a file without linear layers need none either", async () => {
    const bare = { ...languageModel(), nodes: languageModel().nodes?.slice(0, 1) ?? [], outputs: [] };
    const { masked: result, plan } = await masked({}, bare);
    expect(plan.calibrated).toBe(false);
    expect(result.masks.size).toBe(0);
  });

  it("of several files are each calibrated alone", async () => {
    const option = { pattern: "2:4", calibration: { tokens: TOKENS } };
    const plans = [await planOf(option), await planOf({ ...option, method: "wanda" }, languageModel(5), "other")];
    const both = await maskBySamples(plans, services, quietMeter);
    expect(bitsOf((both[0] as { masked: Masked }).masked)).toEqual(bitsOf((await masked({})).masked));
    expect(bitsOf((both[1] as { masked: Masked }).masked)).toEqual(
      bitsOf((await masked({ method: "wanda" }, languageModel(5))).masked),
    );
  });

  it("are told with every sample and every weight", async () => {
    const events: ProgressEvent[] = [];
    const plan = await planOf({ method: "crepe", pattern: "2:4", passes: 2, calibration: { tokens: TOKENS } });
    const meter = new ProgressMeter((event) => events.push(event), "model", {
      calibrated: true,
      updated: false,
      passes: 2,
    });
    await maskBySamples([plan], services, () => meter);
    const steps = events.map(({ phase, done, total }) => `${phase} ${done}/${total}`);
    const pass = ["calibrate 0/3", "calibrate 1/3", "calibrate 2/3", "calibrate 3/3", "mask 1/2", "mask 2/2"];
    expect(steps).toEqual([...pass, ...pass]);
    expect(
      events
        .filter(({ phase }) => phase === "mask")
        .map(({ item }) => item)
        .sort(),
    ).toEqual(["layers.0.mlp.fc1", "layers.0.mlp.fc1", "layers.0.mlp.fc2", "layers.0.mlp.fc2"]);
    const percents = events.map(({ percent }) => percent);
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
  });
});

describe("more passes", () => {
  /** Statistics of a model that was really written with its zeros and opened again. */
  async function statisticsOfWritten(
    plan: Plan,
    masks: Masked["masks"],
  ): Promise<ReadonlyMap<string, ChannelStatistics>> {
    const chunks: Uint8Array[] = [];
    const sink = { write: async (_: string, chunk: Uint8Array) => void chunks.push(Uint8Array.from(chunk)) };
    await writeModel(plan.model.onnx, { tensors: maskEdits(masks) }, sink, { fileName: "model.onnx" });
    const model = buildModel(await openModel(Uint8Array.from(Buffer.concat(chunks))));
    const targets = findTargets(model).targets.filter(({ denseByDefault }) => denseByDefault === null);
    const samples = await openSamples(plan.options.calibration, services.tokenizer, "written");
    const options = { runtime, sessionOptions: {}, edits: {} };
    return byName(await collectStatistics(model, targets, samples, options, {}));
  }

  it("collect on the model as the pass before pruned it, and score the dense weights again", async () => {
    const one = await masked({ passes: 1, method: "wanda" });
    const two = await masked({ passes: 2, method: "wanda" });
    const first = byName(one.masked.statistics as TargetStatistics);
    const second = byName(two.masked.statistics as TargetStatistics);
    // The input of the first layer comes before all that is pruned; that of the second does not.
    expect(second.get("layers.0.mlp.fc1")).toEqual(first.get("layers.0.mlp.fc1"));
    expect(second.get("layers.0.mlp.fc2")).not.toEqual(first.get("layers.0.mlp.fc2"));
    expect(second).toEqual(await statisticsOfWritten(one.plan, one.masked.masks));
    for (const [target, mask] of two.masked.masks)
      await expectAsReference(two.plan, target, second.get(target.name), mask);
    expect(bitsOf(two.masked)).not.toEqual(bitsOf(one.masked));
  });

  it("start from the masks of the pass before, not of the first", async () => {
    const two = await masked({ passes: 2, method: "wanda" });
    const three = await masked({ passes: 3, method: "wanda" });
    expect(byName(three.masked.statistics as TargetStatistics)).toEqual(
      await statisticsOfWritten(two.plan, two.masked.masks),
    );
  });

  it("are each file's own: one that asks for fewer keeps its masks", async () => {
    const option = { pattern: "2:4", method: "wanda", calibration: { tokens: TOKENS } };
    const once = await planOf({ ...option, passes: 1 }, languageModel(1), "once");
    const twice = await planOf({ ...option, passes: 2 }, languageModel(2), "twice");
    const never = await planOf({ pattern: "2:4", method: "magnitude", passes: 2 }, languageModel(3), "never");
    const asked: { plans: string[]; pruned: string[]; pass: number }[] = [];
    const device = createCpuDevice({ threads: 1 });
    await computeMasks(
      [once, never, twice],
      async (plans, tensors, pass) => {
        asked.push({ plans: plans.map(({ name }) => name), pruned: [...tensors.keys()].map(({ name }) => name), pass });
        return new Map(plans.map((plan) => [plan, new Map(plan.targets.map((target) => [target, ones(target)]))]));
      },
      onDevice(device),
      quietMeter,
    );
    await device.close();
    expect(asked).toEqual([
      { plans: ["once", "twice"], pruned: [], pass: 0 },
      { plans: ["twice"], pruned: ["once", "never", "twice"], pass: 1 },
    ]);
  });

  const ones = ({ shape }: Target): ChannelStatistics => ({
    tokens: 1,
    sum: new Float64Array(shape.in).fill(1),
    sumOfSquares: new Float64Array(shape.in).fill(1),
  });
});

describe("what goes wrong on the way", () => {
  it.each([
    ["between samples", 1],
    ["after the last sample, before the first mask", 3],
  ])("an abort %s ends with the signal's reason", async (_, sample) => {
    const controller = new AbortController();
    const plan = await planOf({
      method: "wanda",
      pattern: "2:4",
      calibration: { tokens: TOKENS },
      signal: controller.signal,
    });
    const events: ProgressEvent[] = [];
    const listen = (event: ProgressEvent) => {
      events.push(event);
      if (event.phase === "calibrate" && event.done === sample) controller.abort(new Error("enough"));
    };
    const meter = new ProgressMeter(listen, "model", { calibrated: true, updated: false, passes: 1 });
    await expect(maskBySamples([plan], services, () => meter)).rejects.toThrow("enough");
    expect(events.at(-1)).toMatchObject({ phase: "calibrate", done: sample });
  });

  it("a weight that holds NaN is an error that names it", async () => {
    const spec = languageModel();
    const fc2 = spec.initializers?.find(({ name }) => name === "layers.0.mlp.fc2.weight");
    const values = new Float32Array(32 * 16).fill(1);
    values[5] = Number.NaN;
    if (fc2) fc2.rawData = new Uint8Array(values.buffer);
    await expect(masked({ method: "magnitude" }, spec)).rejects.toMatchObject({
      code: "bad-weight",
      message: expect.stringContaining('"layers.0.mlp.fc2"'),
    });
  });
});

it("edits write zeros where masks have them, and count what they write", async () => {
  const { plan, masked: result } = await masked({ method: "magnitude" });
  const seen = new Map<Target, number>();
  const edits = maskEdits(result.masks, (target, zeros) => seen.set(target, zeros));
  expect(seen.size).toBe(0);
  for (const target of plan.targets) {
    const pruned = await bytesOfEdit(edits.get(target.tensor));
    const values = new Float32Array(pruned.slice().buffer);
    expect(seen.get(target)).toBe(values.filter((x) => x === 0).length);
    const dense = new Float32Array((await readTensor(target.tensor)).slice().buffer);
    const mask = kept(result.masks.get(target) as Mask);
    values.forEach((x, at) => {
      const [i, o] = [Math.floor(at / target.shape.out), at % target.shape.out];
      expect(x).toBe(mask[o * target.shape.in + i] ? dense[at] : 0);
    });
  }
});
