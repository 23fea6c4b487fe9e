/** A load whose sessions may be opened after the host is done with it. */
import type { PruneProgressCallback } from "./events.js";
import type { SessionRequest } from "./intercept.js";

/** A request, and what is to be done when the host has loaded the model. */
export interface Deferred {
  /** What the host is given. */
  readonly request: SessionRequest;
  /** A callback that hears `ready` when the sessions are open. */
  readonly holdReady: (callback: Callback) => Callback;
  /** To be called when the host has loaded the model. @throws whatever the request throws */
  readonly settle: () => Promise<void>;
}

type Callback = PruneProgressCallback | null | undefined;
