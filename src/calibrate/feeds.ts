/**
 * Inputs of a session that reads text, made from token ids: what transformers.js would feed for a
 * prompt without a past. Inputs that text says nothing about cannot be made, and are an error.
 */
import { PruneError } from "../errors.js";
import type { InputMetadata, Runtime, RuntimeSession, RuntimeTensor } from "../runtime/index.js";

/** Element type of a feed to the typed array that holds zeros of it. */
const ZEROS: Readonly<Record<string, (count: number) => unknown>> = {
  float32: (count) => new Float32Array(count),
  float16: (count) => new Uint16Array(count),
  int64: (count) => new BigInt64Array(count),
  int32: (count) => new Int32Array(count),
  bool: (count) => new Uint8Array(count),
};

/**
 * Feeds for a batch of sequences of equal length.
 *
 * @param ids token ids, [batch][tokens]
 * @throws PruneError `bad-calibration` where the session has an input that token ids do not determine
 */
export function textFeeds(
  runtime: Runtime,
  session: Pick<RuntimeSession, "inputMetadata">,
  ids: readonly (readonly number[])[],
  file: string,
): Record<string, RuntimeTensor> {
  const feeds: Record<string, RuntimeTensor> = {};
  for (const input of session.inputMetadata) feeds[input.name] = feedOf(runtime, input, ids, file);
  return feeds;
}

function feedOf(
  runtime: Runtime,
  input: InputMetadata,
  ids: readonly (readonly number[])[],
  file: string,
): RuntimeTensor {
  const shape = [ids.length, ids[0]?.length ?? 0];
  const int64s = (value: (batch: number, token: number) => number) =>
    runtime.tensor(
      input.type ?? "int64",
      BigInt64Array.from(ids.flatMap((row, b) => row.map((_, t) => BigInt(value(b, t))))),
      shape,
    );
  switch (input.name) {
    case "input_ids":
      return int64s((b, t) => (ids[b] as readonly number[])[t] as number);
    case "attention_mask":
      return int64s(() => 1);
    case "position_ids":
      return int64s((_, t) => t);
    case "token_type_ids":
      return int64s(() => 0);
    // 0 asks for all logits, which costs nothing here: the session drops them, or evaluation needs them.
    case "num_logits_to_keep":
    case "use_cache_branch":
      return zeros(
        runtime,
        input,
        (input.shape ?? []).map(() => 1),
      );
  }
  if (/^past_/.test(input.name))
    return zeros(
      runtime,
      input,
      (input.shape ?? []).map((axis, i) => (typeof axis === "number" ? axis : i === 0 ? ids.length : 0)),
    );
  throw new PruneError(
    "bad-calibration",
    `${file}: text alone does not determine the input "${input.name}"; calibrate with your own inputs: calibration: { run: (pipe) => … } or { feeds }`,
    { details: { file, input: input.name } },
  );
}

function zeros(runtime: Runtime, { name, type = "float32" }: InputMetadata, shape: readonly number[]): RuntimeTensor {
  const make = ZEROS[type];
  if (make === undefined)
    throw new PruneError(
      "unsupported",
      `input "${name}" has type ${type}; expected one of ${Object.keys(ZEROS).join(", ")}`,
    );
  return runtime.tensor(type, make(shape.reduce((a, b) => a * b, 1)), shape);
}
