/**
 * A plan carried out: slices are uploaded and summed, sums become terms, slices are scored, ranks found, and
 * bits come back. Nothing comes back in between, so a job is one round trip.
 */
import type { ScoreTerms } from "../../score/index.js";
import type { QuantisedCoding } from "../../tensor/coding.js";
import type { Shape } from "../../tensor/matrix.js";
import type { Launch, Sized } from "./gpu.js";
import { keepKernel, PACK_STRIP, packKernel } from "./kernels/keep.js";
import { type JobValues, spread } from "./kernels/kernel.js";
import {
  BINS,
  countKernel,
  equalsKernel,
  findKernel,
  KEYS_COUNTED,
  RANK_WORDS,
  ROUND_SHIFTS,
  shareKernel,
} from "./kernels/rank-matrix.js";
import { rankRowsKernel } from "./kernels/rank-rows.js";
import { scoreKernel } from "./kernels/score.js";
import { ROW_PART, SUM_STRIP, sumsKernel, TERM_THREADS, termsKernel } from "./kernels/sums.js";
import type { StoredForm, WeightForm } from "./kernels/weight.js";
import { columnPartsOf, type Plan, type Slice } from "./plan.js";
import { factorsFor, type SeenRange } from "./range.js";
import { bytesOfSlice, type SliceLayout, writeBytes } from "./upload.js";
import type { Work } from "./work.js";

/** What a plan is carried out on. */
export interface WeightInput {
  readonly stored: Uint8Array;
  readonly form: StoredForm;
  readonly coding: QuantisedCoding | null;
  /** Scale and zero of each group of codes. */
  readonly scales: Float32Array<ArrayBuffer> | null;
  readonly scaleColumns: number;
  /** stat(i)^power, [in]. */
  readonly factor: Float32Array;
  /** Power of two by which |W| is multiplied; the scales of codes have it already. */
  readonly shift: number;
}

/** What a device finds. */
export interface Found {
  /** The mask's bits, in storage order. */
  readonly bits: Uint8Array;
  readonly retained: number;
  readonly range: SeenRange;
}

/** Buffers that all rules use. */
interface Buffers {
  readonly weight: Sized;
  readonly scales: Sized | null;
  readonly columns: Sized;
  readonly rows: Sized;
  readonly range: Sized;
  readonly bits: Sized;
  readonly sums: Sized;
}

/** A slice, and the uniform of its job. */
interface Placed {
  readonly slice: Slice;
  readonly job: GPUBuffer;
  readonly layout: SliceLayout;
}

/** Carries out the plan. */
export async function maskWeight(work: Work, plan: Plan, input: WeightInput): Promise<Found> {
  return new Masking(work, plan, input, takeBuffers(work, plan, input)).run();
}

function takeBuffers(work: Work, plan: Plan, { scales }: WeightInput): Buffers {
  const { shape } = plan.facts;
  return {
    weight: work.storage("weight", plan.sliceBytes),
    scales: scales === null ? null : work.storage("scales", scales.byteLength),
    columns: work.storage("columns", 8 * shape.in),
    rows: work.storage("rows", 4 * shape.out),
    range: work.storage("range", 8),
    bits: work.storage("mask", Math.ceil((shape.out * shape.in) / 8)),
    sums: work.storage("sums of scores", 8 * plan.sumCount),
  };
}

class Masking {
  private readonly form: WeightForm;

  constructor(
    private readonly work: Work,
    private readonly plan: Plan,
    private readonly input: WeightInput,
    private readonly buffers: Buffers,
  ) {
    this.form = { order: plan.facts.order, stored: input.form, shifted: input.coding === null && input.shift !== 0 };
  }

  async run(): Promise<Found> {
    const { work, buffers, plan } = this;
    await this.prepare();
    await this.scoreBy[plan.rule]();
    const [bits, sums, range] = (await work.read([buffers.bits, buffers.sums, buffers.range])) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    const [largestBits, complement] = new Uint32Array(range.buffer) as unknown as [number, number];
    return { bits, retained: retainedOf(sums), range: { largestBits, smallestBits: ~complement >>> 0 } };
  }

  /** What follows on the terms, for each rule. */
  private readonly scoreBy = {
    group: () => this.maskGroups(),
    row: () => this.maskRows(),
    matrix: () => this.maskMatrix(),
  };

  /** Scales, row and column terms; zeros where bits and ranges go. */
  private async prepare(): Promise<void> {
    const { work, plan, input, buffers, form } = this;
    const { shape } = plan.facts;
    const columnSums = work.storage("column sums", Math.max(4, 4 * plan.columnParts * shape.in));
    const rowSums = work.storage("row sums", Math.max(4, 4 * plan.rowParts * shape.out));
    const factors = work.storage("factors", 4 * shape.in);
    await work.send([], (queue, encoder) => {
      for (const { buffer } of [buffers.bits, buffers.range]) encoder.clearBuffer(buffer);
      writeBytes(queue, factors.buffer, bytesOf(input.factor));
      if (buffers.scales !== null) writeBytes(queue, buffers.scales.buffer, bytesOf(input.scales as Float32Array));
    });
    if (plan.relative) {
      const kernel = sumsKernel(form);
      await this.eachSlice(({ slice, job }) => [
        {
          ...{ kernel, job, buffers: { ...this.weightBuffers(), columnSums, rowSums } },
          workgroups: [Math.ceil(slice.count / SUM_STRIP), Math.ceil(shape.in / ROW_PART)],
        },
      ]);
    }
    await work.send([
      {
        kernel: termsKernel(),
        job: this.wholeJob(),
        buffers: { columnSums, rowSums, factors, columns: buffers.columns, rows: buffers.rows },
        workgroups: spread(Math.ceil(Math.max(shape.in, shape.out) / TERM_THREADS)),
      },
    ]);
  }

