/** `session_options` for those who must keep calling the host's own `pipeline()` or `from_pretrained`. */
import { type PruneOption, resolvePruneOption } from "../options/index.js";
import { withRequest } from "./intercept.js";
import { cacheRootOf, loadTokenizer } from "./location.js";
import { ModelPrune } from "./model-prune.js";

/**
 * Session options that make the host's own loading functions prune:
 * `pipeline(task, id, { session_options: prune("2:4") })`. Use the result for one model.
 * Calibration by `run` is not possible here, because nobody knows how to load the model again; nor
 * is it checked afterwards that every session file named in `option` exists.
 *
 * @param option as the `prune` option of our `pipeline()`
 * @param sessionOptions further options for ONNX Runtime
 * @throws PruneError at once for a bad option
 */
export function prune(option: PruneOption, sessionOptions: object = {}): Record<string, unknown> {
  const request = new ModelPrune({
    model: "the model",
    options: resolvePruneOption(option),
    cacheRoot: cacheRootOf(null),
    tokenizer: (path) => loadTokenizer(null, path, {}),
    reload: null,
  });
  return withRequest(sessionOptions, request);
}
