/** What is measured: presets, masks with every update and every repair, one after the other or in one go. */
import type { ReconstructionName, RepairName } from "../../src/reconstruct/table.js";

/** Options of one row; the pattern comes from elsewhere. */
export type RowOptions =
  | { readonly preset: "fast" | "balanced" | "best"; readonly reconstruct?: ReconstructionName }
  | {
      readonly method: "sparsegpt" | "wanda" | "crepe";
      readonly reconstruct?: ReconstructionName;
      readonly sequential?: true;
      readonly target?: "weights" | "outputs";
      readonly repair?: readonly RepairName[];
    };

export const PATTERN_NAMES = ["2:4", "50%", "70%"] as const;

/** A pattern as options have it. */
export const patternOptions = (pattern: string): { pattern: string } | { sparsity: number } =>
  pattern.endsWith("%") ? { sparsity: Number(pattern.slice(0, -1)) / 100 } : { pattern };

const ROWS: readonly RowOptions[] = [
  { preset: "fast" },
  { preset: "balanced" },
  { preset: "best" },
  { preset: "best", reconstruct: "admm" },
  { method: "sparsegpt" },
  { method: "sparsegpt", reconstruct: "admm" },
  { method: "sparsegpt", reconstruct: "sparsellm" },
  { method: "sparsegpt", sequential: true, target: "weights" },
  { method: "sparsegpt", sequential: true, target: "outputs" },
  ...(["bias", "scale", "norm"] as const).map((one): RowOptions => ({ method: "sparsegpt", repair: [one] })),
  ...(["wanda", "crepe"] as const).flatMap((method): RowOptions[] => [
    { method },
    ...(["obs", "admm", "swaps", "dsnot", "sparsellm"] as const).map((reconstruct) => ({ method, reconstruct })),
    { method, reconstruct: "obs", repair: ["least-squares"] },
  ]),
  ...(["bias", "scale", "norm", "least-squares"] as const).map(
    (one): RowOptions => ({ method: "wanda", repair: [one] }),
  ),
];

/** A row in words, as it is named by --only. */
export function nameOfRow(row: RowOptions): string {
  if ("preset" in row) return row.reconstruct === undefined ? row.preset : `${row.preset} + ${row.reconstruct}`;
  const { method, reconstruct, sequential, target, repair = [] } = row;
  const parts = [method, ...(reconstruct === undefined ? [] : [reconstruct]), ...repair];
  return `${parts.join(" + ")}${sequential ? `, sequential, ${target}` : ""}`;
}

/** Rows whose name is one of `only`, or, where none is, has it as a part, in the order of `only`; all where it is empty. */
export function rowsOnly(only: readonly string[]): readonly RowOptions[] {
  if (only.length === 0) return ROWS;
  const wanted = only.flatMap((term) => {
    const exact = ROWS.filter((row) => nameOfRow(row) === term);
    return exact.length > 0 ? exact : ROWS.filter((row) => nameOfRow(row).includes(term));
  });
  return [...new Set(wanted)];
}
