/** Every call of transformers-prune and of transformers.js that this page makes. Runs in the worker. */
import {
  pipeline as hostPipeline,
  InterruptableStoppingCriteria,
  type TextGenerationPipeline,
  TextStreamer,
} from "@huggingface/transformers";
import {
  evaluateModel,
  METHODS,
  type MethodName,
  type PruneOptions,
  type PruneReport,
  pipeline,
  pruneToFiles,
  readWeight,
  VERSION,
} from "transformers-prune";
import { embeddedText, locate, setUpHost } from "./host-files.js";
import type { FolderFile, Offer, PhaseName, Settings, Side } from "./protocol.js";
import type { Step } from "./throttle.js";

/** Stop it, and hear of it. */
export interface Control {
  readonly signal: AbortSignal;
  readonly onProgress: (step: Step) => void;
}

export type Generator = TextGenerationPipeline;
export type Weight = Awaited<ReturnType<typeof readWeight>>;

/** Where the host's layout has session files. */
const SESSIONS = "onnx/";

setUpHost();

/** What the form offers. */
export async function offer(): Promise<Offer> {
  return {
    version: VERSION,
    methods: Object.entries(METHODS).map(([name, { summary, parameters }]) => ({
      name,
      summary,
      hasCoefficients: parameters.length > 0,
    })),
    gpuRefusal: await gpuRefusal(),
  };
}

async function gpuRefusal(): Promise<string | null> {
  if (!("gpu" in navigator)) return "This browser has no WebGPU.";
  const adapter = await navigator.gpu.requestAdapter().catch(() => null);
  return adapter === null ? "This browser has WebGPU, but found no GPU that it could use." : null;
}

/** Loads a model pruned. */
export async function openPruned(
  settings: Settings,
  control: Control,
): Promise<{ readonly generator: Generator; readonly reports: readonly PruneReport[]; readonly model: string }> {
  const reports: PruneReport[] = [];
  const { id } = locate(settings.model);
  const generator = await withPruneOptions(settings, control, (prune) =>
    pipeline("text-generation", id, {
      ...hostOptions(settings),
      prune: { ...prune, onReport: (report) => reports.push(report) },
      progress_callback: toProgress(control),
    }),
  );
  return { generator, reports, model: id };
}

/** Loads a model as it is, by the host alone. */
export function openDense(settings: Settings, control: Control): Promise<Generator> {
  const { id } = locate(settings.model);
  return hostPipeline("text-generation", id, { ...hostOptions(settings), progress_callback: toProgress(control) });
}

/** Greedy continuation of a prompt; `onText` hears prompt and text so far. */
export async function generate(
  generator: Generator,
  prompt: string,
  tokens: number,
  onText: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let text = prompt;
  const stopping = new InterruptableStoppingCriteria();
  signal.addEventListener("abort", () => stopping.interrupt(), { once: true });
  await generator(prompt, {
    max_new_tokens: tokens,
    do_sample: false,
    stopping_criteria: stopping,
    streamer: new TextStreamer(generator.tokenizer, {
      skip_prompt: true,
      skip_special_tokens: true,
      callback_function: (piece: string) => {
        text += piece;
        onText(text);
      },
    }),
  });
  signal.throwIfAborted();
}

/** Perplexity of one side on windows of 256 tokens. */
export async function measure(
  settings: Settings,
  side: Side,
  text: string | null,
  windows: number,
  control: Control,
): Promise<{ readonly perplexity: number; readonly tokens: number }> {
  const { id } = locate(settings.model);
  const evaluation = { text: text ?? (await embeddedText("persuasion.txt")), length: 256, windows };
  const options = { ...hostOptions(settings), ...evaluation, ...toRunControl(control) };
  if (side === "dense") return evaluateModel(id, options);
  return withPruneOptions(settings, control, (prune) => evaluateModel(id, { ...options, prune }));
}

/** The pruned model as files in the host's layout. */
export async function filesOf(settings: Settings, control: Control): Promise<readonly FolderFile[]> {
  const { id } = locate(settings.model);
  const { files } = await withPruneOptions(settings, control, (prune) =>
    pruneToFiles(id, { ...hostOptions(settings), prune, ...toRunControl(control) }),
  );
  return [...files].map(([path, blob]) => ({ path, blob }));
}

/** A weight of the pruned model's files, as it was written. */
export async function readWeightOf(
  files: readonly FolderFile[],
  reports: readonly PruneReport[],
  name: string,
): Promise<Weight> {
  const report = reports.find(({ weights }) => weights.some((weight) => weight.name === name));
  const file = files.find(({ path }) => path === `${SESSIONS}${report?.file}.onnx`);
  if (file === undefined) throw new Error(`no file of the pruned model holds the weight ${name}`);
  // A model above two gigabytes has its weights in files beside it.
  const beside = files.filter(({ path }) => path.startsWith(`${file.path}_data`));
  const externalData = beside.map(({ path, blob }) => ({ path: path.slice(SESSIONS.length), data: blob }));
  return readWeight(file.blob, name, { externalData });
}

/** Coefficients that a prune used, as the JSON file that the option `coefficients` reads. */
export function coefficientsOf(reports: readonly PruneReport[]): Blob {
  const [report] = reports;
  if (report === undefined || Object.keys(report.coefficients).length === 0)
    throw new Error(`the method ${report?.method ?? ""} has no coefficients`);
  const { coefficients, byKind, byDepth } = report;
  const values = { ...coefficients, ...(byKind && { byKind }), ...(byDepth && { byDepth }) };
  return new Blob([`${JSON.stringify(values, null, 2)}\n`], { type: "application/json" });
}

/** Options that every load of a model shares, dense or pruned. */
function hostOptions({ model, device, dtype }: Settings) {
  const { local_files_only } = locate(model);
  return { device, dtype, local_files_only };
}

/** Calls with the library's `prune` option; a file of coefficients has a URL for as long as that takes. */
async function withPruneOptions<T>(
  { preset, method, amount, encoding, coefficients, calibration }: Settings,
  { signal }: Control,
  use: (prune: PruneOptions) => Promise<T>,
): Promise<T> {
  const location = coefficients instanceof Blob ? URL.createObjectURL(coefficients) : coefficients;
  const { text, samples, length } = calibration;
  try {
    return await use({
      // A method and coefficients are for masks by scores.
      ...(preset === "fast" ? { method: method as MethodName, coefficients: location } : { preset }),
      ...(typeof amount === "string" ? { pattern: amount } : { sparsity: amount }),
      encoding,
      calibration: { count: samples, length, ...(text !== null && { texts: text }) },
      signal,
    });
  } finally {
    if (coefficients instanceof Blob) URL.revokeObjectURL(location as string);
  }
}

/** The host's `progress_callback`, which also hears of pruning. */
function toProgress({ onProgress }: Control) {
  return (info: { status: string; file?: string; stage?: string; item?: string; loaded?: number; total?: number }) => {
    const { loaded: done = 0, total = 0, file = "", item = "" } = info;
    if (info.status === "progress") onProgress({ phase: "fetch", item: file, done, total });
    if (info.status === "prune") onProgress({ phase: info.stage as PhaseName, item, done, total });
  };
}

/** The library's own listener. */
function toRunControl({ signal, onProgress }: Control) {
  return {
    signal,
    onProgress: ({ phase, item, done, total }: { phase: string; item: string; done: number; total: number }) =>
      onProgress({ phase: phase as PhaseName, item, done, total }),
  };
}
