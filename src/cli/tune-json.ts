/** What `tune --json` prints: coefficients, what was measured on the way, and the perplexities that decided. */
import type { TuneResult } from "../hook/index.js";
import { coefficientValues } from "../options/index.js";
import type { Candidate, StudyRow } from "../tune/index.js";

/** The result as plain data. Figures that are not finite become null in JSON. */
export function tuneJson({ record, report, registered }: TuneResult, out: string) {
  const { model, family, method, pattern, objective, accepted, perplexity, steps, finalists, study, seconds } = report;
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
    perplexity,
    history: steps.map(({ candidate, value, best, generation, seconds }) => ({
      value,
      best,
      generation,
      seconds,
      ...plainCandidate(candidate),
    })),
    finalists: finalists.map(({ from, candidate, value, perplexity }) => ({
      from,
      ...plainCandidate(candidate),
      value,
      perplexity,
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

const plainRow = ({ candidate, perplexity, values }: StudyRow) => ({
  ...plainCandidate(candidate),
  perplexity,
  values,
});
