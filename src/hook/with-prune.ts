/** `from_pretrained` of the host's model classes with one more option. */
import type { HostOptions } from "./load-pruned.js";
import { unpacking } from "./open-unpacked.js";
import type { PruneLoadOptions } from "./pipeline.js";

/** A model class of the host: `AutoModelForCausalLM`, `LlamaForCausalLM`, … */
export interface ModelClass<M> {
  // biome-ignore lint/suspicious/noExplicitAny: the host's own signature; classes differ in their options
  from_pretrained(model: string, options?: any): Promise<M>;
}

/** A model class whose `from_pretrained` takes `prune`. */
export interface PrunedModelClass<M> {
  /** The host's `from_pretrained`, which prunes the model as it loads. Options are the host's and `prune`. */
  from_pretrained(model: string, options?: PruneLoadOptions<M>): Promise<M>;
}

/**
 * A model class of transformers.js whose `from_pretrained` takes `prune`:
 * `withPrune(AutoModelForCausalLM).from_pretrained(id, { prune: "2:4" })`.
 *
 * @throws from `from_pretrained`: PruneError for everything that has to do with pruning; whatever the host throws
 */
export function withPrune<M extends object>(modelClass: ModelClass<M>): PrunedModelClass<M> {
  return {
    async from_pretrained(model, { prune, ...options } = {}) {
      const load = (all: HostOptions) => modelClass.from_pretrained(model, all);
      if (prune == null) return load(unpacking(options as HostOptions));
      const { loadPruned } = await import("./load-pruned.js");
      return loadPruned(model, prune, options as HostOptions, load);
    },
  };
}
