/** Walks through models, held to calibrations of the whole model with all that earlier visits changed. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { type GroupBy, groupsOf } from "../../src/calibrate/groups.js";
import { collectMoments, openSamples, type Samples, type TargetMoments } from "../../src/calibrate/index.js";
import { type GroupInput, walkGroups } from "../../src/calibrate/walk-groups.js";
import { buildModel, findTargets, type Model, type Target } from "../../src/graph/index.js";
import type { Dense, Products } from "../../src/linalg/products.js";
import { fullProduct, type SecondMoments } from "../../src/linalg/second-moments.js";
import { type ModelEdits, type OnnxTensor, openModel, readTensor, serializeModel } from "../../src/onnx/index.js";
import { resolvePruneOption } from "../../src/options/index.js";
import { biasEdits } from "../../src/rewrite/bias-edits.js";
import { llamaBytes, llamaEdits } from "../helpers/llama.js";
import { bytesOf, DATA_TYPE, float32, ifNode, modelBytes, node, value } from "../helpers/model.js";
import { floats, int64s, testRuntime } from "../helpers/runtime.js";
import { AUSTEN } from "../helpers/tokenizer.js";
import { samplesOf } from "./reference.js";
import { LLAMA, TOKENS } from "./small-llama.js";

type Edits = NonNullable<ModelEdits["tensors"]>;

const runtime = testRuntime();
const opened: Model[] = [];
// Other tests and processes keep their files in the system's own folder.
const temporary = mkdtempSync(join(tmpdir(), "walk-groups-"));
vi.stubEnv("TMPDIR", temporary);
afterEach(async () => {
  expect(runtime.openSessions()).toBe(0);
  expect(readdirSync(temporary)).toEqual([]);
  for (const model of opened.splice(0)) await model.onnx.close();
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(temporary, { recursive: true });
});

async function modelFrom(input: Uint8Array | string): Promise<Model> {
  const model = buildModel(await openModel(input));
  opened.push(model);
  return model;
}

async function llama(): Promise<Model> {
  const empty = await openModel(llamaBytes(LLAMA));
  return modelFrom((await serializeModel(empty, { tensors: llamaEdits(empty, LLAMA) })).bytes);
}

function tokenSamples(tokens = TOKENS): Promise<Samples> {
  const resolved = resolvePruneOption({ calibration: { tokens } }).forFile("model");
  if (resolved === null) throw new Error("left dense");
  return openSamples(resolved.calibration, () => Promise.reject(new Error("no text")), "model");
}

const targetsOf = (model: Model) => findTargets(model).targets.filter(({ denseByDefault }) => denseByDefault === null);

/** Every second value of a tensor is 0. */
async function halved(tensor: OnnxTensor): Promise<Edits> {
  const values = new Float32Array((await readTensor(tensor)).slice().buffer);
  for (let k = 0; k < values.length; k += 2) values[k] = 0;
  return new Map([[tensor, { kind: "bytes", byteLength: values.byteLength, bytes: () => bytesOf(values) }]]);
}

const joined = (...edits: readonly Edits[]): Edits => new Map(edits.flatMap((one) => [...one]));

const options = { runtime, sessionOptions: {}, edits: {} };

/** X'ᵀ X by loops. */
const products: Products = {
  async multiply(a, b) {
    const values = new Float32Array(a.columns * b.columns);
    for (let t = 0; t < a.rows; t++)
      for (let i = 0; i < a.columns; i++)
        for (let j = 0; j < b.columns; j++)
          values[i * b.columns + j] =
            (values[i * b.columns + j] as number) +
            (a.values[t * a.columns + i] as number) * (b.values[t * b.columns + j] as number);
    return { rows: a.columns, columns: b.columns, values: values as never };
  },
};

/** Bit for bit. */
function expectSame(found: TargetMoments, group: readonly Target[], whole: TargetMoments): void {
  expect([...found.keys()]).toEqual(group);
  for (const target of group) {
    const [own, expected] = [found, whole].map((all) => all.get(target)) as [SecondMoments, SecondMoments];
    expect(own.tokens).toBe(expected.tokens);
    for (const part of ["sum", "packed"] as const)
      expect(Buffer.compare(bytesOf(own[part]), bytesOf(expected[part])), `${target.name}: ${part}`).toBe(0);
  }
}

