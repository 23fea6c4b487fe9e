/**
 * Two kinds of options: friendly ones, as users write them, and resolved ones, complete and frozen,
 * which is all that the other rooms see. `resolve.ts` turns the first into the second and refuses
 * what it does not know.
 */
import type { WeightKind } from "../graph/index.js";
import type { Pattern, Scope, Unstructured } from "../pattern/index.js";
import type {
  PruneMethodName,
  ReconstructionName,
  ReconstructionWithParameters,
  RepairName,
  UpdateParameters,
} from "../reconstruct/table.js";
import type { CoefficientSet, Coefficients } from "../score/index.js";
import type { PresetName } from "./presets.js";

/** How pruned weights are stored. */
export type Encoding = "dense" | "packed";

/** A feed of a session as transformers.js or ONNX Runtime would take it, by input name. */
export type RawFeeds = Readonly<Record<string, unknown>>;

/**
 * With what, and how much, a model is calibrated. At most one of `texts`, `tokens`, `feeds`, `run`.
 * `Pipe` is what `run` is given; `never` takes a function of any pipeline.
 */
export interface CalibrationOptions<Pipe = never> {
  /** Text for a model that reads text: one long text, or several that are joined by a blank line. Default: a built-in sample. */
  texts?: string | readonly string[];
  /** Token ids, one array a sample; used as they are. */
  tokens?: readonly (readonly number[])[];
  /** Ready inputs of the session, one object a sample, streamed. Padding is left out where `attention_mask` says so. */
  feeds?: Iterable<RawFeeds> | AsyncIterable<RawFeeds>;
  /**
   * Any use of the model: it is given the tapped pipeline (or model), and every token that passes counts.
   * (A method, so that options of no particular pipeline, `const options: PruneOptions`, fit every one.)
   */
  run?(pipe: Pipe): unknown;
  /** Name of the samples given as `feeds` or by `run`, so that the result can be cached: change it when they change. */
  id?: string;
  /** Samples cut from `texts`; default 32. */
  count?: number;
  /** Tokens in a sample cut from `texts`; default 512. A model that must be run as a whole (encoder and decoder) gets 128 at most. */
  length?: number;
  /** Start every sample with the tokenizer's BOS (then it holds length − 1 text tokens); default false. */
  bos?: boolean;
  /**
   * About how much memory the process may take, in bytes or as "800MB" or "1GB": a model that is too large for it is
   * run in parts, one after the other, with what passes between them in files of the system's temporary folder. Default:
   * no bound, the model is run as a whole. Not together with `run` or `verify`, which open the whole model.
   */
  memory?: number | `${number}MB` | `${number}GB`;
}

/**
 * Coefficients as numbers: those of all weights by parameter, and further ones by kind of weight or by
 * depth (the blocks fall into as many segments of equal share as there are entries). A parameter that
 * is left out takes its default; in `byKind` and `byDepth` the number that stands beside them.
 */
export interface CoefficientValues {
  readonly [parameter: string]: number | CoefficientValues["byKind"] | CoefficientValues["byDepth"];
  /** Not together with `byDepth`. */
  readonly byKind?: { readonly [Kind in WeightKind]?: Coefficients };
  /** First to last. Weights outside of blocks take the numbers beside it. */
  readonly byDepth?: readonly Coefficients[];
}

interface CommonOptions<Pipe> {
  /**
   * How much time pruning may take: it fills in `method`, `reconstruct`, `sequential` and `repair` where you leave
   * them out. Default `"balanced"`; where you name a method or coefficients, none: masks only.
   */
  preset?: PresetName;
  /** What chooses the mask; by default the preset's. */
  method?: PruneMethodName;
  /**
   * What makes up for the mask afterwards, by name, or with numbers of its own (`{ name: "sparsellm", steps: 4 }`);
   * `false`: nothing, kept weights stay as they are. By default the preset's.
   */
  reconstruct?: ReconstructionName | ReconstructionWithParameters | false;
  /**
   * Later layers are measured behind the pruned ones before them: `true`, layer after layer; `{ groups }`, so many
   * groups of whole blocks. `false`: all on the dense model. By default the preset's.
   */
  sequential?: boolean | { readonly groups: number };
  /**
   * What a layer behind pruned ones is held to: `"outputs"` (the default with `sequential`), what the dense model has in
   * its place, so that it makes up for those before it; `"weights"`, its own dense weights on the inputs that it gets.
   */
  target?: "weights" | "outputs";
  /** Corrections in closed form afterwards, in an order of their own; `false`: none. By default the preset's. */
  repair?: readonly RepairName[] | false;
  /** What is added to the diagonal of second moments, as a share of its mean: 0 … 1, default 0.01. */
  damping?: number;
  /** Input channels in which weights compete for an unstructured mask of an update's own (`sparsegpt`); default 128. */
  blockSize?: number;
  /**
   * Coefficients of the method. `"auto"` (the default): tuned ones of this model or its family where they
   * are known, else untuned ones; `"default"`: untuned ones; numbers; or the path or URL of a JSON file
   * with numbers or with records of tuning.
   */
  coefficients?: "auto" | "default" | CoefficientValues | (string & {});
  /** Globs over weight names; only what matches is pruned. Also names weights that are dense by default (`"lm_head"`). */
  include?: string | readonly string[];
  /** Globs over weight names that stay dense. */
  exclude?: string | readonly string[];
  calibration?: CalibrationOptions<Pipe>;
  /**
   * Passes of calibration: pass n collects statistics on the model that pass n − 1 pruned. Default: what
   * the coefficients were tuned with, else 1.
   */
  passes?: number;
  /**
   * Compare the masks with RIA's on a little text, and keep the better ones; default false. The text is what
   * follows the samples of calibration, or the end of it where too little follows, and the last of the samples where they
   * are token ids; the report says whether calibration has seen it. Not together with `feeds` or `run`.
   */
  verify?: boolean;
  /**
   * How pruned weights are stored. `"dense"` (the default): zeros like any other value. `"packed"`: kept values and where
   * they belong, about half the bytes at half sparsity; every ONNX Runtime expands them as it loads the file, which
   * takes time and memory (docs/packed.md).
   */
  encoding?: Encoding;
  /** Measure what gzip and brotli make of the file with zeros, for the report; default false. It takes about a minute a GB. */
  compareBytes?: boolean;
  /** Keep the pruned model beside the host's own cache, in a folder of your own, or only in memory. Default true. */
  cache?: boolean | string;
  signal?: AbortSignal;
  /** Hears the report of every session file, once it is pruned or found in the cache. */
  onReport?: (report: import("../report.js").PruneReport) => void;
}

