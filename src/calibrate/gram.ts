/**
 * Gram matrices X^T X of the inputs of linear layers, X being all calibration tokens: what tells how the
 * errors of input channels add up in a layer's output. The product is computed in the graph; only its
 * [in, in] numbers leave the runtime. Weights that read one activation (q, k, v; gate, up) share a matrix.
 */
import { PruneError } from "../errors.js";
import type { Model, Target, Value } from "../graph/index.js";
import type { RunControl } from "../progress.js";
import { openEdited, type RuntimeSession, type RuntimeTensor } from "../runtime/index.js";
import type { CollectOptions } from "./collect.js";
import { DRAFT_PREFIX, GraphDraft } from "./draft.js";
import type { Samples } from "./samples.js";
import { TokenMasks } from "./token-mask.js";

/** X^T X of one linear layer's input. */
export interface Gram {
  /** Input channels of the layer. */
  readonly channels: number;
  /** Rows of X: tokens that reached the layer, padding left out. */
  readonly tokens: number;
  /** Element (i, j), Σ over tokens of x_i · x_j, at i · channels + j; exactly symmetric. */
  readonly values: Float32Array;
}

/** An activation in the main graph, the weights it meets, and the names of what the graph returns of it. */
interface Reading {
  readonly targets: readonly Target[];
  readonly channels: number;
  /** [in, in] */
  readonly product: string;
  /** [1] */
  readonly tokens: string;
}

/**
 * Gram matrices of `targets` over all samples, summed in float32. All of them are in memory at once,
 * in the runtime and here: for large models, ask for a few blocks at a time. A weight with several
 * inputs (one weight used twice) gets their sum.
 *
 * @param onSample called after each run with the samples done so far
 * @throws PruneError `unsupported` where a target lies in a nested graph or is a convolution; `bad-calibration` for samples
 *   that cannot be run or a weight without tokens; `bad-statistics` for values that are not finite;
 *   the signal's reason when it is aborted
 */
export async function collectGrams(
  model: Model,
  targets: readonly Target[],
  samples: Samples,
  options: CollectOptions,
  control: { readonly signal?: RunControl["signal"]; readonly onSample?: (done: number) => void },
): Promise<ReadonlyMap<Target, Gram>> {
  control.signal?.throwIfAborted();
  const draft = new GraphDraft(model.onnx, "calibration");
  const readings = tapProducts(model, targets, draft, samples.padding);
  const totals = readings.map(({ channels }) => new Total(channels));
  const edits = { graphs: draft.edits(false), tensors: options.tensors };
  const session = await openEdited(options.runtime, model.onnx, edits, options.sessionOptions);
  try {
    let done = 0;
    for await (const { feeds, samples: count } of samples.batches(options.runtime, session)) {
      control.signal?.throwIfAborted();
      const outputs = await run(session, feeds, model.onnx.name);
      for (const [k, { product, tokens }] of readings.entries())
        totals[k]?.add(outputs[product] as RuntimeTensor, outputs[tokens] as RuntimeTensor);
      for (const output of Object.values(outputs)) output.dispose?.();
      done += count;
      control.onSample?.(done);
    }
  } finally {
    await session.release();
  }
  const grams = new Map<Target, Gram>();
  for (const target of targets) {
    const own = totals.filter((_, k) => readings[k]?.targets.includes(target));
    const gram = own.length === 1 ? (own[0] as Total) : sumOf(own, target.shape.in);
    check(target, gram);
    gram.mirror();
    grams.set(target, gram);
  }
  return grams;
}

