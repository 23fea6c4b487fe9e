/**
 * Compares the masks of a model that was pruned in the page with Node's for the same options. Both calibrate on the
 * same text, but other runtimes run the model, and their sums differ by rounding: so where scores tie, both are right.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readWeight } from "../../src/eval/index.js";
import { readValues } from "../../src/graph/index.js";
import { isKept, type Pattern } from "../../src/pattern/index.js";
import { maskJob } from "../../src/prune/masks.js";
import { GoldenRun } from "../helpers/golden.js";
import { competitions, referenceScores } from "../helpers/reference-mask.js";
import { AUSTEN, CALIBRATION } from "./example-page.js";

/** How far two sets of masks agree. */
export interface Agreement {
  /** Weights (matrices) that were compared, and single weights in them. */
  readonly matrices: number;
  readonly weights: number;
  /** Single weights that one side keeps and the other does not. */
  readonly differing: number;
  /** Largest relative distance of the scores of two weights that the sides chose differently between. */
  readonly widestTie: number;
}

/**
 * @param folder the pruned model, as the page exported it
 * @param row method and pattern
 */
export async function compareWithNode(
  folder: string,
  { method, pattern }: { readonly method: string; readonly pattern: string },
): Promise<Agreement> {
  const protocol = { length: CALIBRATION.length, calibrationCount: CALIBRATION.count, windows: 1 };
  const evaluation = readFileSync(join(AUSTEN, "persuasion.txt"), "utf8");
  const run = await GoldenRun.open(AUSTEN, protocol, { calibration: CALIBRATION.texts, evaluation });
  let [matrices, weights, differing, widestTie] = [0, 0, 0, 0];
  try {
    await run.measure({ method, pattern, passes: 1, perplexity: 0, zeros: 0 }, async (plan, { masks, statistics }) => {
      for (const [target, mask] of masks) {
        const values = Array.from(await readValues(target));
        const { values: their } = await readWeight(join(folder, "onnx/model.onnx"), target.name);
        const { terms, channelFactor, shape, pattern } = maskJob(plan, target, statistics?.get(target));
        const scores = referenceScores({ shape, values, terms, factor: [...channelFactor], pattern });
        const keptHere = values.map((_, k) => isKept(mask, Math.floor(k / shape.in), k % shape.in));
        // What is zero in the dense model says nothing about the mask.
        const keptThere = values.map((value, k) => (value === 0 ? (keptHere[k] as boolean) : their[k] !== 0));
        for (const tie of ties(pattern, shape, scores, keptHere, keptThere)) {
          differing += tie.differing;
          widestTie = Math.max(widestTie, tie.distance);
        }
        matrices++;
        weights += values.length;
      }
    });
  } finally {
    await run.close();
  }
  return { matrices, weights, differing, widestTie };
}

function* ties(
  pattern: Pattern,
  shape: { readonly out: number; readonly in: number },
  scores: readonly number[],
  here: readonly boolean[],
  there: readonly boolean[],
): Generator<{ readonly differing: number; readonly distance: number }> {
  for (const set of competitions(pattern, shape)) {
    const only = (one: readonly boolean[], other: readonly boolean[]) =>
      set.filter((k) => one[k] && !other[k]).map((k) => scores[k] as number);
    const [mine, their] = [only(here, there), only(there, here)];
    if (mine.length + their.length === 0) continue;
    const all = [...mine, ...their];
    yield { differing: all.length, distance: (Math.max(...all) - Math.min(...all)) / Math.max(...all) };
  }
}
