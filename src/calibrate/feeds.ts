/**
 * Inputs of a session that reads text, made from token ids: what transformers.js would feed for a
 * prompt without a past. Inputs that text says nothing about cannot be made, and are an error.
 */
import { PruneError } from "../errors.js";
import type { InputMetadata, Runtime, RuntimeSession, RuntimeTensor } from "../runtime/index.js";

/** Typed arrays by element type, made of whole numbers. Of float16 only zeros are needed, whose bits are 0. */
const ARRAYS: Readonly<Record<string, ((values: readonly number[]) => unknown) | undefined>> = {
  int64: (values) => BigInt64Array.from(values, BigInt),
  int32: (values) => Int32Array.from(values),
  float32: (values) => Float32Array.from(values),
  float16: (values) => (values.every((value) => value === 0) ? new Uint16Array(values.length) : undefined),
  bool: (values) => Uint8Array.from(values),
};

/** Inputs with a value for every token: [batch, tokens]. */
const PER_TOKEN: Readonly<Record<string, ((id: number, position: number) => number) | undefined>> = {
  input_ids: (id) => id,
  attention_mask: () => 1,
  position_ids: (_, position) => position,
  token_type_ids: () => 0,
};

/** Inputs that are 0: all logits are wanted (they are dropped, or evaluation needs them), and there is no past. */
const ZERO = new Set(["num_logits_to_keep", "use_cache_branch"]);

/**
 * Feeds for a batch of sequences of equal length.
 *
 * @param ids token ids, [batch][tokens]
 * @throws PruneError `bad-calibration` where the session has an input that token ids do not determine;
 *   `unsupported` where an input has a type that cannot be made
 */
export function textFeeds(
  runtime: Runtime,
  session: Pick<RuntimeSession, "inputMetadata">,
  ids: readonly (readonly number[])[],
  file: string,
): Record<string, RuntimeTensor> {
  return Object.fromEntries(session.inputMetadata.map((input) => [input.name, feedOf(runtime, input, ids, file)]));
}

function feedOf(
  runtime: Runtime,
  input: InputMetadata,
  ids: readonly (readonly number[])[],
  file: string,
): RuntimeTensor {
  const { name, shape = [] } = input;
  const perToken = PER_TOKEN[name];
  if (perToken !== undefined) {
    const values = ids.flatMap((row) => row.map(perToken));
    return tensorOf(runtime, input, values, [ids.length, ids[0]?.length ?? 0], file);
  }
  // A symbolic axis of the past is its length, but for the first, the batch.
  const pastAxis = (axis: number | string, i: number) => (typeof axis === "number" ? axis : i === 0 ? ids.length : 0);
  const dims = ZERO.has(name) ? shape.map(() => 1) : /^past_/.test(name) ? shape.map(pastAxis) : null;
  if (dims !== null) {
    const count = dims.reduce((a, b) => a * b, 1);
    return tensorOf(runtime, input, new Array<number>(count).fill(0), dims, file);
  }
  throw new PruneError(
    "bad-calibration",
    `${file}: text alone does not determine the input "${name}"; calibrate with your own inputs: calibration: { run: (pipe) => … } or { feeds }`,
    { details: { file, input: name } },
  );
}

function tensorOf(
  runtime: Runtime,
  { name, type = "float32" }: InputMetadata,
  values: readonly number[],
  dims: readonly number[],
  file: string,
): RuntimeTensor {
  const data = ARRAYS[type]?.(values);
  if (data === undefined)
    throw new PruneError(
      "unsupported",
      `${file}: input "${name}" has type ${type}, which cannot be made from token ids; calibrate with feeds or run()`,
      { details: { file, input: name } },
    );
  return runtime.tensor(type, data, dims);
}
