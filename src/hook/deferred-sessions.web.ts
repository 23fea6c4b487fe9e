/**
 * Opens sessions after the host has loaded the model. In browsers the host opens one session after the
 * other, in a line that everything it loads stands in: calibration that loads the model again would
 * wait for the very session that waits for it. So the host is given sessions that are still empty, and
 * they are filled when all files are there. By then the sizes and names of all of them are known, too.
 */
import type { RuntimeSession, SessionOptions } from "../runtime/index.js";
import type { Deferred } from "./deferred.js";
import { withoutReady } from "./events.js";
import { onnxRuntime } from "./host.js";
import type { Create, SessionRequest } from "./intercept.js";

/** ONNX Runtime's session as it is built: all it does, it asks of its handler (onnxruntime-common). */
type SessionWithHandler = RuntimeSession & { handler: unknown };

/** A session that the host has and that is not open yet. */
interface Waiting {
  readonly session: SessionWithHandler;
  readonly model: unknown;
  readonly options: SessionOptions;
  readonly create: Create;
}

/** A request whose sessions are opened by `settle`, in the order in which the host asked for them. */
export function deferred(request: SessionRequest): Deferred {
  const waiting: Waiting[] = [];
  let sayReady = () => {};
  return {
    request: {
      announce: (model, options) => request.announce?.(model, options),
      open: async (model, options, create) => {
        request.announce?.(model, options);
        const session = Object.create(onnxRuntime().InferenceSession.prototype) as SessionWithHandler;
        waiting.push({ session, model, options, create });
        return session;
      },
    },
    holdReady: (callback) => {
      const others = withoutReady(callback);
      return (
        others &&
        ((info) => {
          if (info.status === "ready") sayReady = () => callback?.(info);
          else others(info);
        })
      );
    },
    settle: async () => {
      request.announced?.();
      for (const { session, model, options, create } of waiting) {
        const opened = (await request.open(model, options, create)) as SessionWithHandler;
        session.handler = opened.handler;
      }
      sayReady();
    },
  };
}
