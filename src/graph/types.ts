/**
 * The graph with its links. Objects are joined by reference; names are only for files and messages.
 * A `Value` knows its producer and its uses, also those in nested graphs.
 */
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from "../onnx/index.js";
import type { Shape, StorageOrder } from "../tensor/matrix.js";
import type { StoredCoding } from "./stored-coding.js";

/** What a name stands for: one object per definition, so two layers read the same activation when the objects are one. */
export interface Value {
  /** "" for a node output that is left out; nothing uses that. */
  readonly name: string;
  readonly graph: Graph;
  /** The node that makes it; null for graph inputs and initializers. */
  readonly producer: Node | null;
  /** Node inputs that read it, those in nested graphs included; being a graph output is no use. */
  readonly uses: readonly Use[];
  /** Where `isGraphInput` is true as well, this is only a default: who runs the model may override it. */
  readonly initializer: OnnxTensor | null;
  readonly isGraphInput: boolean;
  /** Output of its own graph, which may be a nested one. */
  readonly isGraphOutput: boolean;
  /** Element type (TensorProto.DataType) where the file says it, else null. */
  readonly elemType: number | null;
}

/** Input `index` of `node` reads the value. */
export interface Use {
  readonly node: Node;
  readonly index: number;
}

export interface Node {
  readonly onnx: OnnxNode;
  readonly graph: Graph;
  /** null where an input is left out. */
  readonly inputs: readonly (Value | null)[];
  /** One for each output of the ONNX node, left out ones included, so that indices agree. */
  readonly outputs: readonly Value[];
  /** Bodies of If, Loop, Scan, with the attribute that holds each. */
  readonly bodies: readonly { readonly attribute: string; readonly graph: Graph }[];
}

export interface Graph {
  readonly onnx: OnnxGraph;
  /** The node whose body this is, null for the main graph. */
  readonly parent: Node | null;
  readonly nodes: readonly Node[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** Values defined in this graph, by name. */
  readonly values: ReadonlyMap<string, Value>;
}

export interface Model {
  readonly onnx: OnnxModel;
  readonly graph: Graph;
}

/**
 * What a linear layer does in its block. `gate`, `up` and `down` are the three of a gated feed-forward block; both
 * layers of a plain one are `fc` (fc1 and fc2, c_fc and c_proj, intermediate and output).
 * Packed weights (c_attn, query_key_value, gate_up_proj) and all that no family names are `other`.
 */
export type WeightKind = "q" | "k" | "v" | "o" | "gate" | "up" | "down" | "fc" | "other";

/** How a convolution moves over its input; attributes as ONNX has them, one entry for each spatial axis. */
export interface ConvolutionWindow {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Begins of all axes, then ends; ignored where `autoPad` is neither "" nor NOTSET. */
  readonly pads: readonly number[];
  readonly autoPad: string;
}

/** One node that multiplies with a target's weight. */
export interface TargetUse {
  readonly node: Node;
  /** The float activation that meets the weight; its last axis is the input channel, unless there is a window. */
  readonly activation: Value;
  /** The product as floats, before any bias that is a node of its own. */
  readonly result: Value;
  /**
   * For convolutions: the activation is [batch, channels, …] and every place of the window is a token, whose input
   * channels are channels × kernel.
   */
  readonly window?: ConvolutionWindow;
}

/** A linear layer whose weight lies in the file. */
export interface Target {
  /** Readable and unique in the file: `layers.0.self_attn.q_proj`. */
  readonly name: string;
  readonly kind: WeightKind;
  /** Index of the block, null outside of blocks. */
  readonly layer: number | null;
  readonly shape: Shape;
  /** How `tensor` holds it. */
  readonly coding: StoredCoding;
  readonly order: StorageOrder;
  /** Name of the layer form that recognised it (a key of LAYER_FORMS). */
  readonly form: string;
  readonly tensor: OnnxTensor;
  readonly uses: readonly TargetUse[];
  /** Why it stays dense unless `include` names it: lm_head, tied, router; null for ordinary targets. */
  readonly denseByDefault: string | null;
}

/** A weight-like thing that cannot or should not be pruned, for the report. */
export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

/** All that `findTargets` saw. */
export interface FoundTargets {
  readonly targets: readonly Target[];
  readonly skipped: readonly Skipped[];
}
