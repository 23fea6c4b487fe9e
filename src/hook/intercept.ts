/**
 * The seam: `InferenceSession.create` of the host's runtime. A request of ours travels to it inside
 * `session_options`, under a symbol that survives the host's object spread; whatever carries no
 * request (other models, the host's helper graphs) goes straight through. The class is patched in
 * place and once, so it does not matter whether the host or we were imported first, nor how many
 * copies of this package (ESM and CJS) are loaded: the request brings its own behaviour.
 */
import type { RuntimeSession, SessionOptions } from "../runtime/index.js";
import { type InferenceSessionClass, onnxRuntime } from "./host.js";
import { lineUpRuns, oneAtATime } from "./one-at-a-time.node.js";
import { closeUnreadStreams, watchReadStreams } from "./unread-streams.node.js";

/** ONNX Runtime's own `create`. */
export type Create = (model: unknown, options: SessionOptions) => Promise<RuntimeSession>;

/** What happens instead of a plain `create`. */
export interface SessionRequest {
  /**
   * @param model path, bytes or buffer, as the host gave it
   * @param options session options without the request
   * @param create the runtime's own
   */
  open(model: unknown, options: SessionOptions, create: Create): Promise<RuntimeSession>;
  /** Hears of a session that will be opened, where that is known before; the arguments are those of `open`. */
  announce?(model: unknown, options: SessionOptions): void;
  /** Hears that every session of the model has been announced, where that is known. */
  announced?(): void;
}

const REQUEST = Symbol.for("transformers-prune.request");
const HOOKED = Symbol.for("transformers-prune.hooked");

type Options = SessionOptions & { [REQUEST]?: SessionRequest };

/** Session options that carry a request through the host. Installs the hook. */
export function withRequest<T extends object>(sessionOptions: T, request: SessionRequest): T {
  installHook();
  return { ...sessionOptions, [REQUEST]: request };
}

function installHook(): void {
  watchReadStreams();
  const { InferenceSession } = onnxRuntime();
  const original = InferenceSession.create as InferenceSessionClass["create"] & { [HOOKED]?: true };
  if (original[HOOKED]) return;
  const hooked = function (this: InferenceSessionClass, model: unknown, ...rest: unknown[]): Promise<RuntimeSession> {
    const [given] = rest as [Options | undefined];
    const request = typeof given === "object" && given !== null ? given[REQUEST] : undefined;
    if (request === undefined) return oneAtATime(() => original.call(this, model, ...rest));
    const { [REQUEST]: _, ...options } = given as Options;
    if (typeof model === "string") closeUnreadStreams(model);
    return request.open(model, options, (other, otherOptions) =>
      oneAtATime(() => original.call(this, other, otherOptions)),
    );
  };
  InferenceSession.create = Object.assign(hooked, { [HOOKED]: true as const });
  lineUpRuns(InferenceSession);
}
