/**
 * Compares the weights of a model that was pruned with updates in the page with Node's for the same options. Sums
 * differ by rounding, so that now and then another weight is chosen, and what comes after it in its row makes up for that.
 */
import { join } from "node:path";
import { pruneModel, readWeight } from "../../src/index.js";
import { AUSTEN, CALIBRATION } from "./example-page.js";

/** How far two models agree. */
export interface UpdateAgreement {
  /** Weights (matrices) that were compared. */
  readonly matrices: number;
  /** Zeros of the page's model. */
  readonly zeros: number;
  /** Share of single weights that one side keeps and the other does not. */
  readonly differing: number;
  /** ‖page − Node‖ / ‖Node‖ over all weights. */
  readonly distance: number;
}

/**
 * @param folder the pruned model, as the page exported it
 * @param out where Node's is to be written
 */
export async function compareUpdates(
  folder: string,
  out: string,
  prune: { readonly preset: "balanced" | "best"; readonly pattern: "2:4" },
): Promise<UpdateAgreement> {
  const options = { dtype: "fp32", prune: { ...prune, calibration: CALIBRATION } } as const;
  const { reports } = await pruneModel(AUSTEN, { ...options, out });
  const names = reports.flatMap(({ weights }) => weights.map(({ name }) => name));
  let [weights, zeros, differing, apart, whole] = [0, 0, 0, 0, 0];
  for (const name of names) {
    const [page, node] = await Promise.all(
      [folder, out].map((at) => readWeight(join(at, "onnx/model.onnx"), name).then(({ values }) => values)),
    );
    for (const [k, value] of (node as Float32Array).entries()) {
      const other = (page as Float32Array)[k] as number;
      weights++;
      if (other === 0) zeros++;
      if ((other === 0) !== (value === 0)) differing++;
      apart += (other - value) ** 2;
      whole += value ** 2;
    }
  }
  return { matrices: names.length, zeros, differing: differing / weights, distance: Math.sqrt(apart / whole) };
}