/** Relative to the largest number of the product. */
function expectNear(found: TargetMoments, expected: TargetMoments, tolerance: number): void {
  expect([...found.keys()]).toEqual([...expected.keys()]);
  for (const [target, { tokens, packed, sum }] of expected) {
    const own = found.get(target);
    expect(own?.tokens).toBe(tokens);
    const largest = packed.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
    const off = (a: Float64Array | undefined, b: Float64Array) =>
      b.reduce((most, one, k) => Math.max(most, Math.abs(one - (a?.[k] as number))), 0) / largest;
    expect(off(own?.packed, packed)).toBeLessThan(tolerance);
    expect(off(own?.sum, sum)).toBeLessThan(tolerance);
  }
}

describe("a walk in which nothing changes", () => {
  it.each<[string, () => Promise<Model>, GroupBy, number?]>([
    ["every input of a Llama by itself", llama, { kind: "input" }],
    ["two groups of blocks", llama, { kind: "blocks", groups: 2 }],
    ["as many inputs as fit", llama, { kind: "bytes", most: 700_000 }],
    ["parts of groups, which wait in files", llama, { kind: "blocks", groups: 1 }, 2e5],
    ["every input of a model as optimum exports it", () => modelFrom(`${AUSTEN}/onnx/model.onnx`), { kind: "input" }],
  ])("has the moments of the whole, bit for bit: %s", async (_, open, by, mostBytes) => {
    const model = await open();
    const targets = targetsOf(model);
    const samples = await tokenSamples();
    const whole = await collectMoments(model, targets, samples, options, {});
    const groups = groupsOf(model, targets, by);
    const met: Target[] = [];
    const bound = mostBytes === undefined ? {} : { mostBytes };
    const { parts } = await walkGroups(
      model,
      groups,
      samples,
      { ...options, ...bound },
      async (group, { moments }) => {
        expectSame(moments, group, whole);
        met.push(...group);
        return undefined;
      },
      {},
    );
    expect(new Set(met)).toEqual(new Set(targets));
    expect(parts).toBeGreaterThan(by.kind === "blocks" && mostBytes === undefined ? 1 : 2);
  });

  it("through one group is one session that carries nothing", async () => {
    const model = await llama();
    const groups = groupsOf(model, targetsOf(model), { kind: "blocks", groups: 1 });
    expect(groups).toHaveLength(1);
    const { parts } = await walkGroups(model, groups, await tokenSamples(), options, async () => undefined, {});
    expect(parts).toBe(1);
  });
});

describe("groups are in the order of the data's way", () => {
  it("with the readers of one activation together", async () => {
    const model = await llama();
    const kinds = groupsOf(model, targetsOf(model), { kind: "input" }).map((group) => group.map(({ kind }) => kind));
    const block = [["q", "k", "v"], ["o"], ["gate", "up"], ["down"]];
    expect(kinds).toEqual([...block, ...block, ...block]);
  });

  it("and blocks stay whole", async () => {
    const model = await llama();
    const layers = (groups: number) =>
      groupsOf(model, targetsOf(model), { kind: "blocks", groups }).map((group) => [
        ...new Set(group.map(({ layer }) => layer)),
      ]);
    expect(layers(2)).toEqual([[0, 1], [2]]);
    expect(layers(99)).toEqual([[0], [1], [2]]);
  });

  it("and each holds as much as fits, but at least one input", async () => {
    const model = await llama();
    const sizes = (most: number) =>
      groupsOf(model, targetsOf(model), { kind: "bytes", most }).map(({ length }) => length);
    expect(sizes(1)).toEqual([3, 1, 2, 1, 3, 1, 2, 1, 3, 1, 2, 1]);
    expect(sizes(1e9)).toEqual([21]);
  });
});

