/**
 * How far masks alone can lower Wanda's layer error: the best exchanges (`reconstruct: "swaps"`), and behind them
 * simulated annealing over one exchange and over two at once, which finds what no single exchange does. Of every matrix
 * of austen-1.4m some rows; where annealing gains next to nothing, the optimum of exchanges is about the best mask there is.
 *
 *   npm run bench -- exchanges [--patterns 2:4,50%,70%] [--rows 12] [--steps 300000]
 */
import { parseArgs } from "node:util";
import { readValues } from "../src/graph/index.js";
import { fullProduct } from "../src/linalg/second-moments.js";
import type { Pattern } from "../src/pattern/index.js";
import { LayerInput } from "../src/reconstruct/layer-input.js";
import { swaps } from "../src/reconstruct/swaps.js";
import { benchModel } from "./reconstruct/models.js";
import { UpdateRun } from "./reconstruct/update-run.js";

const { values: flags } = parseArgs({
  options: {
    patterns: { type: "string", default: "2:4,50%,70%" },
    rows: { type: "string", default: "12" },
    steps: { type: "string", default: "300000" },
  },
});
const ROWS = Number(flags.rows);
const STEPS = Number(flags.steps);
/** The first temperature as a share of a row's error, and what is left of it at the end. */
const [FIRST, LAST] = [0.003, 1e-3] as const;
/** No exchange is left out for want of rounds. */
const ROUNDS = 100_000;

/** One row's pruned part r under a mask, and q = G r. */
interface Row {
  readonly weights: Float32Array;
  readonly kept: Uint8Array;
  readonly moments: Float32Array;
}

let seed = 7;
/** 0 … 1, the same in every run. */
function random(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
}
const below = (count: number): number => Math.floor(random() * count);
const mean = (all: readonly number[]): number => all.reduce((sum, one) => sum + one, 0) / all.length;

/** G r of a row, [in]. */
function image({ weights, kept, moments }: Row): Float64Array {
  const n = weights.length;
  const q = new Float64Array(n);
  for (let i = 0; i < n; i++)
    if (kept[i] === 0)
      for (let j = 0; j < n; j++) q[j] = (q[j] as number) + (weights[i] as number) * (moments[i * n + j] as number);
  return q;
}

/** rᵀ G r. */
function errorOf(row: Row): number {
  const q = image(row);
  return q.reduce((sum, one, i) => (row.kept[i] === 0 ? sum + one * (row.weights[i] as number) : sum), 0);
}

/** Wanda's mask of a row: of every `of` channels the `keep` highest |w| √G_ii. */
function highest(weights: Float32Array, moments: Float32Array, keep: number, of: number): Uint8Array {
  const n = weights.length;
  const score = (i: number) => Math.abs(weights[i] as number) * Math.sqrt(moments[i * (n + 1)] as number);
  const kept = new Uint8Array(n);
  for (let start = 0; start < n; start += of) {
    const group = Array.from({ length: of }, (_, k) => start + k).sort((a, b) => score(b) - score(a));
    for (const i of group.slice(0, keep)) kept[i] = 1;
  }
  return kept;
}

/** Exchanges at random, by less and less of what raises the error; the best mask on the way stays in `row.kept`. */
function anneal(row: Row, of: number): void {
  const { weights, kept, moments } = row;
  const n = weights.length;
  const q = image(row);
  let error = errorOf(row);
  let [least, best] = [error, kept.slice()];
  const cooling = LAST ** (1 / STEPS);
  for (let step = 0, temperature = FIRST * error; step < STEPS; step++, temperature *= cooling) {
    const moved = exchanges(kept, of, 1 + below(2));
    // r gains what is removed and loses what comes back.
    const change = moved.map((i) => (kept[i] === 1 ? 1 : -1) * (weights[i] as number));
    let delta = 0;
    for (const [a, i] of moved.entries()) {
      delta += 2 * (change[a] as number) * (q[i] as number);
      for (const [b, j] of moved.entries())
        delta += (change[a] as number) * (change[b] as number) * (moments[i * n + j] as number);
    }
    if (delta >= 0 && random() >= Math.exp(-delta / temperature)) continue;
    for (const [a, i] of moved.entries()) {
      kept[i] = 1 - (kept[i] as number);
      for (let j = 0; j < n; j++) q[j] = (q[j] as number) + (change[a] as number) * (moments[i * n + j] as number);
    }
    error += delta;
    if (error < least) [least, best] = [error, kept.slice()];
  }
  kept.set(best);
}

/** Channels of so many exchanges, a kept and a pruned one of one group each; no channel twice. */
function exchanges(kept: Uint8Array, of: number, count: number): number[] {
  const moved: number[] = [];
  while (moved.length < 2 * count) {
    const start = below(kept.length / of) * of;
    const pick = (side: 0 | 1): number => {
      for (;;) {
        const i = start + below(of);
        if (kept[i] === side) return i;
      }
    };
    const pair = [pick(1), pick(0)];
    if (!pair.some((i) => moved.includes(i))) moved.push(...pair);
  }
  return moved;
}

const run = await UpdateRun.open(benchModel("austen-1.4m", ""));
console.log("| pattern | matrices | exchanges / Wanda | annealing / Wanda |\n|---|---:|---:|---:|");
for (const name of flags.patterns.split(",")) {
  const byExchanges: number[] = [];
  const byAnnealing: number[] = [];
  await run.eachInput(async (targets, packed) => {
    const { channels } = packed;
    const moments = fullProduct(packed, new Float32Array(channels * channels));
    const [keep, of] = name.includes(":")
      ? (name.split(":").map(Number) as [number, number])
      : [Math.round(channels * (1 - Number.parseFloat(name) / 100)), channels];
    const pattern: Pattern = name.includes(":")
      ? { kind: "n:m", keep, of, permute: false }
      : { kind: "unstructured", sparsity: 1 - keep / of, scope: "row" };
    for (const target of targets) {
      const shape = { out: Math.min(ROWS, target.shape.out), in: channels };
      const values = (await readValues(target)).slice(0, shape.out * channels);
      const rowsOf = (kept: Uint8Array): Row[] =>
        Array.from({ length: shape.out }, (_, o) => {
          const [from, to] = [o * channels, (o + 1) * channels];
          return { weights: values.subarray(from, to), kept: kept.subarray(from, to), moments };
        });
      const total = (kept: Uint8Array) => rowsOf(kept).reduce((sum, row) => sum + errorOf(row), 0);
      const kept = new Uint8Array(values.length);
      for (const row of rowsOf(kept)) row.kept.set(highest(row.weights, moments, keep, of));
      const input = new LayerInput(packed, run.products, { damping: 0.01, label: target.name });
      const job = { label: target.name, shape, values, pattern, kept, grid: null };
      const exchanged = (await swaps(job, input, { rounds: ROUNDS })).kept;
      const annealed = exchanged.slice();
      for (const row of rowsOf(annealed)) anneal(row, of);
      byExchanges.push(total(exchanged) / total(kept));
      byAnnealing.push(total(annealed) / total(kept));
    }
  });
  const figures = [byExchanges, byAnnealing].map((all) => mean(all).toFixed(3));
  console.log(`| ${name} | ${byExchanges.length} | ${figures.join(" | ")} |`);
}
await run.close();
