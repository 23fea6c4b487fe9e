import { afterAll, describe, expect, it } from "vitest";
import { plainProducts } from "../../src/linalg/plain-products.js";
import type { Dense, Products } from "../../src/linalg/products.js";
import { type Pattern, prunedCount } from "../../src/pattern/index.js";
import type { ActivationName } from "../../src/reconstruct/activations.js";
import { hiddenOf, insideOf, type Layer, MomentSum, outputOf } from "../../src/reconstruct/feed-forward.js";
import type { UpdatedWeight, WeightJob } from "../../src/reconstruct/job.js";
import { LayerInput } from "../../src/reconstruct/layer-input.js";
import { obs } from "../../src/reconstruct/obs.js";
import { type FeedForwardJob, SPARSELLM_DEFAULTS, sparsellm } from "../../src/reconstruct/sparsellm.js";
import { openProducts } from "../../src/runtime/products.js";
import { testRuntime } from "../helpers/runtime.js";
import { correlatedRows, randomNumbers } from "./problems.js";
import { austenBlock } from "./real-block.js";

const prune = async (job: WeightJob, input: LayerInput) => await obs(job, input, { blockSize: 128 });
const SETTINGS = { ...SPARSELLM_DEFAULTS, prune };
const SEVENTY: Pattern = { kind: "unstructured", sparsity: 0.7, scope: "matrix" };

interface Block {
  readonly gate: Layer | null;
  readonly up: Layer;
  readonly down: Layer;
  readonly activation: ActivationName;
}

const frontOf = ({ gate, up, activation }: Block) => ({ activated: gate ?? up, multiplied: gate && up, activation });

async function outputOfBlock(block: Block, x: Dense, products: Products): Promise<Float32Array> {
  const { hidden } = await insideOf(frontOf(block), x, products, undefined);
  return (await outputOf(block.down, hidden, products)).values;
}

/** ‖Y − Y'‖² / ‖Y‖² of a block with other values. */
async function blockError(block: Block, pruned: Pruned, x: Dense, products: Products): Promise<number> {
  const withValues = (layer: Layer, { values }: UpdatedWeight) => ({ ...layer, weight: { ...layer.weight, values } });
  const other = {
    gate: block.gate && withValues(block.gate, pruned.gate as UpdatedWeight),
    up: withValues(block.up, pruned.up),
    down: withValues(block.down, pruned.down),
    activation: block.activation,
  };
  const [dense, now] = [await outputOfBlock(block, x, products), await outputOfBlock(other, x, products)];
  const energy = (of: Float32Array) => of.reduce((sum, value) => sum + value * value, 0);
  return energy(dense.map((y, k) => y - (now[k] as number))) / energy(dense);
}

type Pruned = { readonly gate: UpdatedWeight | null; readonly up: UpdatedWeight; readonly down: UpdatedWeight };

async function inputOf(rows: Dense, products: Products): Promise<LayerInput> {
  const sum = new MomentSum(rows.columns, products);
  await sum.add(rows);
  return new LayerInput(sum.moments(), products, { damping: 0.01, label: "block" });
}

async function jobOf(block: Block, x: Dense, pattern: Pattern, products: Products): Promise<FeedForwardJob> {
  const weightJob = (label: string, { weight }: Layer): WeightJob => ({
    label,
    shape: { out: weight.rows, in: weight.columns },
    values: weight.values,
    pattern,
    kept: null,
    grid: null,
  });
  return {
    gate: block.gate && weightJob("gate", block.gate),
    up: weightJob("up", block.up),
    down: weightJob("down", block.down),
    biases: { gate: block.gate?.bias ?? null, up: block.up.bias },
    activation: block.activation,
    x,
    input: await inputOf(x, products),
  };
}

/** Every layer by itself, with the dense model's moments. */
async function layerByLayer(block: Block, job: FeedForwardJob, products: Products): Promise<Pruned> {
  const { hidden } = await insideOf(frontOf(block), job.x, products, undefined);
  return {
    gate: job.gate && (await prune(job.gate, job.input)),
    up: await prune(job.up, job.input),
    down: await prune(job.down, await inputOf(hidden, products)),
  };
}

