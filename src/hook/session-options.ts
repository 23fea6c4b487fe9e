/** `session_options` for those who must keep calling the host's own `pipeline()` or `from_pretrained`. */
import { type PruneOption, resolvePruneOption } from "../options/index.js";
import type { host } from "./host.js";
import { withRequest } from "./intercept.js";
import type { HostOptions } from "./load-pruned.js";

/** `session_options` as the host takes them. */
export type HostSessionOptions = NonNullable<host.PretrainedModelOptions["session_options"]>;

/** The host's options that pruning needs too, but that the host does not pass on with `session_options`. */
export type PruneHostOptions = Pick<HostOptions, "cache_dir" | "progress_callback">;

/**
 * Session options that make the host's own loading functions prune:
 * `pipeline(task, id, { session_options: prune("2:4") })`; with further options
 * `{ ...prune("2:4"), intraOpNumThreads: 2 }`. They may be used for several models.
 *
 * What needs more than one session is not possible here: calibration that runs the whole model, and
 * the check that every session file named in `option` exists. A session in which nothing can be
 * pruned is an error; name it `false` where that is meant.
 *
 * @param option as the `prune` option of our `pipeline()`
 * @param hostOptions `cache_dir` and `progress_callback`, where they are given to the host as well
 * @throws PruneError at once for a bad option
 */
export function prune(option: PruneOption, hostOptions: PruneHostOptions = {}): HostSessionOptions {
  const options = resolvePruneOption(option);
  return withRequest<HostSessionOptions>(
    {},
    {
      open: async (...session) => {
        const { pruneSession } = await import("./prune-session.js");
        return pruneSession(...session, options, hostOptions);
      },
    },
  );
}
