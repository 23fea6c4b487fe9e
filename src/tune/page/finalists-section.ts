/** The final table: everything that real perplexity decided between. */
import { candidateKey } from "../candidate.js";
import type { Finalist, TuneReport } from "../report.js";
import { candidateColumns } from "./candidate-columns.js";
import { change, figure, partsOf, perplexityFigure } from "./figures.js";
import { element, type Markup } from "./markup.js";
import { betterBaseline } from "./outcome.js";
import { figures, type Row, table, words } from "./table.js";

interface Entry {
  readonly name: string;
  readonly perplexity: number;
  readonly finalist: Finalist | null;
}

/** Finalists, baselines and the dense model in order of perplexity. */
export function finalistsSection(report: TuneReport): Markup {
  const { finalists, chosen, perplexity, objective, accepted } = report;
  const base = betterBaseline(perplexity);
  const candidates = candidateColumns(finalists.map(({ candidate }) => candidate));
  const entries: Entry[] = [
    { name: "dense", perplexity: perplexity.dense, finalist: null },
    { name: "RIA", perplexity: perplexity.ria, finalist: null },
    { name: "Wanda", perplexity: perplexity.wanda, finalist: null },
    ...finalists.map((finalist) => ({
      name: finalist.from === "start" ? "known before" : "found by the search",
      perplexity: finalist.perplexity,
      finalist,
    })),
  ];
  const rows = entries
    .sort((a, b) => a.perplexity - b.perplexity)
    .flatMap(({ name, perplexity: own, finalist }): Row[] => {
      const isChosen = finalist !== null && candidateKey(finalist.candidate) === candidateKey(chosen.candidate);
      const parts = finalist === null ? [] : partsOf(finalist.candidate);
      const candidate = finalist?.candidate ?? null;
      const figuresOfRow = [perplexityFigure(own), change(own, base.perplexity), finalist && figure(finalist.value, 5)];
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
    element("h2", {}, "What real perplexity decided"),
    table(
      "Everything that was measured for real, in order of perplexity",
      [
        words("candidate"),
        ...["perplexity", `against ${base.name}`, objective.name].map(figures),
        ...candidates.columns,
      ],
      rows,
    ),
  );
}
