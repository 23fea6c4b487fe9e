/**
 * Measures rows of golden figures on one model. Statistics are collected once for all rows that share
 * them (those of the dense model, and of each masked model that a further pass looks at), and
 * perplexity is taken with the pruned tensors handed over from memory. The figures come from an
 * independent PyTorch implementation (protocol P1); test/fixtures/golden.json has them.
 */
import { join } from "node:path";
import { collectStatistics, cutWindows, openSamples, type Tokenizer } from "../../src/calibrate/index.js";
import { createCpuDevice } from "../../src/compute/cpu/index.js";
import { perplexity } from "../../src/eval/index.js";
import { hostRuntime, onnxRuntime } from "../../src/hook/host.js";
import { loadTokenizer } from "../../src/hook/location.node.js";
import { resolvePruneOption } from "../../src/options/index.js";
import { countKept } from "../../src/pattern/index.js";
import {
  type Collect,
  computeMasks,
  type Masked,
  maskEdits,
  onDevice,
  openPlan,
  type Plan,
  ProgressMeter,
} from "../../src/prune/index.js";
import type { CoefficientLibrary } from "../../src/registry/index.js";
import type { ChannelStatistics, Coefficients } from "../../src/score/index.js";
import figures from "../fixtures/golden.json" with { type: "json" };

/** How much text protocol P1 takes of a model. */
export interface GoldenProtocol {
  readonly length: number;
  readonly calibrationCount: number;
  readonly windows: number;
}

/** Figures of one model under protocol P1. */
export interface GoldenModel extends GoldenProtocol {
  readonly dense: number;
  readonly rows: readonly GoldenRow[];
  /** Rows whose kept weights move; block 128, damping 0.01, moments of the dense model. */
  readonly updates?: readonly GoldenRow[];
}

export interface GoldenRow {
  readonly method: string;
  readonly sparsity?: number;
  readonly scope?: string;
  readonly pattern?: string;
  readonly permute?: boolean;
  readonly coefficients?: Coefficients;
  readonly passes: number;
  readonly perplexity: number;
  readonly zeros: number;
}

export const GOLDEN: Readonly<Record<string, GoldenModel>> = figures;

/** What we got for a row. */
export interface MeasuredRow {
  readonly row: GoldenRow;
  readonly perplexity: number;
  readonly zeros: number;
}

/** The row's settings in one line. */
export const describeRow = ({ method, sparsity, scope, pattern, permute, coefficients, passes }: GoldenRow): string =>
  [
    method,
    pattern ?? `${sparsity} by ${scope}`,
    permute ? "permuted" : "",
    coefficients === undefined ? "" : `(${Object.values(coefficients).join(", ")})`,
    passes > 1 ? `${passes} passes` : "",
  ]
    .filter((part) => part !== "")
    .join(" ");

type ByName = ReadonlyMap<string, ChannelStatistics>;

/** Measures a model given by its directory. */
export class GoldenRun {
  private readonly known = new Map<string, Promise<ByName>>();
  private readonly runtime = hostRuntime((model, options) => onnxRuntime().InferenceSession.create(model, options));
  private readonly device = createCpuDevice();

  private constructor(
    private readonly path: string,
    private readonly library: CoefficientLibrary | null,
    private readonly golden: GoldenProtocol,
    private readonly calibrationText: string,
    private readonly windows: readonly (readonly number[])[],
    private readonly tokenizer: Tokenizer,
  ) {}

  /**
   * @param file session file in `onnx/`, without `.onnx`
   * @param library where coefficients come from that a row does not give
   */
  static async open(
    folder: string,
    golden: GoldenProtocol,
    texts: { calibration: string; evaluation: string },
    { file = "model", library = null }: { file?: string; library?: CoefficientLibrary | null } = {},
  ): Promise<GoldenRun> {
    const tokenizer = await loadTokenizer(folder, null, { local_files_only: true });
    const windows = cutWindows(texts.evaluation, tokenizer, {
      count: golden.windows,
      length: golden.length,
      bos: false,
    });
    return new GoldenRun(join(folder, "onnx", `${file}.onnx`), library, golden, texts.calibration, windows, tokenizer);
  }

