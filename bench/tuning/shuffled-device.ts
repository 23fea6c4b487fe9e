/**
 * A device that sees every weight with its rows and columns in random order, for the control of the
 * window term: neighbours are then strangers, while rows, columns and their means are what they were.
 * Masks come back in the weight's own order. Groups of N:M are groups of the random order.
 */

import { open } from "node:fs/promises";
import type { ComputedMask, Device, MaskJob, WeightBytes } from "../../src/compute/index.js";
import { emptyMask, isKept, keep } from "../../src/pattern/index.js";
import { storageIndex } from "../../src/tensor/matrix.js";
import { RandomNumbers, seededState } from "../../src/tune/optimise/index.js";

export function shuffledDevice(device: Device, seed: number): Device {
  const orders = new Map<string, { rows: Uint32Array; columns: Uint32Array; bytes: Uint8Array }>();
  return {
    ...device,
    computeMask: async (job, signal) => {
      const known = orders.get(job.label) ?? (await shuffle(job, seedOf(job.label, seed)));
      orders.set(job.label, known);
      const { rows, columns, bytes } = known;
      const channelFactor = Float32Array.from(columns, (i) => job.channelFactor[i] as number);
      const shuffled = { ...job, bytes: { kind: "memory", read: async () => bytes } as const, channelFactor };
      return restored(await device.computeMask(shuffled, signal), rows, columns);
    },
  };
}

async function shuffle(job: MaskJob, seed: number) {
  const { out, in: channels } = job.shape;
  const random = new RandomNumbers(seededState(seed));
  const rows = permutation(out, random);
  const columns = permutation(channels, random);
  const stored = await bytesOf(job.bytes);
  const wordsIn = (buffer: ArrayBufferLike, offset: number) =>
    job.dtype === "float32"
      ? new Uint32Array(buffer, offset, out * channels)
      : new Uint16Array(buffer, offset, out * channels);
  const from = wordsIn(stored.buffer, stored.byteOffset);
  const to = wordsIn(new ArrayBuffer(stored.byteLength), 0);
  for (let o = 0; o < out; o++)
    for (let i = 0; i < channels; i++)
      to[storageIndex(job.shape, job.order, o, i)] = from[
        storageIndex(job.shape, job.order, rows[o] as number, columns[i] as number)
      ] as number;
  return { rows, columns, bytes: new Uint8Array(to.buffer) };
}

function restored(mask: ComputedMask, rows: Uint32Array, columns: Uint32Array): ComputedMask {
  const result = { ...emptyMask(mask.shape, mask.order), retained: mask.retained };
  for (let o = 0; o < mask.shape.out; o++)
    for (let i = 0; i < mask.shape.in; i++)
      if (isKept(mask, o, i)) keep(result, rows[o] as number, columns[i] as number);
  return result;
}

/** Another seed for each weight, whatever order they come in. */
function seedOf(label: string, seed: number): number {
  let hash = seed;
  for (const letter of label) hash = (Math.imul(hash, 31) + (letter.codePointAt(0) as number)) >>> 0;
  return hash;
}

function permutation(count: number, random: RandomNumbers): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random.uniform() * (i + 1));
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}

async function bytesOf(bytes: WeightBytes): Promise<Uint8Array> {
  if (bytes.kind === "codes") throw new Error("only float weights are shuffled");
  if (bytes.kind === "memory") return new Uint8Array(await bytes.read());
  const file = await open(bytes.path);
  try {
    const stored = new Uint8Array(bytes.byteLength);
    await file.read(stored, 0, bytes.byteLength, bytes.byteOffset);
    return stored;
  } finally {
    await file.close();
  }
}
