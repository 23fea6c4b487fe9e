/** Perplexity of a model by its name: files by the host, windows by protocol P1. */
import { cutAllWindows } from "../calibrate/index.js";
import { PruneError } from "../errors.js";
import { perplexity } from "../eval/index.js";
import { badOption, DEFAULTS, dottedLabel, type PruneOption } from "../options/index.js";
import type { RunControl } from "../progress.js";
import { type ModelFile, openModelFile } from "../prune/index.js";
import { expansionEdits } from "../rewrite/packed/index.js";
import { withoutOutputLocations } from "../runtime/index.js";
import { hostRuntime } from "./host.js";
import { withPrunedFiles } from "./kept-files.js";
import { refuseUnknownKeys } from "./known-keys.js";
import { loadTokenizer } from "./location.node.js";
import { type HostLoadOptions, resolveModel } from "./resolve-files.js";
import { dtypeOf } from "./session-file.js";

/** Options of {@link evaluateModel}, beside the host's. */
export interface EvaluateOptions extends HostLoadOptions, RunControl {
  /** Evaluate the model as loading it with this option prunes it, from the cache where it is there. */
  readonly prune?: PruneOption;
  /** The text itself. It is tokenised whole, without special tokens. */
  readonly text: string;
  /** Tokens of a window; default 512. */
  readonly length?: number;
  /** Windows to evaluate, from the start of the text; default 16. */
  readonly windows?: number;
  /**
   * Tokens from one window's start to the next one's, 1 … length; the default is windows that do not
   * overlap. With a smaller stride every token but those of the first window has more context.
   */
  readonly stride?: number;
  /** Start every window with BOS; it then holds length − 1 tokens of text. */
  readonly bos?: boolean;
}

/** A perplexity with everything that makes it comparable. */
export interface EvaluationReport {
  readonly model: string;
  readonly perplexity: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
  readonly windows: number;
  readonly length: number;
  /** null: windows do not overlap. */
  readonly stride: number | null;
  /** Of the file that was opened: `fp32`, `fp16`, … */
  readonly dtype: string;
  readonly seconds: number;
}

/**
 * Perplexity of a causal language model.
 *
 * @param model Hub id or directory
 * @throws PruneError `unsupported` where the model is not one file with `input_ids` and `logits`;
 *   `bad-option` where the text is shorter than the windows asked for; the signal's reason when aborted
 */
export async function evaluateModel(model: string, options: EvaluateOptions): Promise<EvaluationReport> {
  const {
    text,
    length,
    windows: count,
    stride,
    bos,
    signal,
    onProgress,
    prune,
    ...hostOptions
  } = readEvaluateOptions(options);
  const start = performance.now();
  const found = await resolveModel(model, hostOptions);
  const [file, ...others] = found.files;
  if (file === undefined || others.length > 0)
    throw new PruneError(
      "unsupported",
      `${model} has ${found.files.length} session files; perplexity needs a causal language model of one`,
    );
  const tokenizer = await loadTokenizer(found.id, null, found.options);
  const windows = cutAllWindows(text, tokenizer, { count, length, bos, ...(stride && { stride }) }, "the text");
  const runtime = hostRuntime();
  const onWindow = (done: number) =>
    onProgress?.({ phase: "evaluate", file: file.name, done, total: count, item: "", percent: (100 * done) / count });
  const evaluate = async (evaluated: ModelFile) => {
    const onnx = await openModelFile(evaluated);
    try {
      // Its own external data replaces what the host gave for the dense file.
      const { externalData: _, ...given } = withoutOutputLocations(file.sessionOptions);
      const sessionOptions = { ...given, ...(evaluated.externalData && { externalData: evaluated.externalData }) };
      const edits = await expansionEdits(onnx);
      return await perplexity(
        onnx,
        windows,
        { runtime, sessionOptions, ...(edits && { edits }), ...(stride && { stride }) },
        { signal, onWindow },
      );
    } finally {
      await onnx.close();
    }
  };
  const control = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
  const result = await (prune === undefined
    ? evaluate(file)
    : withPrunedFiles(found, { prune, ...control }, async ([pruned]) => evaluate(pruned?.file ?? file)));
  return {
    model,
    perplexity: result.perplexity,
    tokens: result.tokens,
    windows: count,
    length,
    stride,
    dtype: dtypeOf(file.name),
    seconds: (performance.now() - start) / 1000,
  };
}

function readEvaluateOptions(options: EvaluateOptions) {
  refuseUnknownKeys(options, ["text", "length", "windows", "stride", "bos", "prune"], "evaluateModel()");
  const { length = DEFAULTS.length, windows = DEFAULTS.windows, stride = null, bos = false } = options;
  const { text } = options;
  if (typeof text !== "string" || text === "") throw badOption(dottedLabel("text"), "a text", text);
  const whole = (name: string, value: number, least: number, most: number) => {
    if (Number.isInteger(value) && value >= least && value <= most) return;
    throw badOption(dottedLabel(name), `a whole number from ${least} to ${most}`, value);
  };
  whole("length", length, 2, Number.MAX_SAFE_INTEGER);
  whole("windows", windows, 1, Number.MAX_SAFE_INTEGER);
  if (stride !== null) whole("stride", stride, 1, length);
  return { ...options, text, length, windows, stride, bos };
}
