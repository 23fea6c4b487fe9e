/** Tables: a caption, a head, rows; figures to the right. A wide one scrolls by itself, also by keyboard. */
import { type Content, element, type Markup } from "./markup.js";

export interface Column {
  readonly title: string;
  /** Figures line up at their right. */
  readonly isFigure: boolean;
}

export interface Row {
  readonly cells: readonly Content[];
  /** The row that matters most. */
  readonly isMarked?: boolean;
}

/** @param rows as many cells as there are columns; the first cell names its row */
export function table(caption: string, columns: readonly Column[], rows: readonly Row[]): Markup {
  const classOf = (i: number) => (columns[i]?.isFigure ? "figure" : undefined);
  return element(
    "div",
    { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" },
    element(
      "table",
      {},
      element("caption", {}, caption),
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          columns.map(({ title }, i) => element("th", { scope: "col", class: classOf(i) }, title)),
        ),
      ),
      element(
        "tbody",
        {},
        rows.map(({ cells, isMarked = false }) =>
          element(
            "tr",
            { class: isMarked ? "marked" : undefined },
            cells.map((cell, i) =>
              i === 0
                ? element("th", { scope: "row", class: classOf(i) }, cell)
                : element("td", { class: classOf(i) }, cell),
            ),
          ),
        ),
      ),
    ),
  );
}

/** A column of words. */
export const words = (title: string): Column => ({ title, isFigure: false });
/** A column of figures. */
export const figures = (title: string): Column => ({ title, isFigure: true });
