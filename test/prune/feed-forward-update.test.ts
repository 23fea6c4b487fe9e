/** Feed-forward blocks of real models, pruned as one, and what they give on text that calibration did not see. */
import { readFile } from "node:fs/promises";
import { AutoTokenizer } from "@huggingface/transformers";
import { afterEach, describe, expect, it } from "vitest";
import { textFeeds } from "../../src/calibrate/index.js";
import { decodeValues, resolveCoding, type Target, type Value } from "../../src/graph/index.js";
import { mergeEdits } from "../../src/onnx/merge-edits.js";
import { prunedCount } from "../../src/pattern/index.js";
import { withWholeBlocks } from "../../src/prune/feed-forward-update.js";
import { type Masked, maskBySamples, openPlan, type Plan } from "../../src/prune/index.js";
import { prunedEdits, readPruned } from "../../src/prune/updated.js";
import { openEdited } from "../../src/runtime/index.js";
import { openCpu } from "../helpers/cpu-device.js";
import { float32, type ModelSpec, node, uint8 } from "../helpers/model.js";
import { testRuntime } from "../helpers/runtime.js";
import { AUSTEN } from "../helpers/tokenizer.js";
import { CHANNELS, languageModel, planOf, quietMeter, resolved, TOKENS } from "./tiny.js";

const runtime = testRuntime();
const plans: Plan[] = [];
afterEach(async () => {
  expect(runtime.openSessions()).toBe(0);
  for (const plan of plans.splice(0)) await plan.model.onnx.close();
});

const MODELS = {
  "gated, silu": {
    folder: AUSTEN,
    block: ["layers.3.mlp.gate_proj", "layers.3.mlp.up_proj", "layers.3.mlp.down_proj"],
  },
  "plain, gelu-tanh": { folder: "test/fixtures/austen-gpt2", block: ["h.1.mlp.c_fc", "h.1.mlp.c_proj"] },
  "plain, gelu": {
    folder: "test/fixtures/tiny-bert",
    block: ["encoder.layer.1.intermediate.dense", "encoder.layer.1.output.dense"],
  },
} as const;
type ModelKind = keyof typeof MODELS;

/** Windows of a text as token ids. */
async function windows(folder: string, file: string, count: number, length: number): Promise<number[][]> {
  const tokenizer = await AutoTokenizer.from_pretrained(`${process.cwd()}/${folder}`, { local_files_only: true });
  const ids = tokenizer.encode(await readFile(`${AUSTEN}/${file}`, "utf8"), { add_special_tokens: false });
  return Array.from({ length: count }, (_, k) => ids.slice(k * length, (k + 1) * length));
}

interface Pruned {
  readonly plan: Plan;
  readonly masked: Masked;
}

async function prune(kind: ModelKind, options: object): Promise<Pruned> {
  const { folder, block } = MODELS[kind];
  const tokens = await windows(folder, "calibration.txt", 24, 128);
  const given = resolved({ sparsity: 0.7, method: "sparsegpt", include: block, calibration: { tokens }, ...options });
  const plan = await openPlan({ input: `${folder}/onnx/model.onnx`, name: "model" }, given);
  plans.push(plan);
  return { plan, masked: await maskedOf(plan) };
}

async function maskedOf(plan: Plan): Promise<Masked> {
  const tokenizer = async () => {
    throw new Error("token ids need no tokenizer");
  };
  const services = { runtime, sessionOptions: {}, tokenizer, openDevice: openCpu };
  const [done] = await maskBySamples([plan], services, quietMeter);
  return (done as { masked: Masked }).masked;
}

const lastOf = ({ targets }: Plan) => targets.at(-1) as Target;

