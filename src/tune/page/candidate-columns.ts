/** Columns of tables for what makes a candidate: its coefficients, and its passes where they differ. */
import type { Candidate } from "../candidate.js";
import { figure } from "./figures.js";
import type { Content } from "./markup.js";
import { type Column, figures } from "./table.js";

/** Columns for a list of candidates, and the cells of one of them. */
export interface CandidateColumns {
  readonly columns: readonly Column[];
  /** @param values coefficients that stand in the place of those for all weights; null: empty cells */
  readonly cells: (candidate: Candidate | null, values?: Readonly<Record<string, number>>) => readonly Content[];
}

/** @param candidates of one method */
export function candidateColumns(candidates: readonly Candidate[]): CandidateColumns {
  const names = Object.keys(candidates[0]?.coefficients.all ?? {});
  const hasPasses = candidates.some(({ passes }) => passes > 1);
  const columns = [...names, ...(hasPasses ? ["passes"] : [])].map(figures);
  return {
    columns,
    cells: (candidate, values = candidate?.coefficients.all) => {
      if (candidate === null || values === undefined) return columns.map(() => "");
      return [...names.map((name) => figure(values[name])), ...(hasPasses ? [candidate.passes] : [])];
    },
  };
}
