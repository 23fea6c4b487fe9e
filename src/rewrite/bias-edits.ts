/**
 * What pruning took from the mean output of a layer, given back as a bias: added to the bias that the layer has,
 * or by an Add behind a layer that has none.
 */
import { PruneError } from "../errors.js";
import { findBias, type Target, type Value } from "../graph/index.js";
import { DATA_TYPES, type ModelEdits, type NewNode, type NewTensor } from "../onnx/index.js";
import { mergeEdits } from "../onnx/merge-edits.js";
import type { FloatType } from "../tensor/dtypes.js";
import { encodeFloats } from "../tensor/encode-floats.js";
import { type VectorChange, vectorEdits } from "./vector-edits.js";

/** Every name that is added for a bias begins so. */
export const BIAS_PREFIX = "transformers_prune/bias";

/**
 * The edits that add vectors to the outputs of layers. Biases that are stored are added to in float32 and rounded once
 * to their own type; new ones have the type of the layer's output. The values of the graph keep their names, so that
 * whatever reads the layer's output, a nested graph or the caller, reads it with the bias.
 *
 * @param additions by target, [out]
 * @throws PruneError `unsupported` where `findBias` gives a reason
 * @throws RangeError where a vector has not one number for each output row
 */
export function biasEdits(additions: ReadonlyMap<Target, Float32Array>): ModelEdits {
  const stored: VectorChange[] = [];
  const added: ModelEdits[] = [];
  for (const [target, addition] of additions) {
    const { name, shape } = target;
    if (addition.length !== shape.out)
      throw new RangeError(`${addition.length} numbers for the ${shape.out} output rows of "${name}"`);
    const places = findBias(target);
    if (typeof places === "string")
      throw new PruneError("unsupported", `weight "${name}" can have no bias: ${places}; leave it out of the repair`, {
        details: { weight: name },
      });
    // Uses of one weight may multiply a shared bias with different factors.
    const byFactor = new Map<number, VectorChange["vectors"][number][]>();
    for (const place of places)
      if (place.kind === "none") added.push(newBias(place.result, place, addition));
      else byFactor.set(place.factor, [...(byFactor.get(place.factor) ?? []), place.vector]);
    for (const [factor, vectors] of byFactor)
      stored.push({ vectors, change: (read) => read.map((value, o) => value + (addition[o] as number) / factor) });
  }
  return mergeEdits(vectorEdits(stored), ...added);
}

/** An Add right behind the node that makes the product; it makes the value of the old name. */
function newBias(
  { name, graph, producer }: Value,
  { elemType, trailing }: { readonly elemType: number; readonly trailing: number },
  addition: Float32Array,
): ModelEdits {
  if (producer === null) throw new TypeError(`no node makes "${name}"`);
  const [product, bias] = [`${BIAS_PREFIX}/${name}/product`, `${BIAS_PREFIX}/${name}/bias`];
  const tensor: NewTensor = {
    name: bias,
    dataType: elemType,
    dims: [addition.length, ...new Array<number>(trailing).fill(1)],
    bytes: () => encodeFloats(addition, DATA_TYPES[elemType]?.name as FloatType),
  };
  const add: NewNode = { name: `${BIAS_PREFIX}/${name}`, opType: "Add", inputs: [product, bias], outputs: [name] };
  return {
    graphs: new Map([[graph.onnx, { insertAfter: new Map([[producer.onnx, [add]]]), addInitializers: [tensor] }]]),
    renameNodeOutputs: new Map([[producer.onnx, new Map([[name, product]])]]),
  };
}
