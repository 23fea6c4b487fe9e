/** Names that packing adds to a model, by which one sees at a glance whether a model may hold packed weights. */
import { graphsOf, type OnnxModel } from "../../onnx/index.js";

/** Every name that packing adds begins so. */
export const PACKED_PREFIX = "transformers_prune/packed";

/** End of the name of values. */
export const VALUES_SUFFIX = "/values";

/** Names of the initializers that hold a packed weight's bytes. */
export const valuesName = (weight: string): string => `${PACKED_PREFIX}/${weight}${VALUES_SUFFIX}`;
/** See {@link valuesName}. */
export const placesName = (weight: string): string => `${PACKED_PREFIX}/${weight}/places`;

/** See {@link valuesName}; only where zeros differ. */
export const zerosName = (weight: string): string => `${PACKED_PREFIX}/${weight}/zeros`;
/** Name of what one of a weight's own nodes puts out, but for the last. */
export const outputName = (weight: string, role: string): string => `${PACKED_PREFIX}/${weight}/${role}`;

/** Whether an initializer is called like the values of a packed weight. */
export const isCalledValues = (name: string): boolean =>
  name.startsWith(`${PACKED_PREFIX}/`) && name.endsWith(VALUES_SUFFIX);

/** Whether a model may hold packed weights, by names alone; `findPacked` says whether it does. */
export function mayHoldPacked({ graph }: OnnxModel): boolean {
  for (const { initializers } of graphsOf(graph))
    if (initializers.some(({ name }) => isCalledValues(name))) return true;
  return false;
}