  async dense(): Promise<number> {
    const plan = await this.plan({ method: "magnitude", sparsity: 0, passes: 1, perplexity: 0, zeros: 0 });
    try {
      return await this.perplexityOf(plan, new Map());
    } finally {
      await plan.model.onnx.close();
    }
  }

  /** @param look is shown the masks while the model is open */
  async measure(row: GoldenRow, look?: (plan: Plan, masked: Masked) => Promise<void>): Promise<MeasuredRow> {
    const plan = await this.plan(row);
    try {
      const meter = new ProgressMeter(undefined, plan.name, {
        calibrated: plan.calibrated,
        updated: false,
        passes: row.passes,
      });
      const masked = (await computeMasks([plan], this.collect(row), onDevice(this.device), () => meter)).get(plan);
      if (masked === undefined) throw new Error("no masks");
      const { masks } = masked;
      await look?.(plan, masked);
      const zeros = [...masks.values()].reduce(
        (sum, mask) => sum + mask.shape.out * mask.shape.in - countKept(mask),
        0,
      );
      return { row, zeros, perplexity: await this.perplexityOf(plan, masks) };
    } finally {
      await plan.model.onnx.close();
    }
  }

  /** Perplexity under masks from elsewhere. */
  async under(row: GoldenRow, masksOf: (plan: Plan) => Masked["masks"]): Promise<number> {
    const plan = await this.plan(row);
    try {
      return await this.perplexityOf(plan, masksOf(plan));
    } finally {
      await plan.model.onnx.close();
    }
  }

  private async perplexityOf({ model }: Plan, masks: Masked["masks"]): Promise<number> {
    const options = { runtime: this.runtime, sessionOptions: {}, edits: { tensors: maskEdits(masks) } };
    return (await perplexity(model.onnx, this.windows, options)).perplexity;
  }

  close(): Promise<void> {
    return this.device.close();
  }

  private plan({ method, sparsity, scope, pattern, permute, coefficients, passes }: GoldenRow): Promise<Plan> {
    const { length, calibrationCount: count } = this.golden;
    const option = {
      method,
      sparsity,
      scope,
      pattern,
      permute,
      coefficients,
      passes,
      calibration: { texts: this.calibrationText, count, length },
    };
    const given = Object.fromEntries(Object.entries(option).filter(([, value]) => value !== undefined));
    const resolved = resolvePruneOption(given).forFile("model");
    if (resolved === null) throw new Error("nothing to prune");
    return openPlan({ input: this.path, name: "model" }, resolved, this.library);
  }

  /** Statistics by weight name, so that plans of different rows can share them. */
  private collect(row: GoldenRow): Collect {
    return async ([plan], tensors, pass) => {
      if (plan === undefined) throw new Error("no plan");
      const key = pass === 0 ? "dense" : `${describeRow({ ...row, passes: 1 })} ${pass}`;
      const known = this.known.get(key) ?? this.collectByName(plan, tensors.get(plan) ?? new Map());
      this.known.set(key, known);
      const byName = await known;
      return new Map([
        [plan, new Map(plan.targets.map((target) => [target, byName.get(target.name) as ChannelStatistics]))],
      ]);
    };
  }

  private async collectByName(plan: Plan, tensors: ReturnType<typeof maskEdits>): Promise<ByName> {
    const samples = await openSamples(plan.options.calibration, async () => this.tokenizer, plan.name);
    const options = { runtime: this.runtime, sessionOptions: {}, edits: { tensors } };
    const statistics = await collectStatistics(plan.model, plan.targets, samples, options, {});
    return new Map([...statistics].map(([target, own]) => [target.name, own]));
  }
}