/** ‖Y − Y'‖² / ‖Y‖² of what the pruned block adds, on other text; all before it is dense. */
async function blockError(kind: ModelKind, { plan, masked }: Pruned): Promise<number> {
  const { folder } = MODELS[kind];
  const { onnx } = plan.model;
  const result = lastOf(plan).uses[0]?.result as Value;
  const shape = [null, null, null];
  const addOutputs = [{ name: result.name, elemType: 1, shape }];
  const tap = { graphs: new Map([[onnx.graph, { addOutputs, keepOutputs: () => false }]]) };
  const texts = await windows(folder, "persuasion.txt", 8, 128);
  const outputs: Float32Array[][] = [];
  for (const edits of [tap, mergeEdits(tap, prunedEdits({ masks: masked.masks, updates: masked.updates ?? null }))]) {
    const session = await openEdited(runtime, onnx, edits, {});
    const all: Float32Array[] = [];
    for (const ids of texts) {
      const { [result.name]: output } = await session.run(textFeeds(runtime, session, [ids], "model"));
      all.push(Float32Array.from(output?.data as Float32Array));
    }
    await session.release();
    outputs.push(all);
  }
  const [dense, now] = outputs.map((all) => all.flatMap((values) => [...values])) as [number[], number[]];
  const energy = (values: readonly number[]) => values.reduce((sum, value) => sum + value * value, 0);
  return energy(dense.map((value, k) => value - (now[k] as number))) / energy(dense);
}

/** Values of a weight as the file gets them. */
async function valuesOf(target: Target, { masks, updates = null }: Masked): Promise<Float32Array> {
  return decodeValues(await readPruned(target, { masks, updates }), await resolveCoding(target), target);
}

const zerosIn = (values: Float32Array) => values.filter((value) => value === 0).length;

describe("a feed-forward block that is pruned as one", () => {
  it.each([
    ["gated, silu", 0.97],
    ["plain, gelu-tanh", 0.9],
    ["plain, gelu", 1],
  ] as const)(
    "(%s) gives more of what it gave on other text than its layers pruned by themselves",
    async (kind, share) => {
      const alone = await prune(kind, { reconstruct: "obs" });
      const together = await prune(kind, { reconstruct: "sparsellm" });
      const [before, after] = [await blockError(kind, alone), await blockError(kind, together)];
      expect(after).toBeLessThan(share * before);
      const { plan, masked } = together;
      expect(masked.updates).toMatchObject({ groups: 1, notes: [] });
      expect(plan.targets.map(({ name }) => name)).toEqual(MODELS[kind].block);
      for (const target of plan.targets)
        expect(zerosIn(await valuesOf(target, masked))).toBe(prunedCount(plan.pattern, target.shape));
      // The layers in front are what they were; only the last one is held to something else.
      const last = lastOf(plan);
      for (const target of plan.targets.filter((each) => each !== last)) {
        const same = alone.plan.targets.find(({ name }) => name === target.name) as Target;
        expect(await valuesOf(target, masked)).toEqual(await valuesOf(same, alone.masked));
      }
    },
  );
});

const FC1 = "layers.0.mlp.fc1";
const FC2 = "layers.0.mlp.fc2";

/** The tiny model with the last layer of its block in codes of eight bits. */
function quantised(): ModelSpec {
  const dense = languageModel();
  const random = Array.from({ length: 32 * CHANNELS }, (_, k) => 128 + Math.round(90 * Math.sin(k * k + k)));
  const codes = [
    uint8(`${FC2}.codes`, [32, CHANNELS], random),
    float32("scale", [], [0.013]),
    uint8("zero", [], [128]),
  ];
  const others = (dense.initializers ?? []).filter(({ name }) => name !== `${FC2}.weight`);
  const decode = node("DequantizeLinear", [`${FC2}.codes`, "scale", "zero"], [`${FC2}.weight`]);
  return { ...dense, nodes: [decode, ...(dense.nodes ?? [])], initializers: [...others, ...codes] };
}

async function pruneTiny(options: object, spec?: ModelSpec): Promise<Pruned> {
  const plan = await planOf({ pattern: "2:4", method: "sparsegpt", calibration: { tokens: TOKENS }, ...options }, spec);
  plans.push(plan);
  return { plan, masked: await maskedOf(plan) };
}

const bytesOf = async ({ plan, masked: { masks, updates = null } }: Pruned, name: string) =>
  readPruned(plan.targets.find((target) => target.name === name) as Target, { masks, updates });

