/**
 * Prunes one model again and again and measures what came of it. Second moments of the dense model are collected once
 * for all rows that need no other; what runs the model between layers, or only wants norms, goes the way it always goes.
 */
import { join } from "node:path";
import { collectMoments, cutWindows, openSamples, type Samples, type Tokenizer } from "../../src/calibrate/index.js";
import { createCpuDevice } from "../../src/compute/cpu/index.js";
import { openMaskDevice } from "../../src/compute/index.js";
import { perplexity } from "../../src/eval/index.js";
import { findNorms, type Target } from "../../src/graph/index.js";
import { coefficientLibrary } from "../../src/hook/coefficient-library.node.js";
import { hostRuntime, onnxRuntime } from "../../src/hook/host.js";
import { loadTokenizer } from "../../src/hook/location.node.js";
import type { SecondMoments } from "../../src/linalg/second-moments.js";
import { resolvePruneOption } from "../../src/options/index.js";
import { GroupUpdates, normKey } from "../../src/prune/group-updates.js";
import {
  type Masked,
  maskBySamples,
  movesWeights,
  openPlan,
  type Plan,
  ProgressMeter,
  prunedEdits,
} from "../../src/prune/index.js";
import { layerReadings } from "../../src/prune/layer-readings.js";
import { updateLayer } from "../../src/prune/update-layer.js";
import type { CoefficientLibrary } from "../../src/registry/index.js";
import { openProducts } from "../../src/runtime/products.js";
import { unfinishedInMemory } from "../../src/store/index.js";
import type { BenchModel } from "./models.js";
import { patternOptions, type RowOptions } from "./rows.js";

/** What came of a row. */
export interface Measured {
  readonly perplexity: number;
  readonly zeros: number;
  /** `calibrate` is that of the shared moments where the row used these; `processor` is of all cores together. */
  readonly seconds: Readonly<Record<"calibrate" | "update" | "total" | "processor", number>>;
}

/** Layer errors by the weights' names. */
export type LayerErrors = ReadonlyMap<string, number>;

/** Second moments by the weights' names; those that read one activation share one object. */
interface Moments {
  readonly byName: ReadonlyMap<string, SecondMoments>;
  readonly seconds: number;
  readonly processor: number;
}

/** One model, its texts and its moments. */
export class UpdateRun {
  readonly runtime = hostRuntime((model, options) => onnxRuntime().InferenceSession.create(model, options));
  readonly products = openProducts(this.runtime, {});
  private readonly device = createCpuDevice();
  private moments: Promise<Moments> | undefined;

  private constructor(
    readonly model: BenchModel,
    private readonly tokenizer: Tokenizer,
    private readonly windows: readonly (readonly number[])[],
  ) {}

  static async open(model: BenchModel): Promise<UpdateRun> {
    const tokenizer = await loadTokenizer(model.folder, null, { local_files_only: true });
    const { windows: count, length } = model.golden;
    const windows = cutWindows(model.evaluation, tokenizer, { count, length, bos: false });
    return new UpdateRun(model, tokenizer, windows);
  }

  async close(): Promise<void> {
    await this.products.release();
    await this.device.close();
  }

  /** Perplexity and seconds of a row. */
  async measure(row: RowOptions, pattern: string): Promise<Measured> {
    return this.withPlan(row, pattern, async (plan) => {
      const { masked, seconds } = isOneShot(plan) ? await this.oneShot(plan) : await this.asAlways(plan);
      const options = { runtime: this.runtime, sessionOptions: {} };
      const weights = { masks: masked.masks, updates: masked.updates ?? null };
      let zeros = 0;
      const edits = prunedEdits(weights, (_, own) => {
        zeros += own;
      });
      const { perplexity: measured } = await perplexity(plan.model.onnx, this.windows, { ...options, edits });
      return { perplexity: measured, zeros, seconds };
    });
  }

  /** Layer errors of a row on the dense model's moments, masks without updates included. */
  async errors(row: RowOptions, pattern: string): Promise<LayerErrors> {
    return this.withPlan(row, pattern, async (plan) => {
      const { masked } = await this.oneShot(plan);
      return new Map([...(masked.updates?.weights ?? [])].map(([{ name }, { error }]) => [name, error]));
    });
  }

