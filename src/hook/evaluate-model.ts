/** Perplexity of a model by its name: files by the host, windows by protocol P1. */
import { cutWindows } from "../calibrate/index.js";
import { PruneError } from "../errors.js";
import { perplexity } from "../eval/index.js";
import { openModel } from "../onnx/index.js";
import type { RunControl } from "../progress.js";
import { hostRuntime, onnxRuntime } from "./host.js";
import { loadTokenizer } from "./location.js";
import { type HostLoadOptions, resolveModel } from "./resolve-files.js";
import { dtypeOf } from "./session-file.js";

/** Options of {@link evaluateModel}, beside the host's. */
export interface EvaluateOptions extends HostLoadOptions, RunControl {
  /** The text itself. It is tokenised whole, without special tokens. */
  readonly text: string;
  /** Tokens of a window. */
  readonly length: number;
  /** Windows to evaluate, from the start of the text. */
  readonly windows: number;
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
  const { text, length, windows: count, bos = false, signal, onProgress, ...hostOptions } = options;
  const start = performance.now();
  const found = await resolveModel(model, hostOptions);
  const [file, ...others] = found.files;
  if (file === undefined || others.length > 0)
    throw new PruneError(
      "unsupported",
      `${model} has ${found.files.length} session files; perplexity needs a causal language model of one`,
    );
  const tokenizer = await loadTokenizer(found.id, null, found.options);
  const windows = cutWindows(text, tokenizer, { count, length, bos });
  if (windows.length < count || windows.some((window) => window.length < length))
    throw new PruneError(
      "bad-option",
      `the text holds ${windows.filter((window) => window.length === length).length} windows of ${length} tokens, ${count} are asked for; give a longer text or fewer windows`,
    );
  const { InferenceSession } = onnxRuntime();
  const runtime = hostRuntime((bytes, sessionOptions) => InferenceSession.create(bytes, sessionOptions));
  const onnx = await openModel(file.input, file.externalData ? { externalData: file.externalData } : {});
  try {
    const onWindow = (done: number) =>
      onProgress?.({ phase: "evaluate", file: file.name, done, total: count, item: "", percent: (100 * done) / count });
    const { preferredOutputLocation: _, ...sessionOptions } = file.sessionOptions;
    const result = await perplexity(onnx, windows, { runtime, sessionOptions }, { signal, onWindow });
    return {
      model,
      perplexity: result.perplexity,
      tokens: result.tokens,
      windows: count,
      length,
      dtype: dtypeOf(file.name),
      seconds: (performance.now() - start) / 1000,
    };
  } finally {
    await onnx.close();
  }
}
