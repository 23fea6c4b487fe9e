/**
 * Writes a pruned file: masked tensors from memory one at a time, everything else streamed from the
 * source; counts the zeros that really stand in the result.
 */
import type { Target } from "../graph/index.js";
import { type ModelSink, writeModel } from "../onnx/index.js";
import { type Masked, maskEdits } from "./masks.js";
import type { Plan } from "./plan.js";
import type { ProgressMeter } from "./progress-meter.js";

/** Figures of a written file. */
export interface WrittenPlan {
  readonly zerosOf: ReadonlyMap<Target, number>;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  readonly bytes: number;
  readonly seconds: number;
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
  const tensors = maskEdits(masked.masks, (target, zeros) => zerosOf.set(target, zeros));
  const { signal } = plan.options;
  const written = await writeModel(plan.model.onnx, { tensors }, sink, {
    fileName: `${plan.name}.onnx`,
    onBytes: (done, total) => meter.step("write", done, total),
    ...(signal && { signal }),
  });
  const bytes = written.files.reduce((sum, file) => sum + file.bytes, 0);
  return { zerosOf, files: written.files, bytes, seconds: (performance.now() - start) / 1000 };
}
