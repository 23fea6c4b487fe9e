/**
 * Numbers of a few bits that share bytes by planes, so that nodes of a graph unpack them by shifting
 * a whole tensor and joining what comes out: places of slots, and kept codes of four bits.
 */

/** Small numbers along an axis, several of which share a byte. */
export interface Planes {
  /** Product of the dims before the axis, and of those after it. */
  readonly outer: number;
  readonly inner: number;
  /** Bytes along the axis. */
  readonly rows: number;
  /** Of a number, 1 … 8; a byte holds as many as fit. */
  readonly bits: number;
}

/**
 * Byte r along the axis holds numbers r, rows + r, 2 · rows + r, …, the first in the lowest bits.
 *
 * @param numbers [outer, perByte · rows, inner], a byte each; missing ones at the end count as 0
 * @returns [outer, rows, inner] bytes
 */
export function packPlanes(numbers: Uint8Array, { outer, inner, rows, bits }: Planes): Uint8Array<ArrayBuffer> {
  const perByte = Math.floor(8 / bits);
  const plane = rows * inner;
  const bytes = new Uint8Array(outer * plane);
  for (let o = 0; o < outer; o++)
    for (let p = 0; p < perByte; p++)
      for (let r = 0, from = (o * perByte + p) * plane; r < plane; r++)
        bytes[o * plane + r] = (bytes[o * plane + r] as number) | ((numbers[from + r] as number) << (bits * p));
  return bytes;
}

/** The inverse of {@link packPlanes}. @returns [outer, perByte · rows, inner] numbers, a byte each */
export function unpackPlanes(bytes: Uint8Array, { outer, inner, rows, bits }: Planes): Uint8Array<ArrayBuffer> {
  const perByte = Math.floor(8 / bits);
  const plane = rows * inner;
  const largest = 2 ** bits - 1;
  const numbers = new Uint8Array(outer * perByte * plane);
  for (let o = 0; o < outer; o++)
    for (let p = 0; p < perByte; p++)
      for (let r = 0, to = (o * perByte + p) * plane; r < plane; r++)
        numbers[to + r] = ((bytes[o * plane + r] as number) >> (bits * p)) & largest;
  return numbers;
}
