/**
 * Records that come with the package: tuned by its authors with `transformers-prune tune`, on the
 * models and texts that each record names. docs/pho.md has the measurements.
 */
import type { CoefficientRecord } from "./record.js";

export const SHIPPED: readonly CoefficientRecord[] = [];
