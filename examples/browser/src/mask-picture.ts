/** Two pictures of a mask: all of it in tiles, and single weights from a place on; each with its words. */
import { byId } from "./dom.js";
import type { MaskTiles } from "./mask-tiles.js";
import { count, percent } from "./units.js";

type Colour = readonly [red: number, green: number, blue: number];

const CLOSE_PIXELS = 8;
let shown: { readonly name: string; readonly tiles: MaskTiles } | null = null;

/** Draws a mask, and again whenever light turns dark. */
export function showMask(name: string, tiles: MaskTiles): void {
  shown = { name, tiles };
  drawWhole(name, tiles);
  drawClose(tiles.close);
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  if (shown !== null) showMask(shown.name, shown.tiles);
});

function drawWhole(name: string, { whole, out, in: inputs, kept }: MaskTiles): void {
  const { rows, columns, shares, side } = whole;
  const [zero, one] = [colour("--zero"), colour("--kept")];
  const range = [Math.min(...rowsOf(shares, Math.min)), Math.max(...rowsOf(shares, Math.max))] as const;
  // Tiles of a pruned weight differ little: the colours span what there is, and the text says so.
  const spread = Math.max(1, range[1] - range[0]);
  const image = new ImageData(columns, rows);
  for (const [index, share] of shares.entries())
    for (let c = 0; c < 3; c++) {
      const [from, to] = [zero[c] as number, one[c] as number];
      image.data[4 * index + c] = from + ((to - from) * (share - range[0])) / spread;
      image.data[4 * index + 3] = 255;
    }
  const canvas = byId("whole", HTMLCanvasElement);
  paint(canvas, image);
  canvas.setAttribute("aria-label", `Mask of ${name}, all of it`);
  byId("whole-text", HTMLElement).textContent =
    `${name}, ${count(out)} outputs down × ${count(inputs)} inputs across: ${percent(1 - kept / (out * inputs))} zeros. ` +
    (side === 1
      ? "One pixel a weight."
      : `One pixel for ${side} × ${side} weights, from ${percent(range[0] / 255)} kept to ${percent(range[1] / 255)}.`);
}

/** Extremes of pieces, because a call takes only so many arguments. */
function rowsOf(values: Uint8Array, of: (...values: number[]) => number): number[] {
  const found: number[] = [];
  for (let from = 0; from < values.length; from += 4096) found.push(of(...values.subarray(from, from + 4096)));
  return found;
}

function drawClose({ rows, columns, kept, row, channel }: MaskTiles["close"]): void {
  const canvas = byId("close", HTMLCanvasElement);
  canvas.width = columns * CLOSE_PIXELS;
  canvas.height = rows * CLOSE_PIXELS;
  const context = contextOf(canvas);
  const [zero, one] = [colour("--zero"), colour("--kept")].map((value) => `rgb(${value.join(" ")})`) as [
    string,
    string,
  ];
  for (const [index, bit] of kept.entries()) {
    context.fillStyle = bit === 1 ? one : zero;
    const [x, y] = [index % columns, Math.floor(index / columns)];
    context.fillRect(x * CLOSE_PIXELS, y * CLOSE_PIXELS, CLOSE_PIXELS - 1, CLOSE_PIXELS - 1);
  }
  const counts = Array.from({ length: rows }, (_, r) =>
    kept.subarray(r * columns, (r + 1) * columns).reduce((sum, bit) => sum + bit, 0),
  );
  const total = counts.reduce((sum, value) => sum + value, 0);
  byId("close-text", HTMLElement).textContent =
    `Rows ${row} to ${row + rows - 1}, channels ${channel} to ${channel + columns - 1}: ${total} of ${kept.length} weights ` +
    `stay, ${Math.min(...counts)} to ${Math.max(...counts)} of a row.`;
}

function paint(canvas: HTMLCanvasElement, image: ImageData): void {
  canvas.width = image.width;
  canvas.height = image.height;
  contextOf(canvas).putImageData(image, 0, 0);
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser gives no canvas to draw on");
  return context;
}

/** A colour of the style sheet, `r g b`. */
function colour(name: string): Colour {
  const parts = getComputedStyle(document.documentElement).getPropertyValue(name).trim().split(/\s+/).map(Number);
  return parts as [number, number, number];
}
