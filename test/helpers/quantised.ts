/**
 * Weights of random codes for tests, and the numbers they stand for. Packing and values are written
 * apart from the package's own, by the operators' definitions, one element at a time.
 */

/** A seeded source of numbers in 0 … 1. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    // mulberry32, which is in the public domain.
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `count` whole numbers from `least` up to `most`. */
export const integers = (random: () => number, count: number, least: number, most: number): number[] =>
  Array.from({ length: count }, () => least + Math.floor(random() * (most - least + 1)));

/** Packs codes, the first in the low bits of a byte; two's complement where they are negative. */
export function pack(codes: readonly number[], bits: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((codes.length * bits) / 8));
  for (const [k, code] of codes.entries()) {
    const place = Math.floor((k * bits) / 8);
    bytes[place] = (bytes[place] as number) | ((code & (2 ** bits - 1)) << ((k * bits) % 8));
  }
  return bytes;
}

/** The code of element `k`; the inverse of `pack`. */
export function codeAt(bytes: Uint8Array, bits: number, signed: boolean, k: number): number {
  const code = ((bytes[Math.floor((k * bits) / 8)] as number) >> ((k * bits) % 8)) & (2 ** bits - 1);
  return signed && code >= 2 ** (bits - 1) ? code - 2 ** bits : code;
}

/** Packs two codes a byte, the first in the high bits. */
export function packHighFirst(codes: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(codes.length / 2));
  for (const [k, code] of codes.entries()) bytes[k >> 1] = (bytes[k >> 1] as number) | (code << (k % 2 === 0 ? 4 : 0));
  return bytes;
}
