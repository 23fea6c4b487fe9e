/** A small Llama and samples of it, for tests that cut a model. */
import type { LlamaConfig } from "../helpers/llama.js";

export const LLAMA: LlamaConfig = {
  hidden: 128,
  intermediate: 256,
  layers: 3,
  heads: 4,
  kvHeads: 2,
  vocabulary: 256,
  positions: 64,
  dtype: "float32",
};
/** Two batches of different lengths, so that shapes of what crosses a cut differ too. */
export const TOKENS = [24, 24, 17].map((length, s) => Array.from({ length }, (_, i) => (i * 37 + s * 11) % 256));
