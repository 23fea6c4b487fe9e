/**
 * Writes a pruned file in the encoding asked for: weights from memory one at a time, everything else
 * streamed from the source; counts the zeros that really stand in the result.
 */
import type { Target } from "../graph/index.js";
import { type ModelSink, writeModel } from "../onnx/index.js";
import type { ByteComparison, WeightReport } from "../report.js";
import { encodeWeights } from "./encode-weights.js";
import type { Masked } from "./masks.js";
import type { Plan } from "./plan.js";
import type { ProgressMeter } from "./progress-meter.js";

/** Figures of a written file. */
export interface WrittenPlan {
  readonly zerosOf: ReadonlyMap<Target, number>;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  readonly bytes: number;
  readonly seconds: number;
  /** How weights are stored, where they were to be packed. */
  readonly stored: ReadonlyMap<Target, NonNullable<WeightReport["stored"]>>;
  /** Other encodings, where the options ask for a comparison. */
  readonly compared?: ByteComparison;
}

/**
 * Writes `<plan.name>.onnx`, and external data beside it where the source has such or 2 GB are exceeded.
 *
 * @throws PruneError `storage` from the sink; the signal's reason when aborted
 */
export async function writePlan(
  plan: Plan,
  masked: Masked,
  sink: ModelSink,
  meter: ProgressMeter,
): Promise<WrittenPlan> {
  const start = performance.now();
  const zerosOf = new Map<Target, number>();
  const { signal, encoding, compareBytes: compress } = plan.options;
  const encoded = await encodeWeights(plan, masked, encoding, (target, zeros) => zerosOf.set(target, zeros));
  const written = await writeModel(plan.model.onnx, encoded.edits, sink, {
    fileName: `${plan.name}.onnx`,
    external: encoded.external,
    onBytes: (done, total) => meter.step("write", done, total),
    ...(signal && { signal }),
  });
  const bytes = written.files.reduce((sum, file) => sum + file.bytes, 0);
  const seconds = (performance.now() - start) / 1000;
  const compared =
    encoding === "packed" || compress
      ? await (await import("./compare-bytes.js")).compareBytes(plan, masked, compress)
      : undefined;
  return { zerosOf, files: written.files, bytes, seconds, stored: encoded.stored, ...(compared && { compared }) };
}
