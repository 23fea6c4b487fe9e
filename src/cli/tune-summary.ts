/** What `tune` prints at its end for people: what the judge said, coefficients, the study, what it cost, and how to use the result. */
import type { TuneResult } from "../hook/index.js";
import type { Coefficients } from "../score/index.js";
import { betterBaseline, type TuneReport } from "../tune/index.js";
import type { Style } from "./io.js";
import { formatTable, indent } from "./text-table.js";
import { describeStudy, formatRho } from "./tune-study.js";
import { formatJudged, formatSeconds } from "./units.js";

/** Where things went, and how to go on. */
export interface TunePlaces {
  readonly out: string;
  /** Path of the page, null where none was asked for. */
  readonly page: string | null;
  /** Command line that prunes with the coefficients of `out`. */
  readonly withFile: string;
  /** Command line that finds them by itself. */
  readonly withAuto: string;
  /** What must be done before either, null where nothing. */
  readonly before: string | null;
}

/** The summary as text, ending in a line break. */
export function tuneSummary({ report, record, registered }: TuneResult, places: TunePlaces, style: Style): string {
  const [head = "", ...rows] = judgements(report);
  const parts: (readonly string[])[] = [
    [style.bold(`${report.model} → ${places.out}`), describeRun(report)],
    indent([style.dim(head), ...rows]),
    report.accepted ? [] : [nothingBetter(report)],
    describeCoefficients(record.coefficients, record.passes),
    report.study === null ? [] : describeStudy(report.study, report.judge.name, style),
    [describeSearch(report), describeSeconds(report)],
    describePlaces(report, registered, places),
  ];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function describeRun({
  method,
  pattern,
  dtype,
  family,
  calibration,
  judge: { name, text },
  notes,
}: TuneReport): string {
  return [
    `${method}, ${pattern}, ${dtype}, family ${family ?? "unknown"}`,
    `calibration: ${calibration}`,
    `judged by: ${name}${text === null ? "" : `, ${text.windows} windows of ${text.length} tokens of the text`}`,
    ...notes,
  ].join("\n");
}

function judgements(report: TuneReport): string[] {
  const { dense, ria, wanda, tuned } = report.judged;
  const better = betterBaseline(report.judged);
  const rows = [
    ["", report.judge.name],
    ["dense", formatJudged(dense)],
    ["ria", formatJudged(ria)],
    ["wanda", formatJudged(wanda)],
    [
      "tuned",
      formatJudged(tuned),
      `${distance(tuned, better.judged)} against ${better.name}, the better of ria and wanda`,
    ],
  ];
  return formatTable(rows, ["left", "right", "left"]);
}

/** From one figure to another, in percent of it, with a sign; of 0 there are no percent. */
function distance(to: number, from: number): string {
  const percent = ((100 * (to - from)) / Math.abs(from)).toFixed(1).replace("-", "−");
  const text = from === 0 ? formatJudged(to) : `${percent}%`;
  return to > from ? `+${text}` : text;
}

function nothingBetter({ judged, method }: TuneReport): string {
  const { name } = betterBaseline(judged);
  return (
    `Nothing better than ${name} was found: these are the best coefficients of ${method} that there were, ` +
    `and --method ${name} is the better choice here.`
  );
}

function describeCoefficients(
  { all, byKind = {}, byDepth = [] }: TuneResult["record"]["coefficients"],
  passes: number,
): string[] {
  const values = (of: Coefficients) =>
    Object.entries(of)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ");
  const parts = [
    ...Object.entries(byKind).map(([kind, own]) => `  ${kind}: ${values(own)}`),
    ...byDepth.map((own, i) => `  part ${i + 1} of ${byDepth.length}: ${values(own)}`),
  ];
  return [`coefficients: ${values(all)}`, ...parts, ...(passes > 1 ? [`passes of calibration: ${passes}`] : [])];
}

function describeSearch({ objective, optimiser, steps, study, judge }: TuneReport): string {
  const rho =
    study === null || objective.spearman === null || Number.isNaN(objective.spearman)
      ? ""
      : `; its rank correlation with ${judge.name} is ${formatRho(objective.spearman)} over ${study.rows.length} candidates`;
  return `objective: ${objective.name}, ${steps.length} candidates by ${optimiser}, ${formatSeconds(objective.secondsPerCandidate)} each${rho}`;
}

function describeSeconds({ seconds: { total, ...phases } }: TuneReport): string {
  const parts = Object.entries(phases)
    .filter(([, spent]) => spent > 0)
    .map(([phase, spent]) => `${phase} ${formatSeconds(spent)}`);
  return `${formatSeconds(total)} in all: ${parts.join(", ")}`;
}

function describePlaces({ accepted }: TuneReport, registered: boolean, places: TunePlaces): string[] {
  const page = places.page === null ? [] : [`report: ${places.page}`];
  if (!accepted) return [`written to ${places.out} all the same, and not kept for coefficients: "auto"`, ...page];
  return [
    `written to ${places.out}; to use it:`,
    ...(places.before === null ? [] : indent([places.before])),
    ...indent([places.withFile]),
    ...(registered
      ? ['kept for coefficients: "auto" on this machine, so this finds it too:', ...indent([places.withAuto])]
      : []),
    ...page,
  ];
}