describe("updates with sparsellm", () => {
  it("hold the last layer to what reaches it under the masks of any method", async () => {
    for (const method of ["wanda", "magnitude"]) {
      const alone = await pruneTiny({ method, reconstruct: "obs" });
      const together = await pruneTiny({ method, reconstruct: "sparsellm" });
      const maskOf = ({ plan, masked }: Pruned) => masked.masks.get(plan.targets[0] as Target)?.bits;
      expect(maskOf(together)).toEqual(maskOf(alone));
      expect(await bytesOf(together, FC1)).toEqual(await bytesOf(alone, FC1));
      expect(await bytesOf(together, FC2)).not.toEqual(await bytesOf(alone, FC2));
      expect(zerosIn(await valuesOf(together.plan.targets[1] as Target, together.masked))).toBe(16 * CHANNELS);
    }
  });

  it("take as many steps as they are told, which moves the layers in front too", async () => {
    const once = await pruneTiny({ reconstruct: "sparsellm" });
    const often = await pruneTiny({ reconstruct: { name: "sparsellm", steps: 3 } });
    for (const name of [FC1, FC2]) expect(await bytesOf(often, name)).not.toEqual(await bytesOf(once, name));
  });

  it("leave a quantised layer on its grid, with exactly as many zeros as asked for", async () => {
    const { plan, masked } = await pruneTiny({ reconstruct: "sparsellm", repair: ["least-squares"] }, quantised());
    const last = plan.targets.find(({ coding }) => coding.kind !== "float") as Target;
    const codes = await readPruned(last, { masks: masked.masks, updates: masked.updates ?? null });
    expect(codes.filter((code) => code === 128)).toHaveLength(16 * CHANNELS);
    expect(masked.updates?.notes).toEqual([]);
    const { tensors } = prunedEdits({ masks: masked.masks, updates: masked.updates ?? null });
    expect([...(tensors ?? [])].map(([{ name }]) => name)).not.toContain("scale");
  });

  it("say of which blocks layers stay dense, and update the others by themselves", async () => {
    const only = { include: [FC2] };
    const together = await pruneTiny({ ...only, reconstruct: "sparsellm" });
    const alone = await pruneTiny({ ...only, reconstruct: "obs" });
    expect(together.masked.updates?.notes).toEqual([
      `updated by itself: ${FC2}: other layers of the feed-forward block stay dense`,
    ]);
    expect(await bytesOf(together, FC2)).toEqual(await bytesOf(alone, FC2));
  });

  it("keep blocks whole where layers are gone through one by one", async () => {
    const { masked } = await pruneTiny({ reconstruct: "sparsellm", sequential: true, target: "weights" });
    expect(masked.updates).toMatchObject({ groups: 1, notes: [] });
  });

  it("leave blocks to the imitation of outputs where that goes layer by layer, and say so", async () => {
    const imitated = { sequential: true, target: "outputs" };
    const together = await pruneTiny({ ...imitated, reconstruct: "sparsellm" });
    const alone = await pruneTiny({ ...imitated, reconstruct: "obs" });
    expect(together.masked.updates?.notes).toEqual([
      expect.stringMatching(/^feed-forward blocks were updated layer by/),
    ]);
    expect(await bytesOf(together, FC2)).toEqual(await bytesOf(alone, FC2));
  });
});

describe("groups with whole blocks", () => {
  it("are joined from a block's first layer to its last, in the same order", async () => {
    const plan = await planOf({ pattern: "2:4" });
    plans.push(plan);
    const { targets } = plan;
    const [a, b, c, d, e] = Array.from({ length: 5 }, (_, k) => ({ ...targets[0], name: String(k) }) as Target);
    const groups = [[a], [b], [c], [d], [e]] as Target[][];
    const block = { gate: null, up: b as Target, down: d as Target } as Parameters<typeof withWholeBlocks>[1][number];
    const names = withWholeBlocks(groups, [block]).map((group) => group.map(({ name }) => name));
    expect(names).toEqual([["0"], ["1", "2", "3"], ["4"]]);
  });
});
