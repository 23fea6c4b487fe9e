/** Which norms and biases of a file its repairs may change, and which must stay, with the reason, for the report. */
import { findBias, type Norm } from "../graph/index.js";
import type { Plan } from "./plan.js";

/** What repairs may change beside weights. */
export interface RepairPlaces {
  readonly norms: readonly Norm[];
  /** What is left alone though it was asked for, in sentences. */
  readonly notes: readonly string[];
}

/** Looks for them, as far as the options ask. What finds norms is loaded for that alone. */
export async function repairPlaces({ model, targets, options: { repair } }: Plan): Promise<RepairPlaces> {
  const found = repair.includes("norm")
    ? await (await import("../graph/norms.js")).findNorms(model, targets)
    : { norms: [], refused: [] };
  const biases = repair.includes("bias") ? targets.map((target) => [target.name, findBias(target)] as const) : [];
  return {
    norms: found.norms,
    notes: [
      ...found.refused.map(({ name, reason }) => `norm ${name} was not repaired: ${reason}`),
      ...biases.flatMap(([name, bias]) => (typeof bias === "string" ? [`no bias for ${name}: ${bias}`] : [])),
    ],
  };
}
