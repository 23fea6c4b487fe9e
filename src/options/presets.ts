/**
 * Named choices of how much time pruning may take: which method, and what moves the kept weights. A preset only
 * fills in what the user leaves out.
 */
import type { PruneMethodName, ReconstructionName, RepairName } from "../reconstruct/table.js";
import type { ResolvedPrune } from "./types.js";

/** What a preset stands for. */
export interface Preset {
  readonly summary: string;
  readonly method: PruneMethodName;
  readonly reconstruct: ReconstructionName | null;
  readonly sequential: ResolvedPrune["sequential"];
  readonly target: ResolvedPrune["target"];
  readonly repair: readonly RepairName[];
}

export const PRESETS = {
  fast: {
    summary: "masks only, weights stay as they are",
    method: "crepe",
    reconstruct: null,
    sequential: null,
    target: "outputs",
    repair: [],
  },
  balanced: {
    summary: "SparseGPT on the dense model's second moments, then least squares on what is kept",
    method: "sparsegpt",
    reconstruct: "obs",
    sequential: null,
    target: "outputs",
    repair: ["least-squares"],
  },
  best: {
    summary: "the same layer after layer, each making up for the pruned ones before it",
    method: "sparsegpt",
    reconstruct: "obs",
    sequential: "input",
    target: "outputs",
    repair: ["least-squares"],
  },
} as const satisfies Record<string, Preset>;

/** Name of a preset. */
export type PresetName = keyof typeof PRESETS;

/** The row of the table. */
export const presetOf = (name: PresetName): Preset => PRESETS[name];
