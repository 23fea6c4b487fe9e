/** What the page begins with: what was tuned, what came out of it in one figure, and the facts. */
import { betterBaseline, type TuneReport } from "../report.js";
import { capitalised, change, duration, judgedFigure } from "./figures.js";
import { judgeChart } from "./judge-chart.js";
import { element, type Markup } from "./markup.js";

/** The title of the page, as text. */
export const titleText = ({ method, model, pattern }: TuneReport): string =>
  `${method} tuned for ${model} at ${pattern}`;

/** Title, headline and facts. */
export function outcomeSection(report: TuneReport): Markup {
  const { model, method, pattern, judge, judged } = report;
  return element(
    "header",
    {},
    element(
      "p",
      { class: "kind" },
      `Coefficients of a pruning method, tuned by a cheap objective, decided by ${judge.name}`,
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
          change(judged.tuned, betterBaseline(judged).judged),
        ),
        element("p", {}, verdict(report)),
      ),
      element("figure", {}, judgeChart(judge.name, rowsOf(report))),
    ),
    facts(report),
  );
}

function verdict({ method, accepted, judge, judged }: TuneReport): string {
  const better = betterBaseline(judged);
  const name = { ria: "RIA", wanda: "Wanda" }[better.name];
  const of = (value: number) => judgedFigure(value);
  return accepted
    ? `${capitalised(judge.name)} against ${name}, the better of RIA and Wanda: ${of(judged.tuned)} instead of ${of(better.judged)}.`
    : `Nothing better than ${name} was found: it has ${of(better.judged)}, the best coefficients of ${method} ${of(judged.tuned)}. Prune with ${name}.`;
}

const rowsOf = ({ judged: { dense, tuned, ria, wanda } }: TuneReport) => [
  { name: "dense", judged: dense, isMarked: false },
  { name: "tuned", judged: tuned, isMarked: true },
  { name: "RIA", judged: ria, isMarked: false },
  { name: "Wanda", judged: wanda, isMarked: false },
];

function facts(report: TuneReport): Markup {
  const { judge, seconds, objective, steps, study, optimiser, family, seed } = report;
  const phases = (["prepare", "study", "search", "check"] as const)
    .filter((phase) => seconds[phase] > 0)
    .map((phase) => `${phase} ${duration(seconds[phase])}`);
  const entries: readonly (readonly [name: string, text: string])[] = [
    ["Model", `${report.model}, ${report.dtype}`],
    ["Family", family ?? "not known"],
    ["Pattern", report.pattern],
    ["Calibrated on", report.calibration],
    [
      "Judged by",
      judge.text === null ? judge.name : `${judge.name}, ${judge.text.windows} windows of ${judge.text.length} tokens`,
    ],
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
