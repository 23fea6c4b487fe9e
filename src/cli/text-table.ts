/** Columns of text that line up. */

/**
 * Pads cells so that columns line up, two spaces apart.
 *
 * @param rows [row][column]; a missing cell is empty
 * @param align per column; the last given one holds for all further columns
 * @returns one line per row, without trailing spaces
 */
export function formatTable(rows: readonly (readonly string[])[], align: readonly ("left" | "right")[]): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, c) => Math.max(...rows.map((row) => row[c]?.length ?? 0)));
  return rows.map((row) =>
    widths
      .map((width, c) => {
        const side = align[Math.min(c, align.length - 1)] ?? "left";
        const cell = row[c] ?? "";
        return side === "left" ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd(),
  );
}

/** Indents lines by two spaces. */
export const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`.trimEnd());
