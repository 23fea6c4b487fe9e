/**
 * What a layer behind pruned ones is held to, so that it gives what the dense model has in its place: the weight
 * that best maps the inputs which it gets to the outputs which the dense layer gives. With X of the dense model, X′ of
 * the pruned one and H = X′X′ᵀ it is W + (W (X X′ᵀ − H) + R) (H + λ I)⁻¹; R = (r − r′) X′ᵀ lets a layer whose output
 * is added to a residual stream make up for what is missing there as well. The target of GPTAQ (arXiv 2504.02692)
 * and of PERP's reconstruction (arXiv 2312.15230), in closed form.
 */
import type { Target } from "../graph/index.js";
import type { Dense, Products } from "../linalg/products.js";
import { fitted } from "../reconstruct/fit-last.js";
import { LayerInput } from "../reconstruct/layer-input.js";
import { free } from "../tensor/free.js";
import type { LayerReading } from "./update-layer.js";

/**
 * λ as a share of the mean diagonal. Much more than an inverse needs: the few tokens of a calibration tell chance from
 * what returns only so far, and a smaller one fits chance (docs/reconstruct.md).
 */
const RIDGE = 0.2;

/**
 * Tells what the weights of a reading are held to, [out, in]; their own values where nothing is imitated. What that
 * takes of the moments is made once for all of them.
 *
 * @throws PruneError `bad-statistics` where the moments cannot be inverted; the signal's reason
 */
export function imitation(
  { targets, moments, imitated }: LayerReading,
  products: Products,
  signal: AbortSignal | undefined,
): (target: Target, values: Float32Array) => Promise<Float32Array> {
  if (imitated === null) return async (_, values) => values;
  const { cross, residuals } = imitated;
  const label = targets.map(({ name }) => name).join(", ");
  const input = new LayerInput(moments, products, { damping: RIDGE, label, ...(signal && { signal }) });
  const own = input.product().values;
  // X′Xᵀ − H, whose transpose is X X′ᵀ − H.
  const difference = { ...cross, values: cross.values.map((value, k) => value - (own[k] as number)) };
  return async (target, values) => {
    const weight: Dense = { rows: target.shape.out, columns: target.shape.in, values };
    const residual = residuals.get(target);
    const plus = residual === undefined ? {} : { plus: residual };
    const missing = await products.multiply(weight, difference, { transposeB: true, ...plus });
    const { values: goal } = await fitted(weight, missing, input);
    free(missing.values);
    return goal;
  };
}
