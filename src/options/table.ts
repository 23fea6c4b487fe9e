/**
 * What options there are: their names, defaults and limits, from which the readers take theirs. What they
 * mean, in words, is in descriptions.ts. Methods, their parameters and the patterns have tables of their
 * own (METHODS, PATTERN_FORMS).
 */
import type { WeightKind } from "../graph/index.js";
import {
  ADAPTIVE_METHODS,
  type PruneMethodName,
  RECONSTRUCTIONS,
  REPAIRS,
  type ReconstructionName,
  type RepairName,
} from "../reconstruct/table.js";
import { METHODS, type MethodName } from "../score/index.js";
import { PRESETS, type PresetName } from "./presets.js";
import type { CalibrationOptions, Encoding, PruneOptions } from "./types.js";

/** Names of methods that score weights. */
export const SCORE_NAMES = Object.keys(METHODS) as MethodName[];
/** Names of what chooses masks. */
export const METHOD_NAMES = [...SCORE_NAMES, ...Object.keys(ADAPTIVE_METHODS)] as PruneMethodName[];
/** Names of what makes up for a mask. */
export const RECONSTRUCTION_NAMES = Object.keys(RECONSTRUCTIONS) as ReconstructionName[];
/** Names of corrections in closed form, in the order in which they are made. */
export const REPAIR_NAMES = Object.keys(REPAIRS) as RepairName[];
/** Names of presets, quickest first. */
export const PRESET_NAMES = Object.keys(PRESETS) as PresetName[];

/** The scopes in which scores of an unstructured pattern compete. */
export const SCOPES = ["row", "matrix"] as const;

/** How pruned weights can be stored. */
export const ENCODINGS = ["dense", "packed"] as const satisfies readonly Encoding[];

const KINDS = { q: 0, k: 0, v: 0, o: 0, gate: 0, up: 0, down: 0, fc: 0, other: 0 } satisfies Record<WeightKind, 0>;
/** What a weight can do in its block, as coefficients by kind name it. */
export const WEIGHT_KINDS = Object.keys(KINDS) as WeightKind[];

/** What is taken where the user names nothing. The default scope is the method's. */
export const DEFAULTS = {
  preset: "balanced",
  sparsity: 0.5,
  damping: 0.01,
  blockSize: 128,
  count: 32,
  length: 512,
  bos: false,
  passes: 1,
  verify: false,
  encoding: "dense",
  compareBytes: false,
  /** Windows of a perplexity; they are `length` tokens long. */
  windows: 16,
} as const;

/** Largest values that make sense; beyond them a mistake is likelier than a wish. */
export const LIMITS = {
  /** Statistics settle after two or three passes; each costs a whole calibration. */
  passes: 10,
  /** M of N:M; runtimes know 4, papers go to 32. */
  groupSize: 64,
  /** Channels that compete for an unstructured mask of an update's own; the authors' 128 is far below. */
  blockSize: 1024,
  /** Groups of a sequential walk; no model in use has more blocks than this. */
  groups: 1024,
  /** Depth segments; no model in use has more blocks than this. */
  segments: 128,
  count: 1_000_000,
  length: 1_000_000,
  /** Least bound of a calibration's memory: what the process takes beside weights, and some for these. */
  leastMemory: 400_000_000,
} as const;

/** Names in the order in which messages and help list them; as keys, so that the compiler misses none. */
const PRUNE_NAMES = {
  preset: 0,
  method: 0,
  reconstruct: 0,
  sequential: 0,
  target: 0,
  repair: 0,
  damping: 0,
  blockSize: 0,
  sparsity: 0,
  scope: 0,
  pattern: 0,
  permute: 0,
  coefficients: 0,
  include: 0,
  exclude: 0,
  calibration: 0,
  passes: 0,
  verify: 0,
  encoding: 0,
  compareBytes: 0,
  cache: 0,
  signal: 0,
  onReport: 0,
} as const satisfies Record<keyof PruneOptions, 0>;

const CALIBRATION_NAMES = {
  texts: 0,
  tokens: 0,
  feeds: 0,
  run: 0,
  id: 0,
  count: 0,
  length: 0,
  bos: 0,
  memory: 0,
} as const satisfies Record<keyof CalibrationOptions, 0>;

/** Name of an option of the object form. */
export type PruneOptionName = keyof typeof PRUNE_NAMES;
/** Name of an option of `calibration`. */
export type CalibrationOptionName = keyof typeof CALIBRATION_NAMES;

export const PRUNE_OPTION_NAMES = Object.keys(PRUNE_NAMES) as PruneOptionName[];
export const CALIBRATION_OPTION_NAMES = Object.keys(CALIBRATION_NAMES) as CalibrationOptionName[];
