/** What a bound on memory does to updates: groups and parts become smaller, results stay. */
import { afterEach, expect, it } from "vitest";
import { BESIDE_WEIGHTS } from "../../src/calibrate/collect-in-parts.js";
import { openSamples } from "../../src/calibrate/index.js";
import { openPlan, type Plan, ProgressMeter } from "../../src/prune/index.js";
import { updateModel } from "../../src/prune/update-model.js";
import type { Runtime } from "../../src/runtime/index.js";
import { type Unfinished, unfinishedInMemory } from "../../src/store/index.js";
import { testRuntime } from "../helpers/runtime.js";
import { AUSTEN } from "../helpers/tokenizer.js";
import { resolved } from "./tiny.js";

const TOKENS = Array.from({ length: 4 }, (_, s) => Array.from({ length: 48 }, (_, t) => (t * 37 + s * 101 + 3) % 1000));

const runtime = testRuntime();
const opened: Plan[] = [];
afterEach(async () => {
  expect(runtime.openSessions()).toBe(0);
  for (const plan of opened.splice(0)) await plan.model.onnx.close();
});

async function planOf(memory: number | null, how: object = {}): Promise<Plan> {
  const include = ["layers.0", "layers.1"];
  const options = resolved({ pattern: "2:4", include, calibration: { tokens: TOKENS }, ...how });
  const { calibration } = options;
  // Less than users may ask for, because so little fits into less.
  const bound = { ...options, calibration: { ...calibration, memory } };
  const plan = await openPlan({ input: `${AUSTEN}/onnx/model.onnx`, name: "model" }, bound);
  opened.push(plan);
  return plan;
}

/** A runtime, and the bytes of second moments of each group: what runs return of them, and what adds that up. */
function watched() {
  const bytes: number[] = [];
  let ofGroup = 0;
  const inMemory = unfinishedInMemory();
  const unfinished: Unfinished = {
    ...inMemory,
    write: (...part) => {
      bytes.push(ofGroup);
      ofGroup = 0;
      return inMemory.write(...part);
    },
  };
  const counting: Runtime = {
    ...runtime,
    async open(model, options) {
      const session = await runtime.open(model, options);
      const run = session.run.bind(session);
      let most = 0;
      session.run = async (feeds) => {
        const outputs = await run(feeds);
        const products = Object.entries(outputs).filter(([name]) => /moments\d+\/product/.test(name));
        most = products.reduce((sum, [, { dims }]) => {
          const channels = dims[0] as number;
          return sum + 4 * channels * channels + 4 * channels * (channels + 1);
        }, 0);
        return outputs;
      };
      const release = session.release.bind(session);
      session.release = async () => {
        ofGroup += most;
        await release();
      };
      return session;
    },
  };
  return { counting, unfinished, bytes };
}

async function updated(plan: Plan) {
  const { counting, unfinished, bytes } = watched();
  const { masked, inParts } = await updateModel(plan, {
    ...{ runtime: counting, sessionOptions: {}, device: null, unfinished },
    samples: await openSamples(plan.options.calibration, () => Promise.reject(new Error("no text")), plan.name),
    meter: ProgressMeter.of(plan, undefined),
  });
  const stored = new Map<string, Uint8Array>();
  for (const [{ name }, { bytes }] of masked.updates?.weights ?? []) stored.set(name, await bytes());
  return { masked, inParts, bytes, stored };
}

it("moments stay within what the bound leaves for them, in more groups, and every weight comes out the same", async () => {
  const room = 6e6;
  const [whole, bounded] = [await updated(await planOf(null)), await updated(await planOf(BESIDE_WEIGHTS + room))];
  expect(whole.bytes).toHaveLength(1);
  expect(whole.masked.updates).toMatchObject({ groups: 1, notes: [] });

  const [all] = whole.bytes as [number];
  const most = Math.max(...bounded.bytes);
  expect(bounded.bytes.length).toBeGreaterThan(1);
  expect(bounded.masked.updates?.groups).toBe(bounded.bytes.length);
  expect(bounded.bytes.reduce((sum, own) => sum + own, 0)).toBe(all);
  expect(most).toBeLessThanOrEqual(room / 2);
  expect(whole.inParts).toBe("");
  const parts = /^, run in (\d+) parts of at most \d+ MB of weights/.exec(bounded.inParts)?.[1];
  expect(Number(parts)).toBeGreaterThanOrEqual(bounded.bytes.length);
  expect([...bounded.stored.keys()].sort()).toEqual([...whole.stored.keys()].sort());
  for (const [name, bytes] of bounded.stored)
    expect(Buffer.compare(bytes, whole.stored.get(name) as Uint8Array)).toBe(0);
});

it("moments of one activation that exceed the bound are collected all the same, and a note says so", async () => {
  const { masked, bytes } = await updated(await planOf(BESIDE_WEIGHTS + 5.2e6));
  expect(bytes.length).toBe(masked.updates?.groups);
  expect(masked.updates?.notes).toEqual([
    expect.stringMatching(/^calibration\.memory leaves 1 MB for second moments; those of \d+ of \d+ groups/),
  ]);
});

it("for the dense model's outputs the moments of both models count, their product, and what layers add to", async () => {
  const how = { method: "sparsegpt", sequential: { groups: 1 }, target: "outputs", repair: [] };
  const plan = await planOf(BESIDE_WEIGHTS + 5.2e6, how);
  const { masked, bytes, inParts } = await updated(plan);
  const inputs = new Map(plan.targets.map(({ uses: [use], shape }) => [use?.activation, shape.in]));
  const products = [...inputs.values()].reduce((sum, channels) => sum + 8 * channels * channels, 0);
  const residuals = plan.targets
    .filter(({ name }) => /o_proj|down_proj/.test(name))
    .reduce((sum, { shape }) => sum + 8 * shape.out * shape.in, 0);
  // Moments of both models, as runs returned them and as they were added up.
  const [moments] = bytes as [number];
  const megabytes = (moments + products + residuals) / 1e6;
  const [, said] = /took up to (\d+) MB/.exec(masked.updates?.notes[0] ?? "") ?? [];
  expect(Math.abs(Number(said) - megabytes)).toBeLessThanOrEqual(1);
  // Both models have their weights in memory.
  expect(inParts).toMatch(/more than calibration\.memory leaves for them/);
});

it("a bound that the largest update alone exceeds is named as what it is", async () => {
  const { masked } = await updated(await planOf(BESIDE_WEIGHTS + 1e6));
  expect(masked.updates?.notes).toEqual([
    "the update of the largest layer works with 5 MB beside 250 MB for everything else, more than calibration.memory, 251 MB",
  ]);
});
