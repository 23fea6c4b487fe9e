/** Measuring models: perplexity and sparsity. */
export { addLikelihood, LIKELIHOOD, type Perplexity, type PerplexityOptions, perplexity } from "./perplexity.js";
