// For code that must keep calling transformers.js itself: prune() makes session options, and
// withPrune() wraps a model class. Both leave every other model untouched.
import { fileURLToPath } from "node:url";
import { AutoModelForCausalLM, pipeline } from "@huggingface/transformers";
import { prune, withPrune } from "transformers-prune";

const model = fileURLToPath(new URL("../../models/austen-1.4m", import.meta.url));
const options = { dtype: "fp32", local_files_only: true };
const onReport = ({ file, pattern, zeros }) => console.log(`${file}: ${zeros} zeros, ${pattern}`);

const generate = await pipeline("text-generation", model, {
  ...options,
  session_options: prune({ method: "magnitude", pattern: "2:4", cache: false, onReport }),
});
await generate.dispose();

const causal = await withPrune(AutoModelForCausalLM).from_pretrained(model, {
  ...options,
  prune: { method: "magnitude", sparsity: 0.3, cache: false, onReport },
});
await causal.dispose();

const dense = await pipeline("text-generation", model, options);
console.log("and this one stays dense");
await dense.dispose();
