/** Looking at models: perplexity, and weights as numbers. */
export { addLikelihood, LIKELIHOOD, type Perplexity, type PerplexityOptions, perplexity } from "./perplexity.js";
export { type ReadWeightOptions, readWeight, type WeightValues } from "./read-weight.js";
