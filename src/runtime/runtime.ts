/**
 * The one door to ONNX Runtime. The package never loads a runtime of its own: `hook/` hands in the
 * copy that the host uses, and the other rooms see only these few names of it.
 */

/** A tensor as ONNX Runtime takes and gives it. `dims` are the axes of `data`. */
export interface RuntimeTensor {
  readonly type: string;
  readonly data: ArrayLike<number> | ArrayLike<bigint>;
  readonly dims: readonly number[];
  dispose?(): void;
}

/** Name, type and shape of an input; a symbolic axis is a string. */
export interface InputMetadata {
  readonly name: string;
  readonly isTensor: boolean;
  readonly type?: string;
  readonly shape?: readonly (number | string)[];
}

/** An open model. */
export interface RuntimeSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputMetadata: readonly InputMetadata[];
  run(feeds: Readonly<Record<string, unknown>>): Promise<Record<string, RuntimeTensor>>;
  release(): Promise<void>;
}

/** Options of a session in ONNX Runtime's own words; passed through as they are. */
export type SessionOptions = Readonly<Record<string, unknown>>;

/** Options for a graph that has none of the model's own outputs: nothing may be said of where they go. */
export function withoutOutputLocations({ preferredOutputLocation: _, ...options }: SessionOptions): SessionOptions {
  return options;
}

/**
 * Options for one of several sessions that run in turns. A session's threads go on looking for work for a while after
 * a run, and take the cores from whoever comes next: with many small products that was half of the time
 * (`npm run bench -- reconstruct --parts time`). What the user says of it counts.
 */
export function takingTurns({ extra, ...options }: SessionOptions): SessionOptions {
  const { session, ...others } = (extra ?? {}) as Readonly<Record<string, object | undefined>>;
  return { ...options, extra: { ...others, session: { force_spinning_stop: "1", ...session } } };
}

/** What the package needs of ONNX Runtime. */
export interface Runtime {
  /** Opens a model from a path or from bytes. Errors are the runtime's own. */
  open(model: string | Uint8Array, options: SessionOptions): Promise<RuntimeSession>;
  /** A tensor of the runtime's own class. */
  tensor(type: string, data: unknown, dims: readonly number[]): RuntimeTensor;
}
