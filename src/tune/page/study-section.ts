/** The study on the page: how far every objective can be trusted, as a table and as one plot each. */
import { agreement, ranks } from "../correlation.js";
import type { ObjectiveName } from "../objectives/index.js";
import { learnedCost, type Study, type StudyRow } from "../study.js";
import { candidateColumns } from "./candidate-columns.js";
import { candidateText, duration, figure, judgedFigure, NO_FIGURE, rho } from "./figures.js";
import { element, type Markup } from "./markup.js";
import { drawable, type Scatter, type ScatterRow, scatterPlot } from "./scatter.js";
import { figures, table, words } from "./table.js";

/** What the plots and the table say of an objective or of their combination. */
interface Rated {
  readonly name: string;
  readonly better: "lower" | "higher";
  readonly spearman: number;
  readonly spearmanBestThird: number;
  readonly setupSeconds: number;
  readonly secondsPerCandidate: number;
}

/** Table and plots of a study. @param judge its name */
export function studySection(study: Study, judge: string): Markup {
  const { rows, unsupported } = study;
  return element(
    "section",
    {},
    element("h2", {}, "Which objective to trust"),
    element(
      "p",
      {},
      `${rows.length} random candidates were measured by every objective and by ${judge}, which takes ` +
        `${duration(study.secondsToJudge)} a candidate. Spearman’s ρ says how well an objective ranks them: 1, or −1 where ` +
        "higher is better, is perfect, and 0 is chance. Among the best third (in the second colour) good candidates must be told from better ones, which is harder.",
    ),
    table(
      `Objectives and ${judge}`,
      [
        words("objective"),
        words("better"),
        ...["ρ", "ρ of the best third", "a candidate", "to get ready"].map(figures),
      ],
      byAgreement(study).map((one) => ({ cells: cellsOf(one) })),
    ),
    unsupported.length === 0
      ? null
      : element(
          "ul",
          {},
          unsupported.map(({ name, reason }) => element("li", {}, element("b", {}, name), ` was left out: ${reason}`)),
        ),
    element("div", { class: "grid" }, plotsOf(study, judge)),
  );
}

/** All candidates of a study with all their figures. @param judge its name */
export function studyRowsSection({ rows, objectives }: Study, judge: string): Markup {
  const candidates = candidateColumns(rows.map(({ candidate }) => candidate));
  const names = objectives.map(({ name }) => name);
  const sorted = [...rows].sort((a, b) => a.judged - b.judged);
  return element(
    "section",
    {},
    element("h2", {}, "Every candidate of the study"),
    table(
      `Candidates in order of ${judge}`,
      [figures(judge), ...names.map(figures), ...candidates.columns],
      sorted.map(({ candidate, judged, values }) => ({
        cells: [judgedFigure(judged), ...names.map((name) => figure(values[name])), ...candidates.cells(candidate)],
      })),
    ),
  );
}

/** The most trustworthy first. */
const byAgreement = (study: Study): Rated[] => [...ratedOf(study)].sort((a, b) => agreement(b) - agreement(a));

const cellsOf = (one: Rated): string[] => [
  one.name,
  one.better,
  rho(one.spearman),
  rho(one.spearmanBestThird),
  duration(one.secondsPerCandidate),
  duration(one.setupSeconds),
];

function ratedOf(study: Study): readonly Rated[] {
  const { objectives, learned } = study;
  if (learned === null) return objectives;
  const { spearman, spearmanBestThird } = learned;
  return [...objectives, { name: LEARNED, better: "lower", spearman, spearmanBestThird, ...learnedCost(study) }];
}

const LEARNED = "learned";

function plotsOf(study: Study, judge: string): Markup[] {
  const { rows, learned } = study;
  const isBest = bestThird(rows);
  const judgements = rows.map(({ judged }) => judged);
  const of = (one: Rated, plotted: Pick<Scatter, "xTitle" | "yTitle" | "hasDiagonal">, points: Points): Markup => {
    const dots = rows.map(({ judged, candidate }, i): ScatterRow => {
      const [x = Number.NaN, y = Number.NaN] = [points.x[i], points.y[i]];
      const tip = `${judge} ${judgedFigure(judged)}, ${one.name} ${figure(x)}\n${candidateText(candidate)}`;
      return { x, y, isMarked: isBest[i] === true, tip };
    });
    const label =
      `A dot a candidate, ${drawable(dots).length} of them: ${plotted.yTitle} over ${plotted.xTitle}. ` +
      `Spearman’s ρ is ${rho(one.spearman)}, among the best third ${rho(one.spearmanBestThird)}.`;
    return captioned(one, { ...plotted, label, rows: dots });
  };
  return byAgreement(study).map((one) => {
    if (one.name === LEARNED && learned !== null) {
      const titles = { xTitle: "expected rank, 0 is best", yTitle: "real rank", hasDiagonal: true };
      return of(one, titles, { x: learned.heldOut, y: sharesOf(ranks(judgements)) });
    }
    const name = one.name as ObjectiveName;
    const x = rows.map(({ values }) => values[name] ?? Number.NaN);
    return of(one, { xTitle: name, yTitle: judge }, { x, y: judgements });
  });
}

/** Both figures of each row. */
interface Points {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** Ranks from 1 as shares of the way from the first, 0, to the last, 1. */
const sharesOf = (all: readonly number[]): number[] => all.map((rank) => (rank - 1) / Math.max(1, all.length - 1));

function captioned(rated: Rated, scatter: Scatter): Markup {
  const missing = scatter.rows.length - drawable(scatter.rows).length;
  const facts = [
    `ρ ${rho(rated.spearman)}`,
    `best third ${rho(rated.spearmanBestThird)}`,
    `${duration(rated.secondsPerCandidate)} a candidate`,
  ];
  return element(
    "figure",
    {},
    element("figcaption", {}, element("b", {}, rated.name), " ", element("span", {}, facts.join(" · "))),
    scatterPlot(scatter),
    missing === 0
      ? null
      : element("p", { class: "note" }, `${missing} without a finite figure (${NO_FIGURE}) not shown`),
  );
}

/** Whether each row is in the third that the judge likes best, as the study counts it. */
function bestThird(rows: readonly StudyRow[]): boolean[] {
  const best = [...rows].sort((a, b) => a.judged - b.judged).slice(0, Math.ceil(rows.length / 3));
  return rows.map((row) => best.includes(row));
}
