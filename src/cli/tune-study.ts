/** What `tune --study` prints for people: how well each objective ranks candidates as the judge does, and its cost. */
import { agreement, learnedCost, type ObjectiveCost, type Study } from "../tune/index.js";
import type { Style } from "./io.js";
import { formatTable, indent } from "./text-table.js";
import { formatSeconds } from "./units.js";

type Learned = NonNullable<Study["learned"]>;

/** The study as lines: objectives in order of trust, the learned combination, and what this model does not allow. @param judge its name */
export function describeStudy(study: Study, judge: string, style: Style): string[] {
  const { rows, objectives, learned, unsupported, secondsToJudge } = study;
  // What has no correlation comes last, also behind one that has the wrong one throughout.
  const judged = [...objectives].sort(
    (a, b) => agreement(b) - agreement(a) || Number(Number.isNaN(a.spearman)) - Number(Number.isNaN(b.spearman)),
  );
  const [head = "", ...lines] = formatTable(
    [
      ["objective", "better", "ρ", "ρ among best third", "setup", "per candidate"],
      ...judged.map((one) => [
        one.name,
        one.better,
        formatRho(one.spearman),
        formatRho(one.spearmanBestThird),
        briefly(one.setupSeconds),
        briefly(one.secondsPerCandidate),
      ]),
      ...(learned === null ? [] : [learnedCells(learned, learnedCost(study))]),
    ],
    ["left", "left", "right"],
  );
  return [
    `study: ${rows.length} random candidates, ${judge} takes ${briefly(secondsToJudge)} each; ρ is Spearman's rank correlation with ${judge}`,
    ...indent([style.dim(head), ...lines]),
    ...(learned === null ? [] : indent([describeLearned(learned)])),
    ...indent(unsupported.map(({ name, reason }) => `not on this model: ${name}: ${reason}`)),
  ];
}

/** A correlation with a true minus; one that is not defined, because all values are equal, is a dash. */
export const formatRho = (rho: number): string => (Number.isNaN(rho) ? "—" : rho.toFixed(2).replace("-", "−"));

const learnedCells = (
  { spearman, spearmanBestThird }: Learned,
  { setupSeconds, secondsPerCandidate }: ObjectiveCost,
): string[] => [
  "learned",
  "lower",
  formatRho(spearman),
  formatRho(spearmanBestThird),
  briefly(setupSeconds),
  briefly(secondsPerCandidate),
];

const describeLearned = ({ terms }: Learned): string =>
  `learned: ranks from the logarithms of ${terms
    .map(({ name, weight }) => `${name} (weight ${weight.toFixed(2).replace("-", "−")})`)
    .join(", ")}; its ρ is over candidates that it was not fitted to`;

/** Cheap objectives take milliseconds. */
const briefly = (seconds: number): string =>
  seconds < 0.0995 ? `${(1000 * seconds).toFixed(0)} ms` : formatSeconds(seconds);
