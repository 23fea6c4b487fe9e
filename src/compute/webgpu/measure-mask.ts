/**
 * Figures of a mask for tuning: how unequal the scores are that stay, and the error that the mask makes in the
 * weight's output if its input channels were independent of each other.
 */
import type { MaskFigures } from "../device.js";
import {
  BIN_WORDS,
  ERROR_CHUNK,
  ERROR_STRIP,
  outputErrorKernel,
  SCORE_BINS,
  SCORES_COUNTED,
  scoreHistogramKernel,
} from "./kernels/figures.js";
import { spread } from "./kernels/kernel.js";
import { errorSumsOf } from "./plan-bytes.js";
import { rangeOf, type SeenRange } from "./range.js";
import { writeBytes } from "./upload.js";
import type { WeightRun } from "./weight-run.js";

/**
 * Measures a mask.
 *
 * @param run with a plan by rows, which writes scores
 * @param bits the mask's, in storage order
 * @param squares of the input channels' norms, [in], finite
 */
export async function measureMask(
  run: WeightRun,
  bits: Uint8Array,
  squares: Float32Array,
): Promise<MaskFigures & { readonly range: SeenRange }> {
  const { work, plan, buffers, form } = run;
  const { shape, order } = plan.facts;
  const scores = run.take("scores");
  const histogram = run.take("histogram");
  const channels = run.take("squares");
  const chunks = Math.ceil(shape.in / ERROR_CHUNK);
  const sums = run.take("sums of errors");
  await run.prepare();
  await work.send([], (queue, encoder) => {
    encoder.clearBuffer(histogram.buffer);
    writeBytes(queue, buffers.bits.buffer, bits);
    writeBytes(queue, channels.buffer, new Uint8Array(Float32Array.from(squares).buffer));
  });
  await run.eachSlice((placed) => {
    const { job, slice } = placed;
    const scoring = run.scoreLaunch(placed, { scores });
    const workgroups = spread(Math.ceil((slice.count * shape.in) / SCORES_COUNTED));
    const counted = { scores, bits: buffers.bits, histogram };
    return [scoring, { kernel: scoreHistogramKernel(order), job, buffers: counted, workgroups }];
  });
  // Only now the range of all slices is known.
  await run.eachSlice(
    ({ job, slice }) => {
      const { bits, range } = buffers;
      const workgroups = [Math.ceil(slice.count / ERROR_STRIP), chunks] as const;
      const erring = { ...run.weightBuffers(), bits, squares: channels, range, sums };
      return [{ kernel: outputErrorKernel(form), job, buffers: erring, workgroups }];
    },
    (slice) => errorSumsOf(slice, shape.in),
  );
  const [bins, pairs, range] = (await work.read([histogram, sums, buffers.range])) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  return {
    ...ginisOf(new Uint32Array(bins.buffer), shape.out * shape.in),
    outputError: shareOf(new Float32Array(pairs.buffer)),
    range: rangeOf(range),
  };
}

/**
 * From counts and sums of bins in ascending order, as tune/gini-coefficient.ts: a bin of c scores with sum s that
 * follows b smaller ones adds (2b + c − n) s.
 *
 * @param all how many scores there are, with those that count as 0
 */
function ginisOf(bins: Uint32Array, all: number): { giniMasked: number; giniKept: number } {
  let kept = 0;
  for (let word = 0; word < bins.length; word += BIN_WORDS) kept += bins[word] as number;
  const float = new Float32Array(1);
  const bits = new Uint32Array(float.buffer);
  let [before, numerator, total] = [0, 0, 0];
  for (let bin = 0; bin < SCORE_BINS; bin++) {
    const [count, low, carries] = bins.subarray(BIN_WORDS * bin) as unknown as [number, number, number];
    if (count === 0) continue;
    // All of a bin share the upper 16 bits, so the lower ones are steps of the same size.
    bits[0] = bin << 16;
    const base = float[0] as number;
    bits[0] = (bin << 16) | 1;
    const sum = count * base + (low + carries * 2 ** 32) * ((float[0] as number) - base);
    numerator += (2 * before + count - kept) * sum;
    total += sum;
    before += count;
  }
  if (total === 0) return { giniMasked: 0, giniKept: 0 };
  const giniKept = numerator / (kept * total);
  // Zeros that are a share z of all numbers turn a coefficient G of the others into z + (1 − z) G.
  const zeros = (all - kept) / all;
  return { giniMasked: zeros + (1 - zeros) * giniKept, giniKept };
}

function shareOf(pairs: Float32Array): number {
  let [gone, all] = [0, 0];
  for (let k = 0; k < pairs.length; k += 2) {
    gone += pairs[k] as number;
    all += pairs[k + 1] as number;
  }
  return all > 0 ? gone / all : 0;
}
