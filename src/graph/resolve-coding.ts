/**
 * Reads what a coding refers to: scales and zeros. Recognition reads no tensor, so whether zeros that
 * are stored as floats have a code is found out here, before anything is pruned.
 */
import { PruneError } from "../errors.js";
import { checkStoredLength, type OnnxTensor, readTensor } from "../onnx/index.js";
import { decode } from "../tensor/codes.mjs";
import { type AffineCoding, CODE_TABLES, type Coding } from "../tensor/coding.js";
import { floatsOf } from "../tensor/half.js";
import { storedDims } from "../tensor/matrix.js";
import { findTargets } from "./find-targets.js";
import { elementsOf, floatTypeOf, groupDims, type StoredAffineCoding } from "./stored-coding.js";
import type { FoundTargets, Model, Skipped, Target } from "./types.js";

/** As much of a target as its coding needs. */
type CodedWeight = Pick<Target, "name" | "coding" | "shape" | "order">;

/**
 * The coding of a target with its scales and zeros read.
 *
 * @throws PruneError `bad-model` or `bad-external-data` where they cannot be read; `bad-weight` where a zero has no
 *   code, which `findWritableTargets` would have told
 */
export async function resolveCoding(target: CodedWeight): Promise<Coding> {
  const { coding } = target;
  switch (coding.kind) {
    case "float":
      return coding;
    case "affine":
      return resolveAffine(target, coding);
    case "table": {
      const { table, blockElements } = coding;
      return { kind: "table", ...CODE_TABLES[table], blockElements, scales: await readFloats(coding.scales) };
    }
    default:
      return coding satisfies never;
  }
}

async function resolveAffine(target: CodedWeight, coding: StoredAffineCoding): Promise<AffineCoding> {
  const zeros = await readZeros(target, coding);
  if (typeof zeros === "string")
    throw new PruneError("bad-weight", `weight "${target.name}" ${zeros}; exclude it`, {
      details: { weight: target.name },
    });
  const scales = await readFloats(coding.scales);
  const [rows, columns] = groupDims(coding, storedDims(target.shape, target.order));
  return {
    ...coding,
    zeros,
    scales: scales.length === 1 ? new Float32Array(rows * columns).fill(scales[0] as number) : scales,
  };
}

/**
 * All targets into which exact zeros can be written, and all weights that stay dense, as `findTargets` has them;
 * weights whose zeros have no code are among the latter.
 *
 * @throws PruneError `bad-model` where the file holds fewer or more bytes of a target than its shape needs; where
 *   zeros that are stored as floats cannot be read
 */
export async function findWritableTargets(model: Model): Promise<FoundTargets> {
  const found = findTargets(model);
  const targets: Target[] = [];
  const skipped: Skipped[] = [...found.skipped];
  for (const target of found.targets) {
    checkStoredLength(target.tensor);
    const reason = await whyNoZero(target);
    if (reason === null) targets.push(target);
    else skipped.push({ name: target.name, reason });
  }
  return { targets, skipped };
}

/** Why 0 cannot be written into a weight; null where it can. Zeros that are codes need not be read to know. */
async function whyNoZero(target: Target): Promise<string | null> {
  const { coding } = target;
  if (coding.kind !== "affine" || typeof coding.zeros === "number" || coding.zeros.kind === "codes") return null;
  const zeros = await readZeros(target, coding);
  return typeof zeros === "string" ? zeros : null;
}

async function readFloats(tensor: OnnxTensor): Promise<Float32Array> {
  const dtype = floatTypeOf(tensor.dataType);
  if (dtype === undefined) throw new TypeError(`"${tensor.name}" holds no floats`);
  const bytes = await readTensor(tensor);
  // A copy: the coding outlives the file, and may be handed to another thread.
  return dtype === "float32" ? floatsOf(bytes, dtype).slice() : floatsOf(bytes, dtype);
}

/** The codes of zero by group, or why there are none. */
async function readZeros(
  { shape, order }: CodedWeight,
  coding: StoredAffineCoding,
): Promise<AffineCoding["zeros"] | string> {
  const { bits, signed, zeros } = coding;
  if (typeof zeros === "number") return zeros;
  if (zeros.kind === "codes") {
    const { rowElements, tensor } = zeros;
    const isOne = elementsOf(tensor) === 1;
    const [rows, columns] = isOne ? [1, 1] : groupDims(coding, storedDims(shape, order));
    const plain = { rowGroup: rows, columnGroup: columns, scales: Float32Array.of(1), zeros: 0 };
    const codes = { kind: "affine", bits, signed, rowElements, ...plain } as const;
    const values = decode(await readTensor(tensor), codes, rows, columns);
    return isOne ? (values[0] as number) : Int16Array.from(values);
  }
  const values = await readFloats(zeros.tensor);
  const smallest = signed ? -(2 ** (bits - 1)) : 0;
  const isCode = (zero: number) => Number.isInteger(zero) && zero >= smallest && zero < smallest + 2 ** bits;
  const odd = values.find((zero) => !isCode(zero));
  return odd === undefined
    ? Int16Array.from(values)
    : `has a zero point of ${odd}, for which there is no code, so exact zeros cannot be written`;
}
