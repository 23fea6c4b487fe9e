/** Single floats that a file holds, such as the constants of activations, read once so that a walk through the graph can ask for them. */
import { readTensor } from "../onnx/index.js";
import { floatsOf } from "../tensor/half.js";
import { behindIdentities, isOverridable, tensorOf } from "./constants.js";
import { floatTypeOf } from "./stored-coding.js";
import type { Graph, Value } from "./types.js";
import { allValues, isStandard } from "./walk.js";

/** The number that a value always is; null where it is none. */
export type Scalars = (value: Value) => number | null;

/**
 * Reads every stored tensor of one float element, nested graphs included.
 * @throws PruneError as `readTensor` does
 */
export async function readScalars(graph: Graph): Promise<Scalars> {
  const numbers = new Map<Value, number>();
  for (const value of allValues(graph)) {
    const tensor = isOverridable(value) ? null : tensorOf(value);
    const dtype = tensor === null ? undefined : floatTypeOf(tensor.dataType);
    if (tensor === null || dtype === undefined || tensor.dims.some((size) => size !== 1)) continue;
    numbers.set(value, floatsOf(await readTensor(tensor), dtype)[0] as number);
  }
  return (value) => numbers.get(storedBehind(value)) ?? null;
}

/** What Identity and one Cast hand on. */
function storedBehind(value: Value): Value {
  const source = behindIdentities(value);
  const cast = source.producer !== null && isStandard(source.producer, "Cast") ? source.producer.inputs[0] : null;
  return cast ? behindIdentities(cast) : source;
}