describe("a walk whose visits change weights shows later groups the changed model", () => {
  it.each<[string, () => Promise<Model>, GroupBy, number?]>([
    ["input by input", llama, { kind: "input" }],
    ["block by block, in parts of blocks", llama, { kind: "blocks", groups: 3 }, 2e5],
  ])("%s", async (_, open, by, mostBytes) => {
    const model = await open();
    const samples = await tokenSamples();
    let changed: Edits = new Map();
    const bound = mostBytes === undefined ? {} : { mostBytes };
    await walkGroups(
      model,
      groupsOf(model, targetsOf(model), by),
      samples,
      { ...options, ...bound },
      async (group, { moments }) => {
        expectNear(
          moments,
          await collectMoments(model, group, samples, { ...options, edits: { tensors: changed } }, {}),
          1e-6,
        );
        const edits = joined(...(await Promise.all(group.map(({ tensor }) => halved(tensor)))));
        changed = joined(changed, edits);
        return { tensors: edits };
      },
      {},
    );
    expect(changed.size).toBe(21);
  });

  it("norms included, although they ran before the group was known", async () => {
    const model = await llama();
    const samples = await tokenSamples();
    const norms = model.graph.onnx.initializers.filter(({ name }) => /norm/i.test(name));
    const normOf = (group: readonly Target[]) =>
      norms.filter(({ name }) =>
        group.some(({ layer, kind }) => kind === "gate" && name.includes(`layers.${layer}.post_attention`)),
      );
    let changed: Edits = new Map();
    const edited = (group: readonly Target[]) => [...group.map(({ tensor }) => tensor), ...normOf(group)];
    const groups = groupsOf(model, targetsOf(model), { kind: "input" });
    await walkGroups(
      model,
      groups,
      samples,
      { ...options, edited },
      async (group, { moments }) => {
        expectNear(
          moments,
          await collectMoments(model, group, samples, { ...options, edits: { tensors: changed } }, {}),
          1e-6,
        );
        const edits = joined(...(await Promise.all([...edited(group)].map(halved))));
        changed = joined(changed, edits);
        return { tensors: edits };
      },
      {},
    );
    expect(changed.size).toBe(24);
  });

  it("where a weight is used twice, once before and once after others, and within an If", async () => {
    const square = (name: string, seed: number) =>
      float32(
        name,
        [8, 8],
        Array.from({ length: 64 }, (_, i) => Math.cos(i * seed + 1) / 2),
      );
    const branch = (name: string) => ({
      nodes: [node("MatMul", ["b", "u"], [name])],
      outputs: [value(name, [null, 8])],
    });
    const model = await modelFrom(
      modelBytes({
        inputs: [value("x", ["tokens", 8]), value("on", [1], DATA_TYPE.int64)],
        nodes: [
          node("MatMul", ["x", "w"], ["a"]),
          node("Tanh", ["a"], ["ta"]),
          node("MatMul", ["ta", "v"], ["b"]),
          node("Cast", ["on"], ["is_on"], { to: 9 }),
          ifNode("is_on", ["c"], branch("c1"), branch("c2")),
          node("MatMul", ["c", "w"], ["d"]),
          node("MatMul", ["d", "z"], ["e"]),
        ],
        initializers: [square("w", 1), square("v", 2), square("u", 3), square("z", 4)],
        outputs: [value("e", [null, 8])],
      }),
    );
    const { targets } = findTargets(model);
    const x = (seed: number) =>
      floats(
        runtime,
        Array.from({ length: 24 }, (_, i) => Math.sin(i * seed)),
        [3, 8],
      );
    const samples = samplesOf([1, 0].map((on, k) => ({ x: x(k + 1), on: int64s(runtime, [on], [1]) })));
    const groups = groupsOf(model, targets, { kind: "input" });
    expect(groups.map((group) => group.map(({ tensor }) => tensor.name))).toEqual([["v"], ["u"], ["w"], ["z"]]);
    let changed: Edits = new Map();
    await walkGroups(
      model,
      groups,
      samples,
      options,
      async (group, { moments }) => {
        expectNear(
          moments,
          await collectMoments(model, group, samples, { ...options, edits: { tensors: changed } }, {}),
          1e-6,
        );
        const edits = await halved(group[0]?.tensor as OnnxTensor);
        changed = joined(changed, edits);
        return { tensors: edits };
      },
      {},
    );
  });

  it("also where it goes on from what an earlier walk did", async () => {
    const model = await llama();
    const samples = await tokenSamples();
    const groups = groupsOf(model, targetsOf(model), { kind: "blocks", groups: 3 });
    const [first = [], ...rest] = groups;
    const changed = joined(...(await Promise.all(first.map(({ tensor }) => halved(tensor)))));
    const [group = []] = rest;
    const visit = async (_: readonly Target[], { moments, dense }: GroupInput) => {
      expectNear(
        moments,
        await collectMoments(model, group, samples, { ...options, edits: { tensors: changed } }, {}),
        1e-6,
      );
      expectNear(dense?.moments ?? new Map(), await collectMoments(model, group, samples, options, {}), 1e-9);
      return undefined;
    };
    await walkGroups(
      model,
      [group],
      samples,
      { ...options, changed: { tensors: changed }, dense: { products } },
      visit,
      {},
    );
  });

  it("with biases that the graph gets", async () => {
    const model = await llama();
    const samples = await tokenSamples();
    const groups = groupsOf(model, targetsOf(model), { kind: "input" });
    const shifts = new Map<Target, Float32Array>();
    let moved = 0;
    await walkGroups(
      model,
      groups,
      samples,
      options,
      async (group, { moments }) => {
        const edits = biasEdits(shifts);
        expectNear(moments, await collectMoments(model, group, samples, { ...options, edits }, {}), 1e-6);
        const [target] = group as [Target];
        const dense = await collectMoments(model, group, samples, options, {});
        if (dense.get(target)?.sum.some((one, i) => Math.abs(one - (moments.get(target)?.sum[i] ?? 0)) > 0.01)) moved++;
        const own = new Map(group.map((target) => [target, new Float32Array(target.shape.out).fill(0.1)]));
        for (const [target, shift] of own) shifts.set(target, shift);
        return biasEdits(own);
      },
      {},
    );
    expect(moved).toBe(groups.length - 1);
  });

  it("and refuses changes that earlier parts have not reckoned with", async () => {
    const model = await llama();
    const groups = groupsOf(model, targetsOf(model), { kind: "input" });
    const last = groups.at(-1)?.[0]?.tensor as OnnxTensor;
    const walk = walkGroups(
      model,
      groups,
      await tokenSamples(),
      options,
      async () => ({ tensors: await halved(last) }),
      {},
    );
    await expect(walk).rejects.toThrow(/is not among the tensors that may change/);
  });

  it("and stops between groups when it is aborted", async () => {
    const model = await llama();
    const controller = new AbortController();
    let visits = 0;
    const visit = async () => {
      if (++visits === 2) controller.abort(new Error("enough"));
      return undefined;
    };
    const groups = groupsOf(model, targetsOf(model), { kind: "input" });
    const walk = walkGroups(model, groups, await tokenSamples(), options, visit, { signal: controller.signal });
    await expect(walk).rejects.toThrow("enough");
    expect(visits).toBe(2);
  });
});

