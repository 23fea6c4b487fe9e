/** The course of a search: every measured value as a dot, the best so far as a line. */
import type { SearchStep } from "../search.js";
import { candidateText, figure } from "./figures.js";
import { element, type Markup } from "./markup.js";
import { dot, type PlotArea, plot } from "./plot.js";
import { scaleOf } from "./scale.js";

const SIZE = { width: 720, height: 300 } as const;
const RADIUS = 2.6;

/**
 * Draws the steps whose value is finite.
 *
 * @param title what the values are
 */
export function searchChart(steps: readonly SearchStep[], title: string, label: string): Markup {
  const numbered = steps
    .map((step, i) => ({ step, evaluation: i + 1 }))
    .filter(({ step }) => Number.isFinite(step.value) && Number.isFinite(step.best));
  const frame = {
    size: SIZE,
    label,
    x: { scale: scaleOf([0, ...numbered.map(({ evaluation }) => evaluation)]), title: "evaluation" },
    y: { scale: scaleOf(numbered.map(({ step }) => step.value)), title },
  };
  return plot(frame, (area) => [
    numbered.map(({ step, evaluation }) =>
      dot(area.x(evaluation), area.y(step.value), RADIUS, "dot", tipOf(step, evaluation)),
    ),
    numbered.length === 0 ? null : element("path", { class: "best", d: bestPath(numbered, area) }),
  ]);
}

const tipOf = ({ generation, value, candidate }: SearchStep, evaluation: number): string =>
  `${evaluation}: ${figure(value)}, ${generation === 0 ? "where the search began" : `generation ${generation}`}\n${candidateText(candidate)}`;

/** Steps down where something better is found, and level between. */
function bestPath(numbered: readonly { step: SearchStep; evaluation: number }[], { x, y }: PlotArea): string {
  const place = (value: number) => String(Math.round(value * 100) / 100);
  let best = Number.NaN;
  const moves = numbered.flatMap(({ step, evaluation }, i) => {
    if (i === 0) {
      best = step.best;
      return [`M${place(x(evaluation))} ${place(y(best))}`];
    }
    const isLast = i === numbered.length - 1;
    if (step.best === best) return isLast ? [`H${place(x(evaluation))}`] : [];
    best = step.best;
    return [`H${place(x(evaluation))}`, `V${place(y(best))}`];
  });
  return moves.join("");
}
