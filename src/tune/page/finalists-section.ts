/** The final table: everything that was judged in the end. */
import { candidateKey } from "../candidate.js";
import { betterBaseline, type Finalist, type TuneReport } from "../report.js";
import { candidateColumns } from "./candidate-columns.js";
import { change, figure, judgedFigure, partsOf } from "./figures.js";
import { element, type Markup } from "./markup.js";
import { figures, type Row, table, words } from "./table.js";

interface Entry {
  readonly name: string;
  readonly judged: number;
  readonly finalist: Finalist | null;
}

/** Where a finalist is from, in words. */
const ORIGINS = {
  search: "found by the search",
  study: "best of the study",
  start: "known before",
} as const satisfies Record<Finalist["from"], string>;

/** Finalists, baselines and the dense model, the best first. */
export function finalistsSection(report: TuneReport): Markup {
  const { finalists, chosen, judge, judged, objective, accepted } = report;
  const base = betterBaseline(judged);
  const candidates = candidateColumns(finalists.map(({ candidate }) => candidate));
  const entries: Entry[] = [
    { name: "dense", judged: judged.dense, finalist: null },
    { name: "RIA", judged: judged.ria, finalist: null },
    { name: "Wanda", judged: judged.wanda, finalist: null },
    ...finalists.map((finalist) => ({
      name: ORIGINS[finalist.from],
      judged: finalist.judged,
      finalist,
    })),
  ];
  const rows = entries
    .sort((a, b) => a.judged - b.judged)
    .flatMap(({ name, judged: own, finalist }): Row[] => {
      const isChosen = finalist !== null && candidateKey(finalist.candidate) === candidateKey(chosen.candidate);
      const parts = finalist === null ? [] : partsOf(finalist.candidate);
      const candidate = finalist?.candidate ?? null;
      const figuresOfRow = [judgedFigure(own), change(own, base.judged), finalist && figure(finalist.value, 5)];
      const what = isChosen ? `${name}: ${accepted ? "taken" : "the best of them"}` : name;
      return [
        {
          isMarked: isChosen,
          cells: [what, ...figuresOfRow, ...candidates.cells(parts.length > 0 ? null : candidate)],
        },
        ...parts.map(([part, values]) => ({
          isMarked: isChosen,
          cells: [`  ${part}`, "", "", "", ...candidates.cells(candidate, values)],
        })),
      ];
    });
  return element(
    "section",
    {},
    element("h2", {}, `What ${judge.name} decided`),
    table(
      `Everything that was measured for real, in order of ${judge.name}`,
      [words("candidate"), ...[judge.name, `against ${base.name}`, objective.name].map(figures), ...candidates.columns],
      rows,
    ),
  );
}
