/**
 * The result of every selection: one bit per weight, 1 means kept. Bits lie in the storage order
 * of the weight (bit k is element k of the stored tensor, lowest bit of a byte first), so that
 * writing zeros is one straight pass over the bytes.
 */
import type { Shape, StorageOrder } from "../tensor/matrix.js";
import { storageIndex } from "../tensor/matrix.js";

/** Which weights of an [out, in] matrix stay. */
export interface Mask {
  readonly shape: Shape;
  readonly order: StorageOrder;
  /** ceil(out · in / 8) bytes; unused bits of the last byte are 0. */
  readonly bits: Uint8Array;
}

/** A mask that keeps nothing, to be filled. */
export function emptyMask(shape: Shape, order: StorageOrder): Mask {
  return { shape, order, bits: new Uint8Array(Math.ceil((shape.out * shape.in) / 8)) };
}

/** Whether weight (o, i) is kept. */
export function isKept(mask: Mask, o: number, i: number): boolean {
  const k = storageIndex(mask.shape, mask.order, o, i);
  return ((mask.bits[k >> 3] as number) >> (k & 7)) % 2 === 1;
}

/** Marks weight (o, i) as kept. */
export function keep(mask: Mask, o: number, i: number): void {
  const k = storageIndex(mask.shape, mask.order, o, i);
  mask.bits[k >> 3] = (mask.bits[k >> 3] as number) | (1 << (k & 7));
}

const ONES = Uint8Array.from({ length: 256 }, (_, byte) => {
  let ones = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) ones++;
  return ones;
});

/** Bits that are 1. */
export function countOnes(bits: Uint8Array): number {
  let ones = 0;
  for (const byte of bits) ones += ONES[byte] as number;
  return ones;
}

/** Number of kept weights. */
export const countKept = (mask: Mask): number => countOnes(mask.bits);
