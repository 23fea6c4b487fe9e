/**
 * Calibration by text of sessions that text alone cannot feed: the decoder of an encoder–decoder
 * model reads what the encoder made. The whole model is run instead, as its pipeline would run it:
 * it reads short passages, one at a time, and generates a few tokens after each. Loaded where it is needed.
 */
import { calibrationText, cutWindows } from "../calibrate/index.js";
import { PruneError } from "../errors.js";
import type { Run, TextCalibration } from "./model-run.js";
import type { HostTokenizer } from "./tokenizer.js";

/** Longest passage in tokens: what such models read at a time, and within the positions that all of them have. */
const PASSAGE_TOKENS = 128;

/** Tokens generated after a passage, each a step of the decoder. */
const NEW_TOKENS = 32;

/** The part of the host's models that a run needs. */
interface GeneratingModel {
  readonly main_input_name?: string;
  generate?(inputs: object): Promise<unknown>;
}

/**
 * A run over `count` passages of at most `length` tokens (and at most 128) of the calibration's text.
 *
 * @returns the run of a loaded pipeline or model; it throws a PruneError `bad-calibration` where the model does not
 *   read text or generate
 */
export function defaultRun(calibration: TextCalibration, tokenizer: () => Promise<HostTokenizer>): Run {
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
