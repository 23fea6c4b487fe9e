/** Hidden states between blocks, as objectives compare them. */
import { PruneError } from "../../errors.js";
import { type BlockOutput, blockOutputs, findTargets } from "../../graph/index.js";
import type { RuntimeTensor } from "../../runtime/index.js";
import type { Subject } from "../subject.js";

/**
 * The output of every block, by index of the block.
 *
 * @throws PruneError `unsupported` where no block ends in a residual connection
 */
export function hiddenStatesOf({ model }: Subject): ReadonlyMap<number, BlockOutput> {
  // By all weights of the model: a block in which none is pruned is a block as well.
  const values = blockOutputs(model, findTargets(model).targets);
  if (values.size > 0) return values;
  throw new PruneError(
    "unsupported",
    `${model.onnx.name}: no block ends in a residual connection outside of nested graphs, so there are no hidden states ` +
      "to compare; tune with an objective that looks at weights (output-error)",
    { details: { file: model.onnx.name } },
  );
}

/** 1 − cosine of the angle between two states of a token, mean over tokens. Both [batch, tokens, channels]. */
export function cosineDistance(dense: RuntimeTensor, pruned: RuntimeTensor): number {
  const [a, b] = [dense.data as Float32Array, pruned.data as Float32Array];
  const channels = dense.dims.at(-1) as number;
  let total = 0;
  for (let start = 0; start < a.length; start += channels) {
    let [dot, aa, bb] = [0, 0, 0];
    for (let i = start; i < start + channels; i++) {
      const [x, y] = [a[i] as number, b[i] as number];
      dot += x * y;
      aa += x * x;
      bb += y * y;
    }
    total += 1 - (aa === 0 || bb === 0 ? Number(aa === bb) : dot / Math.sqrt(aa * bb));
  }
  return (total * channels) / a.length;
}

/** Squared distance between two states, as a share of the dense one's squared length. */
export function relativeError(dense: RuntimeTensor, pruned: RuntimeTensor): number {
  const [a, b] = [dense.data as Float32Array, pruned.data as Float32Array];
  let [error, length] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    error += difference * difference;
    length += (a[i] as number) ** 2;
  }
  return length > 0 ? error / length : error;
}
