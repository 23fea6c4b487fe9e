/** How far a weight's output is from that of another one, on the data that the moments were taken of. */
import type { Dense } from "../linalg/products.js";
import { free } from "../tensor/free.js";
import type { LayerInput } from "./layer-input.js";

/**
 * ‖(W − W')X‖² / ‖WX‖², from the undamped moments: 0 where nothing changed, 1 where all output is lost.
 *
 * @param values W, [out, in]
 * @param updated W', [out, in]
 * @returns 0 where W itself has no output
 */
export async function layerError(values: Float32Array, updated: Float32Array, input: LayerInput): Promise<number> {
  const difference = values.map((value, k) => value - (updated[k] as number));
  const whole = await outputEnergy(values, input);
  const lost = whole === 0 ? 0 : await outputEnergy(difference, input);
  free(difference);
  return whole === 0 ? 0 : lost / whole;
}

/**
 * ‖WX‖² = Σ W ∘ (W XXᵀ), the squared output of a weight over all tokens.
 *
 * @param values W, [out, in]
 * @returns never below 0, which rounding could otherwise make of it
 */
export async function outputEnergy(values: Float32Array, input: LayerInput): Promise<number> {
  const { channels } = input.moments;
  const weight: Dense = { rows: values.length / channels, columns: channels, values };
  const { values: outputs } = await input.products.multiply(weight, input.product());
  let sum = 0;
  for (let k = 0; k < values.length; k++) sum += (values[k] as number) * (outputs[k] as number);
  free(outputs);
  return Math.max(0, sum);
}
