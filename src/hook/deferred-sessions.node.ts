/** In Node sessions are opened where the host asks for them (see deferred-sessions.web.ts). */
import type { Deferred } from "./deferred.js";
import type { SessionRequest } from "./intercept.js";

/** The request as it is. */
export const deferred = (request: SessionRequest): Deferred => ({
  request,
  holdReady: (callback) => callback,
  settle: async () => {},
});
