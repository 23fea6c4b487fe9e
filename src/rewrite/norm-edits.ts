/** Norms whose output is scaled channel by channel, to repair the layers that read it. */
import type { Norm } from "../graph/index.js";
import type { ModelEdits } from "../onnx/index.js";
import { vectorEdits } from "./vector-edits.js";

/**
 * The edits that multiply what norms put out. A norm with a bias has it scaled too, so that the layers behind read
 * exactly `factors` times what they read before. What the graph adds to a stored weight (1 + w) is taken into account.
 *
 * @param factors by norm, [channels]
 * @throws RangeError where a vector has not one number for each channel
 */
export function normEdits(factors: ReadonlyMap<Norm, Float32Array>): ModelEdits {
  const changes = [...factors].flatMap(([{ channels, places }, by]) => {
    if (by.length !== channels) throw new RangeError(`${by.length} factors for the ${channels} channels of a norm`);
    const change = (read: Float32Array) => read.map((value, i) => value * (by[i] as number));
    const weights = places.map(({ weight }) => weight);
    const biases = places.flatMap(({ bias }) => (bias === null ? [] : [bias]));
    return [weights, biases].map((vectors) => ({ vectors, change }));
  });
  return vectorEdits(changes);
}