  private async maskGroups(): Promise<void> {
    const { buffers } = this;
    await this.eachSlice((placed) => [this.scoreLaunch(placed, { bits: buffers.bits, sums: buffers.sums })]);
  }

  private async maskRows(): Promise<void> {
    const { work, plan, buffers } = this;
    const scores = work.storage("scores", plan.scoreBytes);
    const cuts = work.storage("cuts", 8 * Math.max(...plan.slices.map(({ count }) => count)));
    const rowBits = work.storage("rows of bits", 4 * plan.facts.shape.out * plan.rowWords);
    await this.eachSlice((placed) => {
      const { slice, job } = placed;
      const workgroups = spread(slice.count);
      return [
        this.scoreLaunch(placed, { scores }),
        { kernel: rankRowsKernel(), job, buffers: { scores, cuts }, workgroups },
        { kernel: keepKernel("slice"), job, buffers: { scores, cuts, rowBits, sums: buffers.sums }, workgroups },
      ];
    });
    await this.pack(rowBits);
  }

  private async maskMatrix(): Promise<void> {
    const { work, plan, buffers } = this;
    const { shape } = plan.facts;
    const scored: { readonly placed: Placed; readonly scores: Sized }[] = [];
    await this.eachSlice((placed) => {
      const scores = work.storage("scores", 4 * placed.slice.count * shape.in);
      scored.push({ placed, scores });
      return [this.scoreLaunch(placed, { scores })];
    });
    const histogram = work.storage("histogram", 4 * BINS);
    const rank = work.storage("rank", 4 * RANK_WORDS);
    const equals = work.storage("equals", 4 * shape.out);
    const cuts = work.storage("cuts", 8 * shape.out);
    const rowBits = work.storage("rows of bits", 4 * shape.out * plan.rowWords);
    const job = this.wholeJob();
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
    await this.pack(rowBits);
  }

  private async pack(rowBits: Sized): Promise<void> {
    const { plan, buffers } = this;
    const { shape, order } = plan.facts;
    await this.work.send([
      {
        ...{ kernel: packKernel(order), job: this.wholeJob(), buffers: { rowBits, bits: buffers.bits } },
        workgroups: [Math.ceil(shape.out / PACK_STRIP), plan.rowWords],
      },
    ]);
  }

  private weightBuffers(): Record<string, Sized> {
    const { weight, scales } = this.buffers;
    return scales === null ? { weight } : { weight, scales };
  }

  private scoreLaunch({ slice, job }: Placed, targets: Record<string, Sized>): Launch {
    const { plan, form, buffers } = this;
    const { size, strip, batch, group } = plan;
    const { columns, rows, range } = buffers;
    return {
      kernel: scoreKernel({ weight: form, size, strip, batch, group }),
      job,
      buffers: { ...this.weightBuffers(), columns, rows, range, ...targets },
      workgroups: [Math.ceil(slice.count / strip), Math.ceil(plan.facts.shape.in / plan.chunk)],
    };
  }

  /** Slice after slice through the one buffer for weights: uploads it, and runs what is launched for it. */
  private async eachSlice(launchesOf: (placed: Placed) => readonly Launch[]): Promise<void> {
    const { work, plan, input, buffers } = this;
    let [firstPart, firstSum] = [0, 0];
    for (const slice of plan.slices) {
      const { bytes, ...layout } = bytesOfSlice(plan, slice, input.stored, input.coding);
      const job = work.uniform(this.valuesOf(slice, layout, firstPart, firstSum));
      const launches = launchesOf({ slice, job, layout });
      // One slice stays where it is after it was summed.
      const isThere = plan.slices.length === 1 && this.uploaded;
      await work.send(launches, (queue) => {
        if (!isThere) writeBytes(queue, buffers.weight.buffer, bytes);
      });
      this.uploaded = true;
      firstPart += columnPartsOf(slice.count);
      if (plan.rule === "group")
        firstSum += Math.ceil(slice.count / plan.strip) * Math.ceil(plan.facts.shape.in / plan.chunk);
    }
  }
  private uploaded = false;

  private wholeJob(): GPUBuffer {
    const { out } = this.plan.facts.shape;
    const whole = { first: 0, count: out, loadFirst: 0, loadCount: out };
    return this.work.uniform(this.valuesOf(whole, { origin: 0, stride: 0 }, 0, 0));
  }

  private valuesOf(slice: Slice, layout: SliceLayout, firstPart: number, firstSum: number): JobValues {
    const { plan, input } = this;
    const { shape, terms } = plan.facts;
    return {
      ...{ outputs: shape.out, inputs: shape.in },
      ...slice,
      ...layout,
      shift: input.shift,
      scaleColumns: input.scaleColumns,
      chunk: plan.chunk,
      ...{ columnParts: plan.columnParts, rowParts: plan.rowParts, firstPart, firstSum },
      rowWords: plan.rowWords,
      keepCount: plan.keepCount,
      ...coefficientsOf(terms, shape, input.shift),
    };
  }
}

/** The formula's coefficients as kernels take them: those of sums times the number of summands. */
function coefficientsOf({ one, row, column, window }: ScoreTerms, shape: Shape, shift: number) {
  const factors = factorsFor(shift, row === 0 && column === 0 && window === 0);
  return {
    one: one * factors.one,
    row: row * shape.in * factors.ratios,
    column: column * shape.out * factors.ratios,
    window: window * factors.ratios,
  };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => new Uint8Array(buffer, byteOffset, byteLength);

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
