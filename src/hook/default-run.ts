/**
 * Calibration by text of sessions that text alone cannot feed: the decoder of an encoder–decoder
 * model reads what the encoder made. The whole model is run instead, as its pipeline would run it:
 * it reads short passages, one at a time, and generates a few tokens after each.
 */
import { calibrationText, cutWindows } from "../calibrate/index.js";
import { PruneError } from "../errors.js";
import type { ResolvedCalibration } from "../options/index.js";
import type { Plan } from "../prune/index.js";
import type { HostTokenizer } from "./tokenizer.js";

/** Graph inputs that another session of the same model computes. */
const FROM_ANOTHER_SESSION = new Set(["encoder_hidden_states", "inputs_embeds"]);

/** Longest passage in tokens: what such models read at a time, and within the positions that all of them have. */
const PASSAGE_TOKENS = 128;

/** Tokens generated after a passage, each a step of the decoder. */
const NEW_TOKENS = 32;

/**
 * Uses a loaded pipeline or model to calibrate it; returns in words what it did. `onSample` hears how
 * far it is, where that is known.
 */
export type Run = (loaded: unknown, onSample: (done: number, total: number) => void) => Promise<string>;

/** A calibration whose samples are text. */
export type TextCalibration = ResolvedCalibration & {
  readonly source: Extract<ResolvedCalibration["source"], { kind: "built-in" | "texts" }>;
};

/** The part of the host's models that a run needs. */
interface GeneratingModel {
  readonly main_input_name?: string;
  generate?(inputs: object): Promise<unknown>;
}

/** Whether a file can only be run together with another session of its model. */
export const readsAnotherSession = ({ model }: Plan): boolean =>
  model.graph.onnx.inputs.some(({ name }) => FROM_ANOTHER_SESSION.has(name));

/**
 * A run over `count` passages of at most `length` tokens (and at most 128) of the calibration's text.
 *
 * @param file session file that is calibrated so, for messages
 * @returns the run of a loaded pipeline or model
 * @throws PruneError `bad-option` for `bos` and `memory`; from the run `bad-calibration` where the model does
 *   not read text or generate
 */
export function defaultRun(calibration: TextCalibration, tokenizer: () => Promise<HostTokenizer>, file: string): Run {
  if (calibration.bos)
    throw new PruneError(
      "bad-option",
      `calibration.bos is set, but ${file} is run with the whole model on whole passages, which get the special tokens that its tokenizer gives them; leave bos out`,
    );
  if (calibration.memory !== null)
    throw new PruneError(
      "bad-option",
      `calibration.memory is set, but ${file} is run together with the other sessions of its model, which are whole; leave memory out`,
    );
  return async (loaded, onSample) => {
    const model = ((loaded as { model?: unknown }).model ?? loaded) as GeneratingModel;
    refuseUnlessTextToText(model);
    const { text, name } = await calibrationText(calibration.source);
    const tokens = await tokenizer();
    const length = Math.min(calibration.length, PASSAGE_TOKENS);
    const passages = cutWindows(text, tokens, { count: calibration.count, length, bos: false });
    onSample(0, passages.length);
    for (const [index, ids] of passages.entries()) {
      const passage = tokens.host.decode(ids, { skip_special_tokens: true });
      await model.generate({ ...tokens.host(passage), max_new_tokens: NEW_TOKENS, do_sample: false, num_beams: 1 });
      onSample(index + 1, passages.length);
    }
    return `${passages.length} passages of ${passages[0]?.length ?? 0} tokens of ${name}, each continued by up to ${NEW_TOKENS} tokens`;
  };
}

function refuseUnlessTextToText(model: GeneratingModel): asserts model is Required<GeneratingModel> {
  const { main_input_name: input = "input_ids", generate } = model;
  if (input === "input_ids" && typeof generate === "function") return;
  throw new PruneError(
    "bad-calibration",
    `the model ${input === "input_ids" ? "does not generate" : `reads ${input}`}, so text cannot calibrate it; ` +
      "calibrate with inputs of its own: calibration: { run: async (pipe) => { await pipe(…); } }",
  );
}
