/**
 * What a layer form is: knowledge of one ONNX operator that multiplies an activation with a weight.
 * A form looks at one node and knows nothing of names, of sharing, or of what else the file holds.
 */
import type { Constants } from "./constants.js";
import type { RefusedWeight, StoredWeight } from "./stored-weight.js";
import type { ConvolutionWindow, Node, Value } from "./types.js";

/** A node with a weight that can be pruned. */
export interface LayerCandidate {
  readonly kind: "layer";
  readonly weight: StoredWeight;
  /** As `TargetUse` has them. */
  readonly activation: Value;
  readonly window?: ConvolutionWindow;
  /** Where the product is float again; the node's first output where absent. */
  readonly result?: Value;
}

export interface LayerForm {
  /** For messages and docs: what the form covers. */
  readonly summary: string;
  /**
   * @returns null where the node is of another operator or multiplies activations only; a refusal where it holds a
   *   weight that cannot be pruned
   */
  readonly recognise: (node: Node, constants: Constants) => LayerCandidate | RefusedWeight | null;
}
