/** The figures that decide, on one axis: dense, tuned, RIA and Wanda, one row each. */
import { capitalised, figure, judgedFigure, NO_FIGURE } from "./figures.js";
import { element, type Markup } from "./markup.js";
import { dot, type PlotArea, svg, ticksBelow } from "./plot.js";
import { scaleOf } from "./scale.js";

export interface JudgedRow {
  readonly name: string;
  readonly judged: number;
  /** The one that the page is about. */
  readonly isMarked: boolean;
}

const WIDTH = 520;
const ROW = 30;
const ROOM = { left: 64, right: 72, top: 6, bottom: 40 } as const;
const RADIUS = 5;

/**
 * Draws a row for each, in the order given; what is not finite has a dash in the place of its dot.
 *
 * @param judge its name
 */
export function judgeChart(judge: string, rows: readonly JudgedRow[]): Markup {
  const scale = scaleOf(rows.map(({ judged }) => judged));
  const bottom = ROOM.top + rows.length * ROW;
  const [left, right] = [ROOM.left, WIDTH - ROOM.right];
  const area: PlotArea = {
    left,
    right,
    top: ROOM.top,
    bottom,
    x: (value) => left + scale.at(value) * (right - left),
    y: (row) => ROOM.top + (row + 0.5) * ROW,
  };
  const label = `${capitalised(judge)}: ${rows.map(({ name, judged }) => `${name} ${judgedFigure(judged)}`).join(", ")}`;
  return svg(
    { width: WIDTH, height: bottom + ROOM.bottom },
    label,
    element("line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom }),
    ticksBelow(scale, area),
    element(
      "text",
      { class: "title", x: right, y: bottom + ROOM.bottom - 4, "text-anchor": "end" },
      `${judge}${scale.kind === "log" ? " (log scale)" : ""}, lower is better`,
    ),
    rows.map((row, i) => rowOf(row, area, area.y(i))),
  );
}

function rowOf({ name, judged, isMarked }: JudgedRow, { left, right, x }: PlotArea, y: number): Markup {
  const isKnown = Number.isFinite(judged);
  const className = isMarked ? "name marked" : "name";
  return element(
    "g",
    {},
    element("line", { class: "rule", x1: left, x2: right, y1: y, y2: y }),
    element("text", { class: className, x: left - 12, y: y + 4, "text-anchor": "end" }, name),
    isKnown ? dot(x(judged), y, RADIUS, isMarked ? "dot marked" : "dot", `${name}: ${figure(judged)}`) : null,
    element("text", { class: className, x: right + 12, y: y + 4 }, isKnown ? judgedFigure(judged) : NO_FIGURE),
  );
}