/** Adds the products of all distinct activations to the draft. */
function tapProducts(model: Model, targets: readonly Target[], draft: GraphDraft, padding: boolean): Reading[] {
  const graph = model.graph.onnx;
  const masks = padding ? new TokenMasks(model, draft) : null;
  const readers = new Map<Value, Set<Target>>();
  for (const target of targets)
    for (const { activation, node, window } of target.uses) {
      if (node.graph !== model.graph) throw inNestedGraph(target, model.onnx.name);
      if (window !== undefined) throw ofConvolution(target, model.onnx.name);
      readers.set(activation, (readers.get(activation) ?? new Set()).add(target));
    }
  return [...readers].map(([activation, targets], index) => {
    const [{ shape }] = [...targets] as [Target];
    const prefix = `${DRAFT_PREFIX}/gram${index}`;
    const named = (name: string) => `${prefix}/${name}`;
    const node = (opType: string, inputs: string[], name: string) => draft.node(graph, opType, inputs, named(name));
    // Before anything is multiplied: squares of float16 values overflow float16.
    const float32 = draft.toFloat32(graph, activation.name, named("float32"));
    const rows = node("Reshape", [float32, draft.int64s(-1, shape.in)], "rows");
    const counted = masks?.forRows(activation, model.graph, rows, prefix) ?? null;
    // Where instead of a product: rows of padding may hold NaN.
    const kept = counted === null ? rows : node("Where", [counted, rows, draft.zeros()], "kept");
    const product = node("MatMul", [node("Transpose", [kept], "transposed"), kept], "product");
    const count =
      counted === null
        ? node("Gather", [node("Shape", [rows], "shape"), draft.int64s(0)], "count")
        : draft.reduce(graph, "ReduceSum", 0, draft.toFloat32(graph, counted, named("ones")), named("count"));
    const tokens = draft.toFloat32(graph, count, named("tokens"));
    draft.output(graph, product, [shape.in, shape.in]);
    draft.output(graph, tokens, [1]);
    return { targets: [...targets], channels: shape.in, product, tokens };
  });
}

/** A Gram matrix that grows. */
class Total implements Gram {
  tokens = 0;
  readonly values: Float32Array;

  constructor(readonly channels: number) {
    this.values = new Float32Array(channels * channels);
  }

  add({ data: product }: Pick<RuntimeTensor, "data">, { data: tokens }: Pick<RuntimeTensor, "data">): void {
    const { values } = this;
    const added = product as Float32Array;
    for (let k = 0; k < values.length; k++) values[k] = (values[k] as number) + (added[k] as number);
    this.tokens += Number(tokens[0]);
  }

  /** Copies what lies left of the diagonal to the right: a kernel may round the two differently. */
  mirror(): void {
    const { values, channels } = this;
    for (let i = 0; i < channels; i++)
      for (let j = 0; j < i; j++) values[j * channels + i] = values[i * channels + j] as number;
  }
}

function sumOf(totals: readonly Total[], channels: number): Total {
  const sum = new Total(channels);
  for (const { values, tokens } of totals) sum.add({ data: values }, { data: [tokens] });
  return sum;
}

function check(target: Target, { channels, tokens, values }: Gram): void {
  const details = { weight: target.name };
  if (tokens === 0)
    throw new PruneError(
      "bad-calibration",
      `weight "${target.name}" saw no token during calibration; give samples that reach it, or exclude it`,
      { details },
    );
  // No element is larger than the largest of the diagonal, so that is enough to look at.
  for (let channel = 0; channel < channels; channel++)
    if (!Number.isFinite(values[channel * channels + channel]))
      throw new PruneError(
        "bad-statistics",
        `weight "${target.name}": input channel ${channel} of ${channels} has squares whose sum is not finite after ${tokens} tokens; ` +
          "the model overflows on these samples: calibrate with other samples or a float32 file, or exclude it",
        { details: { ...details, channel } },
      );
}

const inNestedGraph = ({ name }: Target, file: string) =>
  new PruneError(
    "unsupported",
    `${file}: weight "${name}" lies in a nested graph, from which no Gram matrix is handed out; exclude it, or use the ` +
      "model's file without branches (decoder_model instead of decoder_model_merged)",
    { details: { file, weight: name } },
  );

const ofConvolution = ({ name }: Target, file: string) =>
  new PruneError(
    "unsupported",
    `${file}: weight "${name}" belongs to a convolution, of whose input there is no Gram matrix; exclude it`,
    { details: { file, weight: name } },
  );

async function run(
  session: RuntimeSession,
  feeds: Readonly<Record<string, unknown>>,
  file: string,
): Promise<Record<string, RuntimeTensor>> {
  try {
    return await session.run(feeds);
  } catch (cause) {
    throw new PruneError(
      "bad-calibration",
      `${file}: a calibration sample cannot be run: ${cause instanceof Error ? cause.message : String(cause)}; ` +
        `the session takes ${session.inputNames.join(", ")}`,
      { details: { file }, cause },
    );
  }
}
