/**
 * One weight on the GPU: its buffers, its slices one after the other through the one buffer for weights, and
 * what all that is done with it begins with: sums, terms, scores.
 */
import type { ScoreTerms } from "../../score/index.js";
import type { QuantisedCoding } from "../../tensor/coding.js";
import type { Shape } from "../../tensor/matrix.js";
import type { Launch, Sized } from "./gpu.js";
import { type JobValues, spread } from "./kernels/kernel.js";
import { scoreKernel } from "./kernels/score.js";
import { ROW_PART, SUM_STRIP, sumsKernel, TERM_THREADS, termsKernel } from "./kernels/sums.js";
import type { StoredForm, WeightForm } from "./kernels/weight.js";
import { columnPartsOf, type Plan, type Slice } from "./plan.js";
import type { BufferBytes } from "./plan-bytes.js";
import { factorsFor } from "./range.js";
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

/** Buffers that all rules use. */
export interface Buffers {
  readonly weight: Sized;
  readonly scales: Sized | null;
  readonly columns: Sized;
  readonly rows: Sized;
  readonly range: Sized;
  readonly bits: Sized;
  readonly sums: Sized;
}

/** A slice, and the uniform of its job. */
export interface Placed {
  readonly slice: Slice;
  readonly job: GPUBuffer;
}

export class WeightRun {
  readonly buffers: Buffers;
  readonly form: WeightForm;
  private uploaded = false;

  constructor(
    readonly work: Work,
    readonly plan: Plan,
    private readonly input: WeightInput,
  ) {
    this.buffers = this.takeBuffers();
    this.form = { order: plan.facts.order, stored: input.form, shifted: input.coding === null && input.shift !== 0 };
  }

  /** A buffer that the plan counts with. */
  take(name: keyof BufferBytes): Sized {
    return this.work.storage(name, this.plan.bytes[name]);
  }

  /** Scales, row and column terms; zeros where bits and ranges go. */
  async prepare(): Promise<void> {
    const { work, plan, input, buffers, form } = this;
    const { shape } = plan.facts;
    const columnSums = this.take("column sums");
    const rowSums = this.take("row sums");
    const factors = this.take("factors");
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

  /** The buffers that hold the slice at work. */
  weightBuffers(): Record<string, Sized> {
    const { weight, scales } = this.buffers;
    return scales === null ? { weight } : { weight, scales };
  }

  /** The launch that scores a slice, to keys or to bits as its plan says. */
  scoreLaunch({ slice, job }: Placed, targets: Record<string, Sized>): Launch {
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

  /**
   * Slice after slice through the one buffer for weights: uploads it, and runs what is launched for it.
   *
   * @param sumsOf how many pairs of sums the launches write for a slice
   */
  async eachSlice(
    launchesOf: (placed: Placed) => readonly Launch[],
    sumsOf: (slice: Slice) => number = () => 0,
  ): Promise<void> {
    const { work, plan, input, buffers } = this;
    let [firstPart, firstSum] = [0, 0];
    for (const slice of plan.slices) {
      const { bytes, ...layout } = bytesOfSlice(plan, slice, input.stored, input.coding);
      const job = work.uniform(this.valuesOf(slice, layout, firstPart, firstSum));
      // One slice stays where it is after it was summed.
      const isThere = plan.slices.length === 1 && this.uploaded;
      await work.send(launchesOf({ slice, job }), (queue) => {
        if (!isThere) writeBytes(queue, buffers.weight.buffer, bytes);
      });
      this.uploaded = true;
      firstPart += columnPartsOf(slice.count);
      firstSum += sumsOf(slice);
    }
  }

  /** The uniform of a job that looks at all output rows. */
  wholeJob(): GPUBuffer {
    const { out } = this.plan.facts.shape;
    const whole = { first: 0, count: out, loadFirst: 0, loadCount: out };
    return this.work.uniform(this.valuesOf(whole, { origin: 0, stride: 0 }, 0, 0));
  }

  private takeBuffers(): Buffers {
    return {
      weight: this.take("weight"),
      scales: this.input.scales === null ? null : this.take("scales"),
      columns: this.take("columns"),
      rows: this.take("rows"),
      range: this.take("range"),
      bits: this.take("mask"),
      sums: this.take("sums of scores"),
    };
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
