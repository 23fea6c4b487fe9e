/** The mask of a weight: its groups decided slice by slice, or ranks found by row or in the matrix. */
import type { Launch, Sized } from "./gpu.js";
import { keepKernel, PACK_STRIP, packKernel } from "./kernels/keep.js";
import { spread } from "./kernels/kernel.js";
import {
  countKernel,
  equalsKernel,
  findKernel,
  KEYS_COUNTED,
  ROUND_SHIFTS,
  shareKernel,
} from "./kernels/rank-matrix.js";
import { rankRowsKernel } from "./kernels/rank-rows.js";
import type { Plan } from "./plan.js";
import { rangeOf, type SeenRange } from "./range.js";
import type { Placed, WeightRun } from "./weight-run.js";

/** What a device finds. */
export interface Found {
  /** The mask's bits, in storage order. */
  readonly bits: Uint8Array;
  readonly retained: number;
  readonly range: SeenRange;
}

/** Computes the mask. Nothing comes back in between, so a job is one round trip. */
export async function maskWeight(run: WeightRun): Promise<Found> {
  const { work, buffers, plan } = run;
  await run.prepare();
  await MASKED_BY[plan.rule](run);
  const [bits, sums, range] = await work.read([buffers.bits, buffers.sums, buffers.range]);
  return { bits: bits as Uint8Array, retained: retainedOf(sums as Uint8Array), range: rangeOf(range as Uint8Array) };
}

/** What follows on the terms. */
const MASKED_BY = {
  group: maskGroups,
  row: maskRows,
  matrix: maskMatrix,
} as const satisfies Record<Plan["rule"], (run: WeightRun) => Promise<void>>;

async function maskGroups(run: WeightRun): Promise<void> {
  const { buffers, plan } = run;
  const chunks = Math.ceil(plan.facts.shape.in / plan.chunk);
  await run.eachSlice(
    (placed) => [run.scoreLaunch(placed, { bits: buffers.bits, sums: buffers.sums })],
    ({ count }) => Math.ceil(count / plan.strip) * chunks,
  );
}

async function maskRows(run: WeightRun): Promise<void> {
  const { buffers } = run;
  const scores = run.take("scores");
  const cuts = run.take("cuts");
  const rowBits = run.take("rows of bits");
  await run.eachSlice((placed) => {
    const { slice, job } = placed;
    const workgroups = spread(slice.count);
    return [
      run.scoreLaunch(placed, { scores }),
      { kernel: rankRowsKernel(), job, buffers: { scores, cuts }, workgroups },
      { kernel: keepKernel("slice"), job, buffers: { scores, cuts, rowBits, sums: buffers.sums }, workgroups },
    ];
  });
  await pack(run, rowBits);
}

async function maskMatrix(run: WeightRun): Promise<void> {
  const { work, plan, buffers } = run;
  const { shape } = plan.facts;
  const scored: { readonly placed: Placed; readonly scores: Sized }[] = [];
  await run.eachSlice((placed) => {
    const scores = work.storage("scores", 4 * placed.slice.count * shape.in);
    scored.push({ placed, scores });
    return [run.scoreLaunch(placed, { scores })];
  });
  const histogram = run.take("digits");
  const rank = run.take("rank");
  const equals = run.take("equals");
  const cuts = run.take("cuts");
  const rowBits = run.take("rows of bits");
  const job = run.wholeJob();
  const rounds = ROUND_SHIFTS.flatMap((shift): Launch[] => [
    ...scored.map(
      ({ placed, scores }): Launch => ({
        ...{ kernel: countKernel(shift), job: placed.job, buffers: { scores, rank, histogram } },
        workgroups: spread(Math.ceil((placed.slice.count * shape.in) / KEYS_COUNTED)),
      }),
    ),
    { kernel: findKernel(shift), job, buffers: { histogram, rank }, workgroups: [1, 1] },
  ]);
  const launches: Launch[] = [
    ...rounds,
    ...scored.map(
      ({ placed, scores }): Launch => ({
        ...{ kernel: equalsKernel(), job: placed.job, buffers: { scores, rank, equals } },
        workgroups: spread(placed.slice.count),
      }),
    ),
    { kernel: shareKernel(), job, buffers: { equals, rank, cuts }, workgroups: [1, 1] },
    ...scored.map(
      ({ placed, scores }): Launch => ({
        ...{ kernel: keepKernel("weight"), job: placed.job, buffers: { scores, cuts, rowBits, sums: buffers.sums } },
        workgroups: spread(placed.slice.count),
      }),
    ),
  ];
  await work.send(launches, (_, encoder) => {
    for (const { buffer } of [histogram, rank]) encoder.clearBuffer(buffer);
  });
  await pack(run, rowBits);
}

async function pack(run: WeightRun, rowBits: Sized): Promise<void> {
  const { plan, buffers } = run;
  const { shape, order } = plan.facts;
  await run.work.send([
    {
      ...{ kernel: packKernel(order), job: run.wholeJob(), buffers: { rowBits, bits: buffers.bits } },
      workgroups: [Math.ceil(shape.out / PACK_STRIP), plan.rowWords],
    },
  ]);
}

/** Pairs of kept and of all scores, added up in float64. */
function retainedOf(sums: Uint8Array): number {
  const pairs = new Float32Array(sums.buffer, sums.byteOffset, sums.byteLength / 4);
  let [kept, total] = [0, 0];
  for (let k = 0; k < pairs.length; k += 2) {
    kept += pairs[k] as number;
    total += pairs[k + 1] as number;
  }
  return total > 0 ? Math.min(1, kept / total) : 1;
}
