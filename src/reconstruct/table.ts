/**
 * What there is to move weights and masks with, by name and in words. Adding one is one file and one row; options,
 * help texts, reports and conformance tests read these tables. An update is loaded when it is first used, so that a
 * page loads what it uses.
 */
import type { Scope } from "../pattern/index.js";
import type { MethodName } from "../score/index.js";
import type { DsnotSettings } from "./dsnot.js";
import type { UpdatedWeight, WeightJob } from "./job.js";
import type { LayerInput } from "./layer-input.js";
import type { ObsSettings } from "./obs.js";
import type { SparseLlmSettings } from "./sparsellm.js";
import type { SwapsSettings } from "./swaps.js";

/** A method whose masks follow from its own updates, so that no device scores them. */
export interface AdaptiveMethod {
  readonly summary: string;
  /** Scope of an unstructured pattern when the user names none. */
  readonly defaultScope: Scope;
}

/** Methods that choose weights while they move others. */
export const ADAPTIVE_METHODS = {
  /** Frantar & Alistarh, SparseGPT: Massive Language Models Can Be Accurately Pruned in One-Shot, arXiv 2301.00774, §3 */
  sparsegpt: {
    summary: "chosen column by column, by what each weight costs after all before it were made up for",
    defaultScope: "matrix",
  },
} as const satisfies Record<string, AdaptiveMethod>;

/** Name of such a method. */
export type AdaptiveMethodName = keyof typeof ADAPTIVE_METHODS;

/** What chooses masks: a score, or an update that chooses while it moves weights. */
export type PruneMethodName = MethodName | AdaptiveMethodName;

/** Whether a method's masks follow from its own updates. */
export const isAdaptive = (method: string): method is AdaptiveMethodName => Object.hasOwn(ADAPTIVE_METHODS, method);

/** Numbers that an update can be told beside its name, for all updates together. */
export type UpdateParameters = SwapsSettings & DsnotSettings & Pick<SparseLlmSettings, "steps">;

/** What all updates are told; each reads its own part. */
export type UpdateSettings = ObsSettings & UpdateParameters;

/** Updates one weight. */
export type Update = (job: WeightJob, input: LayerInput, settings: UpdateSettings) => Promise<UpdatedWeight>;

/** A number that an update can be told. */
export interface UpdateParameter {
  readonly name: keyof UpdateParameters;
  readonly summary: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** Whether it counts something. */
  readonly whole: boolean;
}

/** What is known of an update before it is loaded. */
export interface Reconstruction {
  /** One line for help texts. */
  readonly summary: string;
  /** Whether it can also choose a mask of its own, without one to start from. */
  readonly choosesMask: boolean;
  /** What it works on: each weight alone, or also the weights of a feed-forward block together (feed-forward-update.ts). */
  readonly unit: "weight" | "feed-forward";
  readonly parameters: readonly UpdateParameter[];
  readonly load: () => Promise<Update>;
}

export const RECONSTRUCTIONS = {
  /** Frantar & Alistarh, SparseGPT, arXiv 2301.00774, §3.3 */
  obs: {
    summary: "later channels make up for what earlier ones lose, one pass in closed form",
    choosesMask: true,
    unit: "weight",
    parameters: [],
    load: async () => (await import("./obs.js")).obs,
  },
  /** ALPS, Meng et al., arXiv 2406.07831, §3 */
  admm: {
    summary: "mask and values are found together, with a penalty that grows; takes much longer",
    choosesMask: true,
    unit: "weight",
    parameters: [],
    load: async () => (await import("./admm.js")).admmBesideObs,
  },
  /** SparseSwaps, arXiv 2512.10922 */
  swaps: {
    summary: "weights stay; kept and pruned ones are exchanged while that lowers the layer's error",
    choosesMask: false,
    unit: "weight",
    parameters: [
      {
        name: "rounds",
        summary: "exchanges that an output row makes at most",
        ...{ default: 100, min: 1, max: 1e6, whole: true },
      },
    ],
    load: async () => (await import("./swaps.js")).swaps,
  },
  /** Zhang et al., Dynamic Sparse No Training, arXiv 2310.08915 */
  dsnot: {
    summary: "weights stay; kept and pruned ones are exchanged while that lowers the lost mean output",
    choosesMask: false,
    unit: "weight",
    parameters: [
      {
        name: "cycles",
        summary: "exchanges that an output row makes at most",
        ...{ default: 50, min: 1, max: 1e6, whole: true },
      },
      {
        name: "threshold",
        summary: "lost mean output of a row that is left alone",
        ...{ default: 0.1, min: 0, max: 1e6, whole: false },
      },
    ],
    load: async () => (await import("./dsnot.js")).dsnot,
  },
  /** SparseLLM, Bai et al., arXiv 2402.17946, §3 */
  sparsellm: {
    summary:
      "the layers of a feed-forward block are updated together, by way of what passes between them; others as obs",
    choosesMask: true,
    unit: "feed-forward",
    parameters: [
      {
        name: "steps",
        summary: "turns that a block's layers take; with 1 only the last one is fitted, to what the others leave it",
        ...{ default: 1, min: 1, max: 100, whole: true },
      },
    ],
    load: async () => (await import("./obs.js")).obs,
  },
} as const satisfies Record<string, Reconstruction>;

/** Name of an update. */
export type ReconstructionName = keyof typeof RECONSTRUCTIONS;

/** What updates are told where nobody says otherwise. */
export const DEFAULT_PARAMETERS: UpdateParameters = Object.freeze(
  Object.fromEntries(
    Object.values<Reconstruction>(RECONSTRUCTIONS).flatMap(({ parameters }) =>
      parameters.map((parameter) => [parameter.name, parameter.default]),
    ),
  ) as unknown as UpdateParameters,
);

/** An update by its name, with numbers that it is told: `{ name: "sparsellm", steps: 4 }`. */
export type ReconstructionWithParameters = {
  readonly [Name in ReconstructionName]: { readonly name: Name } & {
    readonly [Parameter in (typeof RECONSTRUCTIONS)[Name]["parameters"][number]["name"]]?: number;
  };
}[ReconstructionName];

/** An update by its name, as the table has it. */
export const reconstructionOf = (name: ReconstructionName): Reconstruction => RECONSTRUCTIONS[name];

/** One correction in closed form, of a layer that is pruned already. */
export interface RepairKind {
  readonly summary: string;
}

/** Corrections in closed form, in the order in which they are made. Sources: PERP (arXiv 2312.15230) trains the same parameters by gradients. */
export const REPAIRS = {
  "least-squares": { summary: "kept weights, to the least squared error of the layer's output" },
  scale: { summary: "one factor for each output row" },
  norm: { summary: "the weight of a norm in front of linear layers" },
  bias: { summary: "the mean of what was removed, added to the bias; layers without one get one" },
} as const satisfies Record<string, RepairKind>;

/** Name of a correction in closed form. */
export type RepairName = keyof typeof REPAIRS;