  /** Hands out the weights that read one activation, activation after activation, with their moments. */
  async eachInput(visit: (targets: readonly Target[], moments: SecondMoments) => Promise<void>): Promise<void> {
    await this.withPlan({ method: "sparsegpt" }, "2:4", async (plan) => {
      const { byName } = await this.momentsOf(plan);
      for (const moments of new Set(byName.values()))
        await visit(
          plan.targets.filter(({ name }) => byName.get(name) === moments),
          moments,
        );
    });
  }

  private async withPlan<Result>(
    row: RowOptions,
    pattern: string,
    use: (plan: Plan) => Promise<Result>,
  ): Promise<Result> {
    const { folder, calibration, golden } = this.model;
    const texts = { texts: calibration, count: golden.calibrationCount, length: golden.length };
    const resolved = resolvePruneOption({ ...row, ...patternOptions(pattern), calibration: texts }).forFile("model");
    if (resolved === null) throw new Error("nothing to prune");
    const input = join(folder, "onnx", "model.onnx");
    const plan = await openPlan({ input, name: "model" }, resolved, shippedFor(folder));
    try {
      return await use(plan);
    } finally {
      await plan.model.onnx.close();
    }
  }

  private async asAlways(plan: Plan): Promise<{ masked: Masked; seconds: Measured["seconds"] }> {
    const [start, processorStart] = [performance.now(), processorSeconds()];
    const openDevice = () => openMaskDevice({ wanted: "cpu", hostGpu: async () => null });
    const tokenizer = async () => this.tokenizer;
    const services = { runtime: this.runtime, sessionOptions: {}, tokenizer, openDevice };
    const [done] = await maskBySamples([plan], services, (one) => ProgressMeter.of(one, undefined));
    if (done === undefined) throw new Error("no masks");
    const { calibrate, mask, update } = done.masked.seconds;
    const total = (performance.now() - start) / 1000;
    const processor = processorSeconds() - processorStart;
    return { masked: done.masked, seconds: { calibrate, update: mask + update, total, processor } };
  }

  private async oneShot(plan: Plan): Promise<{ masked: Masked; seconds: Measured["seconds"] }> {
    const { byName, seconds: calibrate, processor: before } = await this.momentsOf(plan);
    const [start, processorStart] = [performance.now(), processorSeconds()];
    const { norms } = plan.options.repair.includes("norm") ? await findNorms(plan.model, plan.targets) : { norms: [] };
    const updates = new GroupUpdates(plan, new Map(norms.map((one) => [normKey(one), one])), unfinishedInMemory(), 0);
    const moments = new Map(plan.targets.map((target) => [target, byName.get(target.name) as SecondMoments]));
    const input = { moments, rows: new Map(), dense: null };
    const services = { device: this.device, products: this.products, onWeight: () => {} };
    for (const [index, reading] of layerReadings(plan, plan.targets, input, norms).entries())
      await updates.finish(index, [await updateLayer(plan, reading, services)]);
    const update = (performance.now() - start) / 1000;
    const masked = {
      masks: updates.masks(),
      updates: updates.updates(),
      statistics: new Map(),
      seconds: { calibrate, mask: 0, update },
    };
    const processor = before + processorSeconds() - processorStart;
    return { masked, seconds: { calibrate, update, total: calibrate + update, processor } };
  }

  private async momentsOf(plan: Plan): Promise<Moments> {
    this.moments ??= this.collect(plan);
    return this.moments;
  }

  private async collect({ model, targets, options, name }: Plan): Promise<Moments> {
    const samples: Samples = await openSamples(options.calibration, async () => this.tokenizer, name);
    const [start, processorStart] = [performance.now(), processorSeconds()];
    const services = { runtime: this.runtime, sessionOptions: {}, edits: {} };
    const moments = await collectMoments(model, targets, samples, services, {});
    const byName = new Map([...moments].map(([target, own]) => [target.name, own]));
    const seconds = (performance.now() - start) / 1000;
    return { byName, seconds, processor: processorSeconds() - processorStart };
  }
}

/** What this process has used of all cores so far: tells more than the clock where the machine does other things. */
function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Coefficients that are shipped; what somebody tuned on this machine would not be the same elsewhere. */
function shippedFor(folder: string): CoefficientLibrary {
  const library = coefficientLibrary(folder, {});
  return {
    ...library,
    registries: async () => (await library.registries()).filter(({ kind }) => kind === "shipped"),
  };
}

/** Whether all it needs are second moments of the dense model. */
const isOneShot = ({ options }: Plan): boolean =>
  movesWeights(options) && options.sequential === null && options.reconstruct !== "sparsellm";
