/**
 * Who a model is, as far as coefficients are concerned: a family, that is what its type and its width
 * make of it, and a fingerprint that tells it from every other model, whatever float type it is stored in.
 */
import type { Target } from "../graph/index.js";
import { byteLengthOf, readTensor } from "../onnx/index.js";
import { BYTES_PER_ELEMENT, type FloatType } from "../tensor/dtypes.js";

/** Weights of which a run of values is part of the fingerprint. */
const RUNS = 32;
/** Values in a run: 256 bytes of float32. */
const RUN_LENGTH = 64;

/** What may be left dense by default is left out: whether a head is a weight of its own depends on the export. */
const ownWeights = (targets: readonly Target[]) => targets.filter(({ denseByDefault }) => denseByDefault === null);

/**
 * The family of a model: its type and the class of its width, `"llama/512"`. The width is the commonest
 * number of input channels among its weights (the larger of two that are as common), the class the
 * largest power of two that is not above it.
 *
 * @param modelType `model_type` of the model's config, null where it is not known
 * @param targets all linear layers of a session file
 * @returns null where the type is not known or there is no weight
 */
export function familyOf(modelType: string | null, targets: readonly Target[]): string | null {
  const counts = new Map<number, number>();
  for (const { shape } of ownWeights(targets)) counts.set(shape.in, (counts.get(shape.in) ?? 0) + 1);
  const [commonest] = [...counts].sort(([a, inA], [b, inB]) => inB - inA || b - a);
  if (modelType === null || commonest === undefined) return null;
  return `${modelType}/${2 ** Math.floor(Math.log2(commonest[0]))}`;
}

/**
 * SHA-256, as hex, over names and shapes of the weights and over short runs of their values rounded to
 * float16, so that a model's float32 and float16 exports agree. Codes count as they are stored: a quantised file is
 * a model of its own, of the same family. Reads at most 32 times 256 bytes.
 *
 * @param targets all linear layers of a session file, whatever is to be pruned
 * @throws PruneError where the file cannot be read
 */
export async function fingerprintOf(targets: readonly Target[]): Promise<string> {
  const weights = [...ownWeights(targets)].sort((a, b) => (a.name < b.name ? -1 : 1));
  const runs = Math.min(RUNS, weights.length);
  const values: number[][] = [];
  for (let run = 0; run < runs; run++)
    values.push(await valuesOf(weights[Math.floor((run * weights.length) / runs)] as Target));
  const names = weights.map(({ name, shape }) => [name, shape.out, shape.in]);
  const bytes = new TextEncoder().encode(JSON.stringify([names, values]));
  const hash = new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", bytes));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** From the middle of a weight in storage order: values as the bits of half floats, or bytes of codes. */
async function valuesOf({ tensor, coding, shape }: Target): Promise<number[]> {
  const isFloat = coding.kind === "float";
  const size = isFloat ? BYTES_PER_ELEMENT[coding.dtype] : 1;
  const count = isFloat ? shape.out * shape.in : byteLengthOf(tensor.dataType, tensor.dims);
  const length = Math.min(RUN_LENGTH, count);
  const start = Math.floor((count - length) / 2) * size;
  const { data } = tensor;
  const stored =
    data.kind === "raw"
      ? await data.payload.source.read(data.payload.offset + start, length * size)
      : (await readTensor(tensor)).subarray(start, start + length * size);
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  const valueAt = isFloat ? HALF_OF[coding.dtype] : byteAt;
  return Array.from({ length }, (_, k) => valueAt(view, k * size));
}

const byteAt = (view: DataView, at: number): number => view.getUint8(at);

const HALF_OF = {
  float32: (view, at) => halfBits(view.getUint32(at, true)),
  float16: (view, at) => normalOrZero(view.getUint16(at, true)),
  bfloat16: (view, at) => halfBits(view.getUint16(at, true) << 16),
} as const satisfies Record<FloatType, (view: DataView, at: number) => number>;

/** Tools that convert to float16 lift the smallest values, each in its own way; so all subnormals count as 0. */
const normalOrZero = (half: number): number => ((half & 0x7c00) === 0 ? 0 : half);

/** Bits of the half float nearest to a float32, ties to even; subnormals are 0. */
function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  // 113 << 23 is 2^-14, the smallest normal half; what rounds up to it is the last 2^-25 below.
  if (magnitude < 0x387fe000) return 0;
  if (magnitude < 0x38800000) return sign | 0x0400;
  const half = (magnitude - 0x38000000) >>> 13;
  const rest = magnitude & 0x1fff;
  const rounded = half + (rest > 0x1000 || (rest === 0x1000 && half % 2 === 1) ? 1 : 0);
  return sign | Math.min(rounded, 0x7c00);
}
