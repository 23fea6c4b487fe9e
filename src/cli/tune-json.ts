/** What `tune --json` prints: coefficients, what was measured on the way, and the figures that decided. */
import type { TuneResult } from "../hook/index.js";
import { coefficientValues } from "../options/index.js";
import type { Candidate, StudyRow } from "../tune/index.js";

/** The result as plain data. Figures that are not finite become null in JSON. */
export function tuneJson({ record, report, registered }: TuneResult, out: string) {
  const {
    model,
    family,
    method,
    pattern,
    objective,
    accepted,
    judge,
    judged,
    notes,
    steps,
    finalists,
    study,
    seconds,
  } = report;
  return {
    model,
    family,
    method,
    pattern,
    objective,
    coefficients: coefficientValues(record.coefficients),
    passes: record.passes,
    accepted,
    registered,
    out,
    judge,
    judged,
    notes,
    history: steps.map(({ candidate, value, best, generation, seconds }) => ({
      value,
      best,
      generation,
      seconds,
      ...plainCandidate(candidate),
    })),
    finalists: finalists.map(({ from, candidate, value, judged }) => ({
      from,
      ...plainCandidate(candidate),
      value,
      judged,
    })),
    study:
      study === null
        ? null
        : {
            objectives: study.objectives,
            learned: study.learned,
            unsupported: study.unsupported,
            rows: study.rows.map(plainRow),
          },
    seconds,
  };
}

const plainCandidate = ({ coefficients, passes }: Candidate) => ({
  coefficients: coefficientValues(coefficients),
  passes,
});

const plainRow = ({ candidate, judged, values }: StudyRow) => ({
  ...plainCandidate(candidate),
  judged,
  values,
});
