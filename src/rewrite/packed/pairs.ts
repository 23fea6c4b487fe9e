/**
 * Pairs of four-bit codes in a byte, as operators read them. While a weight is packed or unpacked,
 * each of its codes has a byte of its own.
 */

/** Which of two codes that share a byte comes first: that in its low bits (MatMulNBits), or in its high ones (MatMulBnb4). */
export type PairOrder = "low-first" | "high-first";

/** The codes of a weight, a byte each. @param stored two in every byte */
export function splitPairs(stored: Uint8Array, order: PairOrder): Uint8Array<ArrayBuffer> {
  const codes = new Uint8Array(2 * stored.length);
  const [first, second] = order === "low-first" ? [0, 4] : [4, 0];
  for (let k = 0; k < stored.length; k++) {
    const byte = stored[k] as number;
    codes[2 * k] = (byte >> first) & 15;
    codes[2 * k + 1] = (byte >> second) & 15;
  }
  return codes;
}

/** Two codes in a byte again. @param codes of which the lowest four bits count; a missing last one counts as 0 */
export function joinPairs(codes: Uint8Array, order: PairOrder): Uint8Array<ArrayBuffer> {
  const stored = new Uint8Array(Math.ceil(codes.length / 2));
  const [first, second] = order === "low-first" ? [0, 4] : [4, 0];
  for (let k = 0; k < stored.length; k++)
    stored[k] = (((codes[2 * k] as number) & 15) << first) | (((codes[2 * k + 1] ?? 0) & 15) << second);
  return stored;
}
