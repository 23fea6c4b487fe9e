/** What the page begins with: what was tuned, what came out of it in one figure, and the facts. */
import type { TuneReport } from "../report.js";
import { change, duration, perplexityFigure } from "./figures.js";
import { element, type Markup } from "./markup.js";
import { perplexityChart } from "./perplexity-chart.js";

/** RIA or Wanda: whichever has the lower perplexity. */
export function betterBaseline({ ria, wanda }: TuneReport["perplexity"]): { name: string; perplexity: number } {
  return wanda < ria ? { name: "Wanda", perplexity: wanda } : { name: "RIA", perplexity: ria };
}

/** The title of the page, as text. */
export const titleText = ({ method, model, pattern }: TuneReport): string =>
  `${method} tuned for ${model} at ${pattern}`;

/** Title, headline and facts. */
export function outcomeSection(report: TuneReport): Markup {
  const { model, method, pattern, perplexity } = report;
  return element(
    "header",
    {},
    element(
      "p",
      { class: "kind" },
      "Coefficients of a pruning method, tuned by a cheap objective, decided by perplexity",
    ),
    element(
      "h1",
      {},
      element("b", {}, method),
      " tuned for ",
      element("b", {}, model),
      " at ",
      element("b", {}, pattern),
    ),
    element(
      "div",
      { class: "headline" },
      element(
        "div",
        {},
        element(
          "p",
          { class: report.accepted ? "result" : "result none" },
          change(perplexity.tuned, betterBaseline(perplexity).perplexity),
        ),
        element("p", {}, verdict(report)),
      ),
      element("figure", {}, perplexityChart(rowsOf(report))),
    ),
    facts(report),
  );
}

function verdict({ method, accepted, perplexity }: TuneReport): string {
  const better = betterBaseline(perplexity);
  const of = (value: number) => perplexityFigure(value);
  return accepted
    ? `Perplexity against ${better.name}, the better of RIA and Wanda: ${of(perplexity.tuned)} instead of ${of(better.perplexity)}.`
    : `Nothing better than ${better.name} was found: it has ${of(better.perplexity)}, the best coefficients of ${method} ${of(perplexity.tuned)}. Prune with ${better.name}.`;
}

const rowsOf = ({ perplexity: { dense, tuned, ria, wanda } }: TuneReport) => [
  { name: "dense", perplexity: dense, isMarked: false },
  { name: "tuned", perplexity: tuned, isMarked: true },
  { name: "RIA", perplexity: ria, isMarked: false },
  { name: "Wanda", perplexity: wanda, isMarked: false },
];

function facts(report: TuneReport): Markup {
  const { evaluation, seconds, objective, steps, study, optimiser, family, seed } = report;
  const phases = (["prepare", "study", "search", "check"] as const)
    .filter((phase) => seconds[phase] > 0)
    .map((phase) => `${phase} ${duration(seconds[phase])}`);
  const entries: readonly (readonly [name: string, text: string])[] = [
    ["Model", `${report.model}, ${report.dtype}`],
    ["Family", family ?? "not known"],
    ["Pattern", report.pattern],
    ["Calibrated on", report.calibration],
    ["Judged on", `${evaluation.windows} windows of ${evaluation.length} tokens`],
    [
      "Objective",
      `${objective.name}, ${objective.better} is better, ${duration(objective.secondsPerCandidate)} a candidate`,
    ],
    ["Search", `${optimiser}, ${steps.length} candidates, seed ${seed}`],
    ["Study", study === null ? "none" : `${study.rows.length} random candidates`],
    ["Time", `${duration(seconds.total)}: ${phases.join(", ")}`],
  ];
  return element(
    "dl",
    {},
    entries.map(([name, text]) => element("div", {}, element("dt", {}, name), element("dd", {}, text))),
  );
}
