/** Measuring models: perplexity and sparsity. */
export { type Perplexity, perplexity } from "./perplexity.js";
