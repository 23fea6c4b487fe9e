/**
 * A session whose linear weights are inputs: to look at another candidate, other weights are fed and
 * nothing is opened. On SmolLM2 a run on 256 tokens takes as long as with weights of its own, while
 * opening a session takes ten times that.
 */
import { DRAFT_PREFIX, GraphDraft, textFeeds } from "../calibrate/index.js";
import { PruneError } from "../errors.js";
import type { Target, Value } from "../graph/index.js";
import { DATA_TYPES, type ModelEdits, type OnnxNode } from "../onnx/index.js";
import { openEdited, type RuntimeSession, type RuntimeTensor } from "../runtime/index.js";
import type { Subject } from "./subject.js";

/** What stands in for a stored weight: little-endian bytes by target. */
export type Weights = (target: Target) => Uint8Array;

export interface ProxyOptions {
  /** Weights that are fed; the others are as stored. */
  readonly targets: readonly Target[];
  /** Values of the main graph to return, beside what `draft` declares. */
  readonly outputs: readonly Value[];
  /** Values that later nodes no longer read: they read a fed one instead, named by `fedName`. */
  readonly cut?: readonly Value[];
  /** Further nodes and outputs. */
  readonly draft?: (draft: GraphDraft) => void;
}

/** Name of the float32 input that stands for a value that was cut. */
export const fedName = ({ name }: Value): string => `${DRAFT_PREFIX}/fed/${name}`;
const castName = (value: Value): string => `${fedName(value)}/cast`;
/** Name of the float32 output that holds a value. */
const outputName = (name: string): string => `${DRAFT_PREFIX}/value/${name}`;

/** Runs one window of tokens with any weights. Close when done. */
export class ProxySession {
  private constructor(
    private readonly subject: Subject,
    private readonly session: RuntimeSession,
    private readonly targets: readonly Target[],
    private readonly feeds: Readonly<Record<string, RuntimeTensor>>,
  ) {}

  /**
   * @throws PruneError `unsupported` where a weight lies in a nested graph or an activation is read
   *   there; `bad-calibration` where the model does not run on token ids alone
   */
  static async open(subject: Subject, options: ProxyOptions): Promise<ProxySession> {
    const { model, runtime, sessionOptions, tokens } = subject;
    const { targets, outputs, cut = [] } = options;
    const { onnx } = model.graph;
    const draft = new GraphDraft(model.onnx, "tuning");
    const stored = new Set(onnx.initializers);
    for (const target of targets) {
      if (!stored.has(target.tensor)) throw notInMainGraph(target.name, model.onnx.name);
      draft.input(target.tensor.name, target.tensor.dataType, target.tensor.dims);
    }
    for (const { name } of outputs) draft.output(onnx, draft.toFloat32(onnx, name, outputName(name)), UNKNOWN_SHAPE);
    for (const value of cut) {
      draft.input(fedName(value), FLOAT32, UNKNOWN_SHAPE);
      draft.castTo(onnx, activationType(targets), fedName(value), castName(value));
    }
    options.draft?.(draft);
    const edits: ModelEdits = { graphs: draft.edits(false), renameNodeInputs: renamed(cut, model.onnx.name) };
    const session = await openEdited(runtime, model.onnx, edits, sessionOptions).catch((cause: unknown) => {
      throw cannotRun(model.onnx.name, cause);
    });
    const added = new Set([...targets.map(({ tensor }) => tensor.name), ...session.inputNames.filter(isOurs)]);
    const own = { inputMetadata: session.inputMetadata.filter(({ name }) => !added.has(name)) };
    try {
      const feeds = textFeeds(runtime, own, tokens, model.onnx.name);
      return new ProxySession(subject, session, targets, feeds);
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  /**
   * One forward pass.
   *
   * @param fed further inputs, by name
   * @throws PruneError `unsupported` where the model cannot be run on a window of tokens
   */
  async run(weights: Weights, fed: Readonly<Record<string, RuntimeTensor>> = {}): Promise<ProxyOutputs> {
    const { runtime, model } = this.subject;
    const fedWeights = this.targets.map((target) => {
      const { name, dims, dataType } = target.tensor;
      const type = DATA_TYPES[dataType]?.name ?? "";
      return [name, runtime.tensor(type, elementsOf(weights(target), type), dims)] as const;
    });
    try {
      const outputs = await this.session.run({ ...this.feeds, ...Object.fromEntries(fedWeights), ...fed });
      return (name) => (outputs[name] ?? outputs[outputName(name)]) as RuntimeTensor;
    } catch (cause) {
      throw cannotRun(model.onnx.name, cause);
    }
  }

  close(): Promise<void> {
    return this.session.release();
  }
}

/** The outputs of a run, by the name of the value or of the output that `draft` declared. All are float32. */
export type ProxyOutputs = (name: string) => RuntimeTensor;

const FLOAT32 = 1;
const FLOAT16 = 10;
/** [batch, tokens, channels] as a rule; the runtime finds out. */
const UNKNOWN_SHAPE = ["batch", "tokens", "channels"];

/** Element type of hidden states: that of the weights they meet, or of the scales of these. */
const activationType = (targets: readonly Target[]): number =>
  targets.some(({ tensor, coding }) => (coding.kind === "float" ? tensor : coding.scales).dataType === FLOAT16)
    ? FLOAT16
    : FLOAT32;

const isOurs = (name: string): boolean => name.startsWith(`${DRAFT_PREFIX}/`);

/** Bytes as the runtime takes a type's elements: half floats by their bits, codes below eight bits packed. */
function elementsOf(bytes: Uint8Array, type: string): Float32Array | Uint16Array | Int8Array | Uint8Array {
  const { buffer, byteOffset, byteLength } = bytes;
  if (type === "float32") return new Float32Array(buffer, byteOffset, byteLength / 4);
  if (type === "float16" || type === "bfloat16") return new Uint16Array(buffer, byteOffset, byteLength / 2);
  return type.startsWith("int") ? new Int8Array(buffer, byteOffset, byteLength) : bytes;
}

function renamed(cut: readonly Value[], file: string): NonNullable<ModelEdits["renameNodeInputs"]> {
  const names = new Map<OnnxNode, Map<string, string>>();
  for (const value of cut)
    for (const { node } of value.uses) {
      if (node.graph !== value.graph) throw notInMainGraph(value.name, file);
      const own = names.get(node.onnx) ?? new Map<string, string>();
      names.set(node.onnx, own.set(value.name, castName(value)));
    }
  return names;
}

/** A graph that fixes the batch or the types between its nodes may run as it is, and not with other inputs. */
const cannotRun = (file: string, cause: unknown) =>
  new PruneError(
    "unsupported",
    `${file}: the model cannot be run on windows of token ids with weights as inputs: ` +
      `${cause instanceof Error ? cause.message : String(cause)}; tune with an objective that looks at weights only (output-error, gini)`,
    { details: { file }, cause },
  );

const notInMainGraph = (name: string, file: string) =>
  new PruneError(
    "unsupported",
    `${file}: "${name}" lies in a nested graph or node, where it cannot be replaced from run to run; ` +
      "tune with an objective that looks at weights only (output-error, gini)",
    { details: { file, name } },
  );
