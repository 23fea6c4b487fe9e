/**
 * What the options mean: meaning, form and default of each, in words. The command line takes its help from
 * here; what reads options needs only the names (table.ts), so pages do not load this.
 */
import {
  type CalibrationOptionName,
  DEFAULTS,
  ENCODINGS,
  LIMITS,
  METHOD_NAMES,
  PRESET_NAMES,
  type PruneOptionName,
  RECONSTRUCTION_NAMES,
  REPAIR_NAMES,
  SCOPES,
} from "./table.js";

/** One option, for people. */
export interface OptionRow {
  readonly summary: string;
  /** What may be written, in TypeScript's notation. */
  readonly value: string;
  /** The default in words; empty where leaving the option out means nothing. */
  readonly default: string;
}

const quoted = (words: readonly string[]) => words.map((word) => `"${word}"`).join(" | ");

/** Options of the object form of `prune`. */
export const PRUNE_OPTIONS = {
  preset: {
    summary:
      "how much time pruning may take; fills in method, reconstruct, sequential, target and repair where they are left out",
    value: quoted(PRESET_NAMES),
    default: `${DEFAULTS.preset}; with a method or coefficients none, that is masks only`,
  },
  method: { summary: "what chooses the weights that go", value: quoted(METHOD_NAMES), default: "the preset's" },
  sparsity: {
    summary: "share of the weights that becomes zero, anywhere; not together with a pattern",
    value: 'number from 0 up to but not including 1, or "50%"',
    default: String(DEFAULTS.sparsity),
  },
  scope: {
    summary: "where scores compete: in each output row or in the matrix; not together with a pattern",
    value: quoted(SCOPES),
    default: "what the method's paper does, or what the coefficients were tuned for",
  },
  pattern: { summary: "N of every M consecutive input channels stay", value: '"N:M", for example "2:4"', default: "" },
  permute: {
    summary: "with a pattern: choose which M input channels share a group, so that higher scores stay; takes longer",
    value: "true | false",
    default: "false",
  },
  coefficients: {
    summary:
      "numbers of the method; auto: tuned ones of this model or its family where known, else untuned ones; default: untuned ones",
    value: '"auto" | "default" | object | JSON text | path or URL of a JSON file of numbers or of tuning',
    default: "auto",
  },
  reconstruct: {
    summary: "what makes up for the weights that are gone, with numbers of its own; false: nothing",
    value: `${quoted(RECONSTRUCTION_NAMES)} | { name, … } | false`,
    default: "the preset's",
  },
  sequential: {
    summary: "later layers are measured behind the pruned ones: layer after layer, or in so many groups of blocks",
    value: "true | false | { groups: whole number }",
    default: "the preset's",
  },
  target: {
    summary:
      "with sequential: hold a layer to what the dense model has in its place, or to its dense weights on the inputs it gets",
    value: '"outputs" | "weights"',
    default: "outputs with sequential, else weights",
  },
  repair: {
    summary: "corrections in closed form afterwards; false: none",
    value: `(${quoted(REPAIR_NAMES)})[] | false`,
    default: "the preset's",
  },
  damping: {
    summary: "what is added to the diagonal of second moments, as a share of its mean",
    value: "number above 0 up to 1",
    default: String(DEFAULTS.damping),
  },
  blockSize: {
    summary: "input channels in which weights compete for an unstructured mask of sparsegpt's own",
    value: `whole number from 1 to ${LIMITS.blockSize}`,
    default: String(DEFAULTS.blockSize),
  },
  include: {
    summary: "only weights whose name matches are pruned, also those that are dense by default",
    value: "glob | glob[]",
    default: "",
  },
  exclude: { summary: "weights whose name matches stay dense", value: "glob | glob[]", default: "" },
  calibration: { summary: "the samples on which activations are measured", value: "object", default: "built-in text" },
  passes: {
    summary: "passes of calibration; each after the first measures the model as the one before pruned it",
    value: `whole number from 1 to ${LIMITS.passes}`,
    default: `what the coefficients were tuned with, else ${DEFAULTS.passes}`,
  },
  verify: {
    summary: "compare with ria on a little text, and keep the better masks",
    value: "true | false",
    default: String(DEFAULTS.verify),
  },
  encoding: {
    summary:
      "how pruned weights are stored: dense, zeros and all, or packed, which is about half the bytes but takes time and memory to load",
    value: quoted(ENCODINGS),
    default: DEFAULTS.encoding,
  },
  compareBytes: {
    summary: "measure what gzip and brotli make of the file with zeros, for the report",
    value: "true | false",
    default: String(DEFAULTS.compareBytes),
  },
  cache: {
    summary: "keep the pruned model beside the host's own cache, in a folder of yours, or in memory only",
    value: "true | path | false",
    default: "true",
  },
  signal: { summary: "stops the work", value: "AbortSignal", default: "" },
  onReport: { summary: "hears the report of each session file", value: "(report) => void", default: "" },
} as const satisfies Record<PruneOptionName, OptionRow>;

/** Options of `calibration`. */
export const CALIBRATION_OPTIONS = {
  texts: { summary: "text to calibrate on", value: "string | string[]", default: "built-in text" },
  tokens: { summary: "token ids, one array a sample, used as they are", value: "number[][]", default: "" },
  feeds: { summary: "ready inputs of the session, one object a sample", value: "iterable of objects", default: "" },
  run: { summary: "any use of the model; every token that passes counts", value: "(pipe) => unknown", default: "" },
  id: {
    summary: "name of samples given as feeds or by run, so that the result can be cached; change it when they change",
    value: "string",
    default: "",
  },
  count: { summary: "samples cut from the text", value: "whole number", default: String(DEFAULTS.count) },
  length: { summary: "tokens in a sample", value: "whole number", default: String(DEFAULTS.length) },
  bos: {
    summary: "every sample starts with the tokenizer's BOS and holds length − 1 text tokens",
    value: "true | false",
    default: String(DEFAULTS.bos),
  },
  memory: {
    summary: "about how much memory may be taken; a model too large for it is run in parts, one after the other",
    value: 'bytes | "800MB" | "1GB"',
    default: "no bound",
  },
} as const satisfies Record<CalibrationOptionName, OptionRow>;