/** The object form of `prune`. A sparsity and a pattern exclude each other. */
export type PruneOptions<Pipe = never> = CommonOptions<Pipe> &
  (
    | { sparsity?: number | `${number}%`; scope?: Scope; pattern?: never; permute?: never }
    | {
        pattern: string;
        /** Choose which input channels share a group of N:M so that higher scores stay; default false. */
        permute?: boolean;
        sparsity?: never;
        scope?: never;
      }
  );

/** What one session file can be given: `true` (defaults), a sparsity (`0.5`, `"50%"`), a pattern (`"2:4"`), options, or `false` (left dense). */
export type PruneValue<Pipe = never> = boolean | number | string | PruneOptions<Pipe>;

/** One value per session file, by its name as `dtype` has it; a file that is not named stays dense. No file has the name of an option. */
export type PruneMap<Pipe = never> = { readonly [sessionFile: string]: PruneValue<Pipe> } & {
  readonly [Option in keyof PruneOptions]?: never;
};

/** The `prune` option: one value for all session files, or a map by session file. */
export type PruneOption<Pipe = never> = PruneValue<Pipe> | PruneMap<Pipe>;

// --- resolved ---------------------------------------------------------------------------------

/** Where coefficients come from; they are chosen when the model is known. */
export type CoefficientSource =
  | { readonly kind: "auto" }
  | { readonly kind: "default" }
  | { readonly kind: "values"; readonly values: CoefficientSet }
  | { readonly kind: "file"; readonly location: string };

/** Calibration samples, before a tokenizer or session is at hand. */
export type CalibrationSource =
  | { readonly kind: "built-in" }
  | { readonly kind: "texts"; readonly text: string }
  | { readonly kind: "tokens"; readonly samples: readonly (readonly number[])[] }
  | { readonly kind: "feeds"; readonly feeds: Iterable<RawFeeds> | AsyncIterable<RawFeeds> }
  | { readonly kind: "run"; readonly run: (pipe: never) => unknown };

export interface ResolvedCalibration {
  readonly source: CalibrationSource;
  readonly count: number;
  readonly length: number;
  readonly bos: boolean;
  /** Name of samples that have no content to hash (feeds and run), null where there is none. */
  readonly id: string | null;
  /** About how many bytes of memory may be taken; null: the model is run as a whole. */
  readonly memory: number | null;
}

/** A pattern whose scope the user may have left open (null): it depends on the coefficients. */
export type WantedPattern =
  | Exclude<Pattern, Unstructured>
  | (Omit<Unstructured, "scope"> & { readonly scope: Scope | null });

/** Groups in which later layers see the pruned ones: one for each activation, so many of whole blocks, or all layers at once (null). */
export type Sequential = "input" | number | null;

/** Complete and frozen; nothing in it is optional. */
export interface ResolvedPrune {
  readonly method: PruneMethodName;
  /** What moves after the mask; null: nothing. With an adaptive method it is never null. */
  readonly reconstruct: ReconstructionName | null;
  /** All numbers that it can be told; none of other updates. */
  readonly parameters: Readonly<Partial<UpdateParameters>>;
  readonly sequential: Sequential;
  /** `"weights"` where nothing is sequential. */
  readonly target: "weights" | "outputs";
  /** In the order in which they are made. */
  readonly repair: readonly RepairName[];
  readonly damping: number;
  readonly blockSize: number;
  readonly pattern: WantedPattern;
  readonly coefficients: CoefficientSource;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly calibration: ResolvedCalibration;
  /** null: as many as the coefficients were tuned with, else 1. */
  readonly passes: number | null;
  readonly verify: boolean;
  readonly encoding: Encoding;
  readonly compareBytes: boolean;
  readonly cache:
    | { readonly kind: "host" }
    | { readonly kind: "folder"; readonly path: string }
    | { readonly kind: "none" };
  readonly signal: AbortSignal | undefined;
  readonly onReport: ((report: import("../report.js").PruneReport) => void) | undefined;
}

/** The resolved `prune` option of a whole model. */
export interface ResolvedPruneOption {
  /** Options of a session file, by its name without dtype suffix; null: left dense. */
  readonly forFile: (sessionFile: string) => ResolvedPrune | null;
  /** Names given in a map form, to be checked against the model's files; empty in the plain form. */
  readonly namedFiles: readonly string[];
}