describe("a feed-forward block pruned as one, on a real model", () => {
  const runtime = testRuntime();
  const products = openProducts(runtime, { intraOpNumThreads: 1 });
  afterAll(() => products.release());

  it("keeps more of its output on other text at 70% than layers pruned one by one", async () => {
    const { gate, up, down, calibration, held } = await austenBlock(runtime, 3);
    const layer = (weight: Dense): Layer => ({ weight, bias: null });
    const block = { gate: layer(gate), up: layer(up), down: layer(down), activation: "silu" } as const;
    const job = await jobOf(block, calibration, SEVENTY, products);
    const alone = await blockError(block, await layerByLayer(block, job, products), held, products);
    const fitted = await blockError(block, await sparsellm(job, { ...SETTINGS, steps: 1 }), held, products);
    const result = await sparsellm(job, { ...SETTINGS, tokens: 2048 });
    const together = await blockError(block, result, held, products);
    expect(fitted).toBeLessThan(0.95 * alone);
    expect(together).toBeLessThan(fitted);
    expect(result.errors).toHaveLength(4);
    for (const weight of [result.gate, result.up, result.down]) {
      const { values, kept } = weight as UpdatedWeight;
      const shape = { out: 1, in: values.length };
      expect(kept.filter((k) => k === 0)).toHaveLength(prunedCount(SEVENTY, shape));
      for (const [k, value] of values.entries()) if (kept[k] === 0) expect(value).toBe(0);
    }
  });
});

describe("a feed-forward block pruned as one", () => {
  const products = plainProducts();
  const block = (gated: boolean, activation: ActivationName): Block => {
    const random = randomNumbers(31);
    const layer = (out: number, inputs: number): Layer => ({
      weight: {
        rows: out,
        columns: inputs,
        values: Float32Array.from({ length: out * inputs }, () => random() / Math.sqrt(inputs)),
      },
      bias: Float32Array.from({ length: out }, () => 0.2 * random()),
    });
    return {
      gate: gated ? layer(24, 12) : null,
      up: layer(24, 12),
      down: { ...layer(12, 24), bias: null },
      activation,
    };
  };
  const x: Dense = { rows: 300, columns: 12, values: correlatedRows(300, 12, randomNumbers(32)) };

  it.each([
    ["gated", true, "silu"],
    ["gated", true, "gelu"],
    ["plain", false, "relu"],
    ["plain", false, "gelu-tanh"],
  ] as const)("%s (%s), %s: the steps lower its error", async (_, gated, activation) => {
    const dense = block(gated, activation);
    const pattern: Pattern = { kind: "n:m", keep: 2, of: 4, permute: false };
    const job = await jobOf(dense, x, pattern, products);
    const alone = await blockError(dense, await layerByLayer(dense, job, products), x, products);
    const result = await sparsellm(job, SETTINGS);
    const error = await blockError(dense, result, x, products);
    expect(result.gate === null).toBe(!gated);
    expect(result.errors[result.best]).toBe(Math.min(...result.errors));
    expect(result.best).toBeGreaterThan(0);
    expect(error).toBeLessThan(0.8 * alone);
  });

  it("keeps given masks, and is done in the same way from fewer tokens with variables", async () => {
    const dense = block(true, "silu");
    const pattern: Pattern = { kind: "n:m", keep: 2, of: 4, permute: false };
    const job = await jobOf(dense, x, pattern, products);
    const kept = (of: WeightJob) => Uint8Array.from(of.values, (_, k) => (k % 4 < 2 ? 1 : 0));
    const masked = (of: WeightJob) => ({ ...of, kept: kept(of) });
    const given = { ...job, gate: masked(job.gate as WeightJob), up: masked(job.up), down: masked(job.down) };
    const result = await sparsellm(given, { ...SETTINGS, tokens: 100 });
    expect(result.up.kept).toEqual(kept(job.up));
    expect(result.down.kept).toEqual(kept(job.down));
    expect(await blockError(dense, result, x, products)).toBeLessThan(
      await blockError(dense, await layerByLayer(dense, given, products), x, products),
    );
  });

  it("stands a block without output, and stops when its signal is aborted", async () => {
    const dense = block(false, "relu");
    const nothing = { ...x, values: new Float32Array(x.values.length) };
    const silent = { ...dense, up: { ...dense.up, bias: null } };
    const job = await jobOf(silent, nothing, SEVENTY, products);
    const result = await sparsellm(job, SETTINGS);
    expect(result.errors.every((error) => error === 0)).toBe(true);
    expect(result.down.values.every(Number.isFinite)).toBe(true);
    const signal = AbortSignal.abort(new Error("enough"));
    const input = new LayerInput(job.input.moments, products, { damping: 0.01, label: "block", signal });
    await expect(sparsellm({ ...job, input }, SETTINGS)).rejects.toThrow("enough");
  });

  it("computes what its formula says", async () => {
    const one = (value: number): Dense => ({ rows: 1, columns: 1, values: Float32Array.of(value) });
    expect((await hiddenOf(one(2), one(3), "relu", undefined)).values[0]).toBe(6);
    expect((await hiddenOf(one(-2), null, "relu", undefined)).values[0]).toBe(0);
  });
});