describe("a walk with the model as it was beside it", () => {
  it("gives both streams' moments, their product and the rows", async () => {
    const model = await llama();
    const samples = await tokenSamples();
    const targets = targetsOf(model);
    const groups = groupsOf(model, targets, { kind: "input" });
    const whole = await collectMoments(model, targets, samples, options, {});
    const wanted = { of: new Set(targets.filter(({ kind }) => kind === "gate")), mostTokens: 1000 };
    let isChanged = false;
    const seen: string[] = [];
    const visit = async (group: readonly Target[], { moments, rows, dense }: GroupInput) => {
      if (dense === null) throw new Error("no dense stream");
      expectNear(dense.moments, new Map(group.map((target) => [target, whole.get(target) as never])), 1e-9);
      const [target] = group as [Target];
      const own = moments.get(target) as NonNullable<ReturnType<typeof moments.get>>;
      const cross = dense.cross.get(target) as Dense<Float64Array>;
      expect([...group].every((one) => dense.cross.get(one) === cross)).toBe(true);
      if (!isChanged)
        expect(farthest(cross.values, fullProduct(own, new Float64Array(cross.values.length)))).toBeLessThan(1e-5);
      if (target.kind === "gate") {
        const [x, y] = [rows.get(target), dense.rows.get(target)] as [Dense, Dense];
        expect([x.rows, x.columns]).toEqual([65, 128]);
        // In float64, from the activations themselves.
        const product = new Float64Array(128 * 128);
        for (let t = 0; t < 65; t++)
          for (let i = 0; i < 128; i++)
            for (let j = 0; j < 128; j++)
              product[i * 128 + j] =
                (product[i * 128 + j] as number) +
                (x.values[t * 128 + i] as number) * (y.values[t * 128 + j] as number);
        expect(farthest(cross.values, product)).toBeLessThan(1e-6);
        seen.push(target.name);
      }
      isChanged = true;
      return { tensors: joined(...(await Promise.all(group.map(({ tensor }) => halved(tensor))))) };
    };
    await walkGroups(model, groups, samples, { ...options, dense: { products }, rows: wanted }, visit, {});
    expect(seen).toHaveLength(3);
  });

  it("also within the branches of an If, of which one runs", async () => {
    const branch = (name: string, act: string) => ({
      nodes: [node(act, ["h"], [`h_${name}`]), node("MatMul", [`h_${name}`, name], [`y_${name}`])],
      initializers: [
        float32(
          name,
          [4, 4],
          Array.from({ length: 16 }, (_, k) => k / 8),
        ),
      ],
      outputs: [value(`y_${name}`, ["tokens", 4])],
    });
    const model = await modelFrom(
      modelBytes({
        inputs: [value("x", ["tokens", 4]), value("c", [1], 9)],
        nodes: [
          node("MatMul", ["x", "w"], ["h"]),
          ifNode("c", ["y"], branch("w1", "Relu"), branch("w2", "Neg")),
          node("MatMul", ["y", "v"], ["z"]),
        ],
        initializers: ["w", "v"].map((name) =>
          float32(
            name,
            [4, 4],
            Array.from({ length: 16 }, (_, k) => Math.cos(k)),
          ),
        ),
        outputs: [value("z", ["tokens", 4])],
      }),
    );
    const { targets } = findTargets(model);
    const feeds = [1, 0].map((on) => ({
      x: floats(
        runtime,
        Array.from({ length: 8 }, (_, k) => Math.sin(k + on)),
        [2, 4],
      ),
      c: runtime.tensor("bool", Uint8Array.of(on), [1]),
    }));
    const samples = samplesOf(feeds);
    const groups = groupsOf(model, targets, { kind: "input" });
    expect(groups.map(({ length }) => length)).toEqual([1, 2, 1]);
    const rows = { of: new Set(targets), mostTokens: 3 };
    let changed: Edits = new Map();
    const visit = async (group: readonly Target[], input: GroupInput) => {
      expectNear(
        input.moments,
        await collectMoments(model, group, samples, { ...options, edits: { tensors: changed } }, {}),
        1e-6,
      );
      for (const target of group) {
        const [own, x] = [input.moments.get(target), input.rows.get(target)];
        expect(x?.rows).toBe(Math.min(3, own?.tokens as number));
        const cross = input.dense?.cross.get(target)?.values as Float64Array;
        if (changed.size === 0)
          expect(farthest(cross, fullProduct(own as never, new Float64Array(16)))).toBeLessThan(1e-6);
        expect(input.dense?.rows.get(target)?.rows).toBe(x?.rows);
      }
      const edits = joined(...(await Promise.all(group.map(({ tensor }) => halved(tensor)))));
      changed = joined(changed, edits);
      return { tensors: edits };
    };
    await walkGroups(model, groups, samples, { ...options, dense: { products }, rows }, visit, {});
    expect(changed.size).toBe(4);
  });

  it("gives the first rows without padding, no more than wanted", async () => {
    const table = Array.from({ length: 12 }, (_, k) => k + 1);
    const model = await modelFrom(
      modelBytes({
        inputs: [
          value("input_ids", ["batch", "tokens"], DATA_TYPE.int64),
          value("attention_mask", ["batch", "tokens"], DATA_TYPE.int64),
        ],
        nodes: [node("Gather", ["table", "input_ids"], ["e"]), node("MatMul", ["e", "w"], ["y"])],
        initializers: [float32("table", [3, 4], table), float32("w", [4, 4], table.concat(table.slice(0, 4)))],
        outputs: [value("y", ["batch", "tokens", 4])],
      }),
    );
    const { targets } = findTargets(model);
    const feeds = {
      input_ids: int64s(runtime, [0, 1, 2, 1, 2, 2], [2, 3]),
      attention_mask: int64s(runtime, [1, 1, 0, 1, 0, 0], [2, 3]),
    };
    const samples = samplesOf([feeds, feeds]);
    const row = (id: number) => table.slice(id * 4, (id + 1) * 4);
    const visit = async (_: readonly Target[], { rows }: GroupInput) => {
      const [x] = [...rows.values()];
      expect([...(x?.values ?? [])]).toEqual([row(0), row(1), row(1), row(0), row(1)].flat());
      return undefined;
    };
    await walkGroups(
      model,
      [targets],
      samples,
      { ...options, rows: { of: new Set(targets), mostTokens: 5 } },
      visit,
      {},
    );
    expect.assertions(1);
  });
});

function farthest(a: Float64Array, b: Float64Array): number {
  const largest = b.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
  return b.reduce((most, one, k) => Math.max(most, Math.abs(one - (a[k] as number))), 0) / largest;
}
