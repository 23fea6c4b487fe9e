/**
 * TensorProto: name, type, shape and where the values are. Exporters put values into raw_data, into
 * a typed list or into another file; nothing is read here but the description.
 */
import { PruneError } from "../errors.js";
import { byteLengthOf, type TypedList } from "./data-types.js";
import type { DecodeContext } from "./decode-context.js";
import { rememberSpan } from "./origins.js";
import { ENTRY, EXTERNAL, SPARSE_TENSOR, TENSOR } from "./schema.js";
import type { OnnxTensor, TensorData } from "./types.js";
import { appendInts, contentOf, intOf, LONGEST_LIST, textOf } from "./values.js";
import { fieldsOf, malformed, type Span } from "./wire.js";

/** Field numbers of the typed lists. */
export const TYPED_LISTS: Readonly<Record<number, TypedList | undefined>> = {
  [TENSOR.floatData]: "floatData",
  [TENSOR.int32Data]: "int32Data",
  [TENSOR.stringData]: "stringData",
  [TENSOR.int64Data]: "int64Data",
  [TENSOR.doubleData]: "doubleData",
  [TENSOR.uint64Data]: "uint64Data",
};

/** The fields that hold or locate a tensor's values: an edit replaces them all. */
export function holdsValues(fieldNumber: number): boolean {
  const others: readonly number[] = [TENSOR.rawData, TENSOR.externalData, TENSOR.dataLocation];
  return TYPED_LISTS[fieldNumber] !== undefined || others.includes(fieldNumber);
}

/**
 * Decodes a TensorProto.
 *
 * @throws PruneError `bad-model` for broken bytes or dimensions, `bad-external-data` for a location
 *   that cannot be one
 */
export function decodeTensor(span: Span, context: DecodeContext, depth: number): OnnxTensor {
  context.enter(span, depth);
  let name = "";
  let dataType = 0;
  let list: TypedList | null = null;
  let raw: Span | null = null;
  let isExternal = false;
  const dims: number[] = [];
  const entries = new Map<string, string>();
  for (const field of fieldsOf(span)) {
    if (field.number === TENSOR.dims) appendInts(dims, field);
    else if (field.number === TENSOR.dataType) dataType = intOf(field);
    else if (field.number === TENSOR.name) name = textOf(field);
    else if (field.number === TENSOR.rawData) raw = contentOf(field);
    else if (field.number === TENSOR.dataLocation) isExternal = intOf(field) === EXTERNAL;
    else if (field.number === TENSOR.externalData) entries.set(...decodeEntry(contentOf(field)));
    else if (field.length > 0) list = TYPED_LISTS[field.number] ?? list;
  }
  checkDims(name, dims, span);
  const tensor: OnnxTensor = {
    name,
    dataType,
    dims,
    data: isExternal ? externalData({ name, dataType, dims }, entries, context) : inlineData(raw, list, span),
  };
  context.tensors.push(tensor);
  return rememberSpan(tensor, span);
}

/** Decodes a SparseTensorProto for its name, which is that of its values. */
export function decodeSparseTensor(span: Span, context: DecodeContext, depth: number): string {
  context.enter(span, depth);
  let name = "";
  for (const field of fieldsOf(span)) {
    if (field.number === SPARSE_TENSOR.values) name = decodeTensor(contentOf(field), context, depth + 1).name;
    else if (field.number === SPARSE_TENSOR.indices) decodeTensor(contentOf(field), context, depth + 1);
  }
  return name;
}

/** Decodes a StringStringEntryProto. */
export function decodeEntry(span: Span): [key: string, value: string] {
  let key = "";
  let value = "";
  for (const field of fieldsOf(span)) {
    if (field.number === ENTRY.key) key = textOf(field, LONGEST_LIST);
    else if (field.number === ENTRY.value) value = textOf(field, LONGEST_LIST);
  }
  return [key, value];
}

/** An encoder that writes empty fields too may add an empty raw_data to a typed list. */
function inlineData(raw: Span | null, list: TypedList | null, span: Span): TensorData {
  if (raw !== null && (raw.length > 0 || list === null)) {
    return { kind: "raw", payload: { source: span.source, offset: raw.offset, length: raw.length }, external: null };
  }
  return list === null ? { kind: "none" } : { kind: "typed", field: list };
}

function externalData(
  tensor: Pick<OnnxTensor, "name" | "dataType" | "dims">,
  entries: ReadonlyMap<string, string>,
  context: DecodeContext,
): TensorData {
  const location = entries.get("location") ?? "";
  const offset = decimal(entries.get("offset") ?? "0", "offset", tensor.name, location);
  const given = entries.get("length");
  const length =
    given === undefined ? byteLengthOf(tensor.dataType, tensor.dims) : decimal(given, "length", tensor.name, location);
  const external = { location, offset, length };
  const source = context.externals.claim({ tensor: tensor.name, ...external });
  return { kind: "raw", payload: { source, offset, length }, external };
}

function decimal(text: string, what: "offset" | "length", tensor: string, location: string): number {
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw new PruneError(
    "bad-external-data",
    `tensor "${tensor}" gives ${what} "${text}" in external file "${location}"; expected a whole number of bytes`,
    { details: { tensor, location, [what]: text } },
  );
}

/** Axes that a tensor may have. Models have five or six; NumPy knows 64. */
const MOST_AXES = 64;

function checkDims(name: string, dims: readonly number[], span: Span): void {
  if (dims.length > MOST_AXES)
    throw malformed(
      span.source,
      span.offset,
      `tensor "${name}" has ${dims.length} axes; expected at most ${MOST_AXES}`,
    );
  if (dims.every((size) => size >= 0 && Number.isSafeInteger(size))) return;
  throw malformed(span.source, span.offset, `tensor "${name}" has dimensions [${dims.slice(0, 8).join(", ")}]`);
}
