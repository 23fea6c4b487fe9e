/** A matrix that stands left of the activation: its input channels are not the activation's last axis. */
import type { Constants } from "../constants.js";
import { findWeight, type RefusedWeight } from "../stored-weight.js";
import type { Value } from "../types.js";

/** @returns null where `left` is an activation or a constant vector, so that the node is no layer at all */
export function refuseLeftWeight(left: Value, constants: Constants): RefusedWeight | null {
  const weight = findWeight(left, "out-in", constants);
  if (weight === null) return null;
  return {
    kind: "refused",
    source: weight.source,
    reason: "stands on the left of the product, which is not supported",
  };
}
