/**
 * Updates of one file, from samples to finished weights: groups of layers are calibrated one after the other, on the
 * dense model or behind the pruned ones before them, updated, and put aside.
 */
import { describeParts } from "../calibrate/collect-in-parts.js";
import { groupsOf } from "../calibrate/groups.js";
import type { Samples } from "../calibrate/index.js";
import { type GroupInput, type WalkOptions, walkGroups } from "../calibrate/walk-groups.js";
import type { Device } from "../compute/index.js";
import { residualOf, type Target } from "../graph/index.js";
import type { Products } from "../linalg/products.js";
import type { ModelEdits } from "../onnx/index.js";
import { reconstructionOf } from "../reconstruct/table.js";
import { openProducts, type Runtime, type SessionOptions } from "../runtime/index.js";
import type { Unfinished } from "../store/index.js";
import { GroupUpdates, normKey } from "./group-updates.js";
import { layerReadings } from "./layer-readings.js";
import type { Masked } from "./masks.js";
import type { Plan } from "./plan.js";
import type { ProgressMeter } from "./progress-meter.js";
import { repairPlaces } from "./repair-places.js";
import { groupingOf, notesOfMemory, weightsWithin } from "./update-groups.js";
import { type LayerReading, type UpdatedLayer, type UpdateServices, updateLayer } from "./update-layer.js";

/** What updating a file needs. */
export interface UpdateModelServices {
  readonly runtime: Runtime;
  readonly sessionOptions: SessionOptions;
  readonly samples: Samples;
  /** Computes the masks of methods that score; null for others. */
  readonly device: Device | null;
  /** Where finished groups are put aside. */
  readonly unfinished: Unfinished;
  readonly meter: ProgressMeter;
}

/** A file with its updates, and in what parts it was run, for the report; nothing where it was run whole. */
export interface UpdatedModel {
  readonly masked: Masked;
  readonly inParts: string;
}

/**
 * Updates all weights of a plan, pass after pass: pass n measures the model as pass n − 1 left it and updates the dense
 * weights again.
 *
 * @throws PruneError from calibration, the device and the updates; the signal's reason, between two layers
 */
export async function updateModel(plan: Plan, services: UpdateModelServices): Promise<UpdatedModel> {
  const products = await openProducts(services.runtime, services.sessionOptions);
  try {
    let spent: Masked["seconds"] = { calibrate: 0, mask: 0, update: 0 };
    let last: (UpdatedModel & { readonly updates: GroupUpdates }) | null = null;
    for (let pass = 0; pass < plan.passes; pass++) {
      const before = last?.updates.edits() ?? {};
      const next = await updateOnce(plan, { ...services, products, before, pass });
      spent = {
        calibrate: spent.calibrate + next.masked.seconds.calibrate,
        mask: 0,
        update: spent.update + next.masked.seconds.update,
      };
      last = { ...next, masked: { ...next.masked, seconds: spent } };
    }
    return last as UpdatedModel;
  } finally {
    await products.release();
  }
}

interface OnePass extends UpdateModelServices {
  readonly products: Products;
  /** What an earlier pass made of the model. */
  readonly before: ModelEdits;
  readonly pass: number;
}

async function updateOnce(plan: Plan, services: OnePass): Promise<UpdatedModel & { readonly updates: GroupUpdates }> {
  const { runtime, sessionOptions, samples, device, unfinished, meter, products, before, pass } = services;
  const { model, targets, options } = plan;
  const { signal, sequential, calibration } = options;
  const { norms, notes } = await repairPlaces(plan);
  const updates = new GroupUpdates(plan, new Map(norms.map((norm) => [normKey(norm), norm])), unfinished, pass);
  const together = await togetherIn(plan);
  const blocks = together?.feedForwards.blocks ?? [];
  const split = groupsOf(model, targets, groupingOf(plan, blocks.length > 0));
  const groups = together?.withWholeBlocks(split, blocks) ?? split;
  let [first, done, updating] = [0, 0, 0];
  const onWeight = ({ name }: Target) => meter.step("update", ++done, targets.length, name, pass);
  for (; first < groups.length; first++) {
    const group = groups[first] as readonly Target[];
    if (!(await updates.restore(first, group))) break;
    for (const target of group) onWeight(target);
  }
  const visit = async (group: readonly Target[], input: GroupInput, index: number) => {
    signal?.throwIfAborted();
    const start = performance.now();
    const updateServices = { device, products, onWeight };
    const layers = await (together === null
      ? updateLayers(plan, layerReadings(plan, group, input, norms), updateServices)
      : together.updateGroup(plan, group, input, { norms, ...together }, updateServices));
    await updates.finish(first + index, layers);
    updating += (performance.now() - start) / 1000;
    return sequential === null ? undefined : updates.editsOf(group);
  };
  const onSample = meter.samples(samples.total, pass);
  const start = performance.now();
  const walk: WalkOptions = {
    ...{ runtime, sessionOptions, edits: before },
    edited: (group) => updates.changedBy(group),
    ...(sequential !== null && first > 0 && { changed: updates.editsOf(groups.slice(0, first).flat()) }),
    ...(together !== null && blocks.length > 0 && { rows: together.rowsWanted(together.feedForwards) }),
    ...(options.target === "outputs" && { dense: { products, residuals: residualsOf(plan) } }),
    ...(calibration.memory !== null && { mostBytes: weightsWithin(calibration.memory, options.target) }),
  };
  const left = groups.slice(first);
  const control = { ...(signal && { signal }), onSample };
  const run = left.length === 0 ? null : await walkGroups(model, left, samples, walk, visit, control);
  const calibrate = (performance.now() - start) / 1000 - updating;
  const made = updates.updates();
  return {
    updates,
    inParts: run === null ? "" : describeParts(run),
    masked: {
      masks: updates.masks(),
      updates: {
        ...made,
        notes: [...notes, ...(together?.feedForwards.notes ?? []), ...notesOfMemory(plan, groups, walk), ...made.notes],
      },
      statistics: updates.counts(),
      seconds: { calibrate, mask: 0, update: updating },
    },
  };
}

/** What updates feed-forward blocks as one, with the blocks; null where the plan does not ask for that. */
async function togetherIn(plan: Plan) {
  const { reconstruct } = plan.options;
  if (reconstruct === null || reconstructionOf(reconstruct).unit !== "feed-forward") return null;
  const update = await import("./feed-forward-update.js");
  return { ...update, feedForwards: await update.feedForwardsOf(plan) };
}

/** Layers that are updated by themselves. */
async function updateLayers(
  plan: Plan,
  readings: readonly LayerReading[],
  services: UpdateServices,
): Promise<UpdatedLayer[]> {
  const updated: UpdatedLayer[] = [];
  for (const reading of readings) updated.push(await updateLayer(plan, reading, services));
  return updated;
}

const residualsOf = ({ model, targets }: Plan) =>
  new Map(
    targets.flatMap((target) => {
      const residual = residualOf(model, target);
      return residual === null ? [] : [[target, residual] as const];
    }),
  );
