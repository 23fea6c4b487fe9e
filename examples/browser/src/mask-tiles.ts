/** From a weight to what is drawn of its mask: shares of kept weights in tiles, and a window of single weights. */
/** A mask as the page draws it: shares of kept weights, row by row. */
export interface MaskTiles {
  /** [out, in] of the weight. */
  readonly out: number;
  readonly in: number;
  /** Of the weight. */
  readonly kept: number;
  /** The whole weight in tiles of `side` × `side` weights: shares kept, 0 … 255, [rows][columns]. */
  readonly whole: {
    readonly side: number;
    readonly rows: number;
    readonly columns: number;
    readonly shares: Uint8Array;
  };
  /** A window of single weights from (row, channel): 1 is kept, [rows][columns]. */
  readonly close: {
    readonly row: number;
    readonly channel: number;
    readonly rows: number;
    readonly columns: number;
    readonly kept: Uint8Array;
  };
}

/** Tiles of the whole weight along its longer side, at most. */
const MOST_TILES = 512;
/** Weights along a side of the window. */
export const WINDOW_SIDE = 48;

/**
 * @param values the pruned weight, [out, in]; what is not zero was kept
 * @param row first output row of the window; moved back where the weight ends before the window does
 * @param channel first input channel of the window; as `row`
 */
export function maskTiles(
  {
    shape,
    values,
  }: { readonly shape: { readonly out: number; readonly in: number }; readonly values: ArrayLike<number> },
  row: number,
  channel: number,
): MaskTiles {
  const { out, in: inputs } = shape;
  const side = Math.max(1, Math.ceil(Math.max(out, inputs) / MOST_TILES));
  const [rows, columns] = [Math.ceil(out / side), Math.ceil(inputs / side)];
  const counts = new Uint32Array(rows * columns);
  let kept = 0;
  for (let o = 0; o < out; o++) {
    const tileRow = Math.floor(o / side) * columns;
    for (let i = 0; i < inputs; i++) {
      if (values[o * inputs + i] === 0) continue;
      const tile = tileRow + Math.floor(i / side);
      counts[tile] = (counts[tile] as number) + 1;
      kept++;
    }
  }
  const shares = new Uint8Array(counts.length);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      // Tiles at the edges are smaller.
      const size = Math.min(side, out - r * side) * Math.min(side, inputs - c * side);
      shares[r * columns + c] = Math.round((255 * (counts[r * columns + c] as number)) / size);
    }
  return { out, in: inputs, kept, whole: { side, rows, columns, shares }, close: closeUp(shape, values, row, channel) };
}

function closeUp(
  { out, in: inputs }: { readonly out: number; readonly in: number },
  values: ArrayLike<number>,
  row: number,
  channel: number,
): MaskTiles["close"] {
  const [rows, columns] = [Math.min(WINDOW_SIDE, out), Math.min(WINDOW_SIDE, inputs)];
  const firstRow = Math.max(0, Math.min(row, out - rows));
  const firstChannel = Math.max(0, Math.min(channel, inputs - columns));
  const kept = new Uint8Array(rows * columns);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++)
      kept[r * columns + c] = values[(firstRow + r) * inputs + firstChannel + c] === 0 ? 0 : 1;
  return { row: firstRow, channel: firstChannel, rows, columns, kept };
}
