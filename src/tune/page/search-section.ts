/** The search on the page: its course, and each time that something better was found. */
import type { TuneReport } from "../report.js";
import type { SearchStep } from "../search.js";
import { candidateColumns } from "./candidate-columns.js";
import { duration, figure, partsOf } from "./figures.js";
import { element, type Markup } from "./markup.js";
import { searchChart } from "./search-chart.js";
import { figures, table } from "./table.js";

/** Chart and table of the search. */
export function searchSection({ steps, objective, optimiser, dimensions }: TuneReport): Markup {
  const title = objective.name === "learned" ? "expected rank" : objective.name;
  const [first, last] = [steps[0], steps.at(-1)];
  const course = `from ${figure(first?.value)} to ${figure(last?.best)}`;
  const bests = improvements(steps);
  // Of parts there are too many coefficients for columns; the tips have them.
  const hasParts = steps.some(({ candidate }) => partsOf(candidate).length > 0);
  const candidates = candidateColumns(hasParts ? [] : bests.map(({ step }) => step.candidate));
  return element(
    "section",
    {},
    element("h2", {}, "The search"),
    element(
      "p",
      {},
      `${steps.length} candidates were measured by ${objective.name} (${objective.better} is better) in ` +
        `${duration(last?.seconds)}; ${optimiser} moved in ${dimensions.length} dimensions: ${dimensions.join(", ")}. ` +
        "A dot is a candidate, the line is the best so far.",
    ),
    element(
      "figure",
      { class: "wide scroll", role: "region", "aria-label": "Course of the search", tabindex: "0" },
      searchChart(steps, title, `Best ${title} so far over ${steps.length} evaluations, ${course}.`),
    ),
    table(
      "When something better was found",
      [...["evaluation", "generation", "after", title].map(figures), ...candidates.columns],
      bests.map(({ step, evaluation }) => ({
        cells: [
          evaluation,
          step.generation === 0 ? "start" : step.generation,
          duration(step.seconds),
          figure(step.value, 5),
          ...candidates.cells(step.candidate),
        ],
      })),
    ),
  );
}

/** The steps at which the best value changed, counted from 1; the first is one. */
function improvements(steps: readonly SearchStep[]): { step: SearchStep; evaluation: number }[] {
  return steps
    .map((step, i) => ({ step, evaluation: i + 1 }))
    .filter(({ step }, i) => i === 0 || step.best !== steps[i - 1]?.best);
}
