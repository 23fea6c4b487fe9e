/**
 * Second moments of what enters a linear layer: how often, how far, and with which other channels each input
 * channel is active. All that weight updates know of the data.
 */

/** Sums over all tokens that reached a layer, padding left out. */
export interface SecondMoments {
  /** Input channels. */
  readonly channels: number;
  readonly tokens: number;
  /** Σ x, [in] */
  readonly sum: Float64Array;
  /** Σ x xᵀ, the upper triangle row after row: (i, j ≥ i) at `packedIndex(channels, i, j)`, [in · (in + 1) / 2]. */
  readonly packed: Float64Array;
}

/** Where element (row, column) of a symmetric matrix lies in its packed upper triangle; row ≤ column. */
export const packedIndex = (size: number, row: number, column: number): number =>
  row * size - (row * (row - 1)) / 2 + column - row;

/** Moments that grow. */
export class MomentTotal implements SecondMoments {
  tokens = 0;
  readonly sum: Float64Array;
  readonly packed: Float64Array;

  constructor(readonly channels: number) {
    this.sum = new Float64Array(channels);
    this.packed = new Float64Array((channels * (channels + 1)) / 2);
  }

  /** Adds those of some tokens. @param product Σ x xᵀ, [in, in]; the upper triangle is read */
  add(tokens: number, sum: Float32Array | Float64Array, product: Float32Array): void {
    const { channels, packed } = this;
    this.tokens += tokens;
    addTo(this.sum, sum);
    for (let i = 0, k = 0; i < channels; i++) {
      const end = (i + 1) * channels;
      for (let at = i * channels + i; at < end; at++, k++) packed[k] = (packed[k] as number) + (product[at] as number);
    }
  }

  addAll({ tokens, sum, packed }: SecondMoments): this {
    this.tokens += tokens;
    addTo(this.sum, sum);
    addTo(this.packed, packed);
    return this;
  }
}

function addTo(total: Float64Array, added: Float32Array | Float64Array): void {
  for (let i = 0; i < total.length; i++) total[i] = (total[i] as number) + (added[i] as number);
}

/** The diagonal Σ x², [in]. */
export function diagonalOf({ channels, packed }: SecondMoments): Float64Array {
  return Float64Array.from({ length: channels }, (_, i) => packed[packedIndex(channels, i, i)] as number);
}

/** Σ x xᵀ with both triangles, [in, in], as float64; `into` may be float32. */
export function fullProduct<Values extends Float32Array | Float64Array>(
  { channels, packed }: Pick<SecondMoments, "channels" | "packed">,
  into: Values,
): Values {
  for (let i = 0, k = 0; i < channels; i++)
    for (let j = i; j < channels; j++, k++) {
      const value = packed[k] as number;
      into[i * channels + j] = value;
      into[j * channels + i] = value;
    }
  return into;
}
