/** A scatter plot: one dot a row, the best among them in a colour of their own. */
import { element, type Markup } from "./markup.js";
import { dot, plot } from "./plot.js";
import { scaleOf } from "./scale.js";

export interface ScatterRow {
  readonly x: number;
  readonly y: number;
  /** Shown in the second colour, above the others. */
  readonly isMarked: boolean;
  /** Shown where the pointer rests. */
  readonly tip: string;
}

export interface Scatter {
  /** What the plot shows, in a sentence, for those who cannot see it. */
  readonly label: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly rows: readonly ScatterRow[];
  /** Whether both axes mean the same, so that a line where they are equal belongs there. */
  readonly hasDiagonal?: boolean;
}

const SIZE = { width: 340, height: 250 } as const;
const RADIUS = 3.6;

/** The rows whose two figures can be placed. */
export const drawable = (rows: readonly ScatterRow[]): readonly ScatterRow[] =>
  rows.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));

/** Draws the rows that can be placed. */
export function scatterPlot({ label, xTitle, yTitle, rows, hasDiagonal = false }: Scatter): Markup {
  const dots = drawable(rows);
  const [xs, ys] = [dots.map(({ x }) => x), dots.map(({ y }) => y)];
  const x = scaleOf(hasDiagonal ? [...xs, ...ys] : xs);
  const y = hasDiagonal ? x : scaleOf(ys);
  const frame = { size: SIZE, label, x: { scale: x, title: xTitle }, y: { scale: y, title: yTitle } };
  return plot(frame, (area) => [
    // From corner to corner: both axes have one scale.
    hasDiagonal
      ? element("line", { class: "equal", x1: area.left, y1: area.bottom, x2: area.right, y2: area.top })
      : null,
    // Marked ones last, so that they lie on top.
    [...dots]
      .sort((a, b) => Number(a.isMarked) - Number(b.isMarked))
      .map((row) => dot(area.x(row.x), area.y(row.y), RADIUS, row.isMarked ? "dot marked" : "dot", row.tip)),
  ]);
}
