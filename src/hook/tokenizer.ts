/** A model's tokenizer, loaded by the host. */
import type { Tokenizer } from "../calibrate/index.js";
import { PruneError } from "../errors.js";
import { host } from "./host.js";

/** The host's loading options that say where a model and its tokenizer are. */
export interface LoadOptions {
  readonly cache_dir?: string | null;
  readonly local_files_only?: boolean;
  readonly revision?: string;
}

/** A tokenizer as calibration needs it, and as the host calls it. */
export interface HostTokenizer extends Tokenizer {
  readonly host: host.PreTrainedTokenizer;
}

/** The error for a model without one. @param model its name or path, null where it was given as bytes */
export const missingTokenizer = (model: string | null, cause?: unknown): PruneError =>
  new PruneError(
    "not-found",
    `no tokenizer for ${model ?? "a model given as bytes"}; calibrate with run(), feeds or token ids instead of text`,
    { cause },
  );

/**
 * Loads a tokenizer.
 *
 * @param id as the host takes it
 * @throws PruneError `not-found` where there is none
 */
export async function tokenizerOf(id: string, options: LoadOptions): Promise<HostTokenizer> {
  try {
    const tokenizer = await host.AutoTokenizer.from_pretrained(id, options as object);
    return {
      host: tokenizer,
      encode: (text) => tokenizer.encode(text, { add_special_tokens: false }),
      bosId: (tokenizer as { bos_token_id?: number | null }).bos_token_id ?? null,
    };
  } catch (cause) {
    throw missingTokenizer(id, cause);
  }
}
