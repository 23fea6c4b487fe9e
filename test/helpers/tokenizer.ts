/** The tokenizer of the small model in the repository, as the package is given it in use. */
import { AutoTokenizer } from "@huggingface/transformers";
import type { Tokenizer } from "../../src/calibrate/index.js";

/** Folder of the model, from the repository's root, where tests run. */
export const AUSTEN = "models/austen-1.4m";

export async function austenTokenizer(): Promise<Tokenizer> {
  const tokenizer = await AutoTokenizer.from_pretrained(`${process.cwd()}/${AUSTEN}`, { local_files_only: true });
  const { bos_token_id: bosId = null } = tokenizer as { bos_token_id?: number };
  return { encode: (text) => tokenizer.encode(text, { add_special_tokens: false }), bosId };
}
