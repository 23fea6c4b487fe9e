/**
 * Which rows of an activation are tokens and which are padding. `attention_mask` [batch, past + tokens]
 * says it for activations whose rows are batch · tokens; other activations (patches, frames, pooled
 * vectors) have other rows and all of them count. Rows are only known at run time, so the choice is
 * made in the graph: the mask applies where its number of rows equals the activation's.
 */
import type { Model, Value } from "../graph/index.js";
import { DRAFT_PREFIX, type GraphDraft } from "./draft.js";

const BOOL = 9;
/** Slice takes "to the end" as the largest int64 that a double holds safely. */
const END = Number.MAX_SAFE_INTEGER;

/** Graph inputs whose axis 1 is the tokens of this step, without the past. */
const TOKEN_INPUTS = ["input_ids", "inputs_embeds", "decoder_input_ids", "decoder_inputs_embeds"];

/** Builds the masks of one model, each once. */
export class TokenMasks {
  private readonly flat = new Map<string, string>();

  constructor(
    private readonly model: Model,
    private readonly draft: GraphDraft,
  ) {}

  /**
   * Name of a bool value [rows, 1] that is true for rows that count, or null where no mask can apply.
   *
   * @param rows name of the activation reshaped to [rows, channels], in the activation's graph
   * @param prefix names of added values begin so
   */
  forRows(activation: Value, rows: string, prefix: string): string | null {
    const flat = this.flatMask(activation);
    if (flat === null) return null;
    const graph = activation.graph.onnx;
    const node = (opType: string, inputs: string[], name: string) =>
      this.draft.node(graph, opType, inputs, `${prefix}/${name}`);
    const rowCount = node("Gather", [node("Shape", [rows], "shape_of_rows"), this.draft.int64s([0])], "row_count");
    const maskCount = node("Shape", [flat], "mask_count");
    const index = node(
      "Range",
      [this.draft.int64(0), node("Squeeze", [rowCount], "row_count_scalar"), this.draft.int64(1)],
      "row_index",
    );
    // Mod keeps the index inside the mask where the two counts differ; `differs` then overrules the result.
    const wrapped = node("Mod", [index, maskCount], "row_index_in_mask");
    const differs = node("Not", [node("Equal", [rowCount, maskCount], "same_rows")], "differs");
    const counted = node("Or", [node("Gather", [flat, wrapped], "mask_of_rows"), differs], "counted_flat");
    return node("Reshape", [counted, this.draft.int64s([-1, 1])], "counted");
  }

  /** The mask of this step's tokens as bool [batch · tokens], in the main graph. */
  private flatMask(activation: Value): string | null {
    const cross = activation.isGraphInput && activation.name === "encoder_hidden_states";
    const mask = this.model.graph.onnx.inputs.find(
      ({ name }) => name === (cross ? "encoder_attention_mask" : "attention_mask"),
    );
    const tokens = cross ? mask : this.model.graph.onnx.inputs.find(({ name }) => TOKEN_INPUTS.includes(name));
    if (mask === undefined || tokens === undefined || (mask.shape !== null && mask.shape.length !== 2)) return null;
    const existing = this.flat.get(mask.name);
    if (existing !== undefined) return existing;
    const prefix = `${DRAFT_PREFIX}/${mask.name}`;
    const graph = this.model.graph.onnx;
    const { draft } = this;
    const node = (opType: string, inputs: string[], name: string) =>
      draft.node(graph, opType, inputs, `${prefix}/${name}`);
    const tokenCount = node(
      "Gather",
      [node("Shape", [tokens.name], "shape_of_tokens"), draft.int64s([1])],
      "token_count",
    );
    const last = node(
      "Slice",
      [mask.name, node("Neg", [tokenCount], "minus_token_count"), draft.int64s([END]), draft.int64s([1])],
      "of_this_step",
    );
    const bool = draft.node(graph, "Cast", [last], `${prefix}/bool`, [{ name: "to", kind: "int", value: BOOL }]);
    const flat = node("Reshape", [bool, draft.int64s([-1])], "flat");
    this.flat.set(mask.name, flat);
    return flat;
  }
}
