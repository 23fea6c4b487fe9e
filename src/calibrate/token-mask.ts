/**
 * Which rows of an activation are tokens and which are padding. `attention_mask` [batch, past + tokens]
 * says it for activations whose rows are batch · tokens; other activations (patches, frames, pooled
 * vectors) have other rows and all of them count. Rows are only known at run time, so the choice is
 * made in the graph: the mask applies where its number of rows equals the activation's.
 */
import type { Graph, Model, Value } from "../graph/index.js";
import type { OnnxValueInfo } from "../onnx/index.js";
import { DRAFT_PREFIX, END, type GraphDraft } from "./draft.js";

/** Graph inputs whose axis 1 is the tokens of this step, without the past. */
const TOKEN_INPUTS = ["input_ids", "inputs_embeds", "decoder_input_ids", "decoder_inputs_embeds"];

/** What an encoder hands to a decoder, with a mask of its own. */
const ENCODED = { states: "encoder_hidden_states", mask: "encoder_attention_mask" };

/** Operators whose output has the rows of their input. */
const KEEPS_ROWS = new Set(["Cast", "Identity", "Reshape"]);

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
   * @param rows name of the activation reshaped to [rows, channels], in `graph`
   * @param prefix names of added values begin so
   */
  forRows(activation: Value, { onnx: graph }: Graph, rows: string, prefix: string): string | null {
    const flat = this.flatMask(activation);
    if (flat === null) return null;
    const { draft } = this;
    const node = (opType: string, inputs: string[], name: string) =>
      draft.node(graph, opType, inputs, `${prefix}/${name}`);
    const rowCount = node("Gather", [node("Shape", [rows], "shape_of_rows"), draft.int64s(0)], "row_count");
    const maskCount = node("Shape", [flat], "mask_count");
    // The mask and, behind it, as many rows that all count: a slice of either, so no index can be out of range.
    const all = node("Expand", [draft.isTrue(), rowCount], "all_rows");
    const either = draft.node(graph, "Concat", [flat, all], `${prefix}/mask_or_all`, [
      { name: "axis", kind: "int", value: 0 },
    ]);
    const fits = node("Equal", [rowCount, maskCount], "mask_fits");
    const start = node("Where", [fits, draft.int64s(0), maskCount], "start");
    const end = node("Add", [start, rowCount], "end");
    const counted = node("Slice", [either, start, end, draft.int64s(0)], "counted_rows");
    return node("Reshape", [counted, draft.int64s(-1, 1)], "counted");
  }

  /** The mask of this step's tokens as bool [batch · tokens], in the main graph. */
  private flatMask(activation: Value): string | null {
    const inputNamed = (...names: string[]) => this.model.graph.onnx.inputs.find(({ name }) => names.includes(name));
    const isEncoded = isInput(activation, ENCODED.states);
    const mask = inputNamed(isEncoded ? ENCODED.mask : "attention_mask");
    const tokens = isEncoded ? mask : inputNamed(...TOKEN_INPUTS);
    if (mask === undefined || tokens === undefined) return null;
    if ((mask.shape !== null && mask.shape.length !== 2) || (tokens.shape !== null && tokens.shape.length < 2))
      return null;
    const flat = this.flat.get(mask.name) ?? this.addFlatMask(mask, tokens);
    this.flat.set(mask.name, flat);
    return flat;
  }

  private addFlatMask(mask: OnnxValueInfo, tokens: OnnxValueInfo): string {
    const { draft } = this;
    const graph = this.model.graph.onnx;
    const named = (name: string) => `${DRAFT_PREFIX}/${mask.name}/${name}`;
    const node = (opType: string, inputs: string[], name: string) => draft.node(graph, opType, inputs, named(name));
    const shape = node("Shape", [tokens.name], "shape_of_tokens");
    const tokenCount = node("Gather", [shape, draft.int64s(1)], "token_count");
    const start = node("Neg", [tokenCount], "minus_token_count");
    const ofThisStep = node("Slice", [mask.name, start, draft.int64s(END), draft.int64s(1)], "of_this_step");
    return node("Reshape", [draft.toBool(graph, ofThisStep, named("bool")), draft.int64s(-1)], "flat");
  }
}

/** Whether a value is a graph input, as it is or with another type or shape but the same rows. */
function isInput(value: Value, name: string): boolean {
  let origin = value;
  for (;;) {
    const { producer } = origin;
    const [from] = producer?.inputs ?? [];
    if (producer === null || !KEEPS_ROWS.has(producer.onnx.opType) || !from) break;
    origin = from;
  }
  return origin.isGraphInput && origin.name === name;
}
