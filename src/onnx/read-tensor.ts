/**
 * Values of a tensor as raw little-endian bytes, whatever the file stores: raw_data, an external
 * file, or a typed list such as int32_data with half floats in it.
 */
import { PruneError } from "../errors.js";
import { byteLengthOf, DATA_TYPES, type DataType } from "./data-types.js";
import { TYPED_LISTS } from "./decode-tensor.js";
import { spanOf } from "./origins.js";
import type { OnnxTensor } from "./types.js";
import { eachScalar } from "./values.js";
import { bytesOf, type Cursor, type Field, fieldsOf, type Span, WIRE } from "./wire.js";

/**
 * Reads a tensor's values.
 *
 * @param tensor from `openModel`; the model must not be closed
 * @returns `byteLengthOf(dataType, dims)` bytes, little-endian, in the order of the file. They start at
 *   a multiple of 8 in their buffer, so any typed array can view them, and may be shared with the
 *   model's own bytes: do not write to them.
 * @throws PruneError `bad-model` where the file holds another number of bytes than the shape needs;
 *   `unsupported` for strings and unknown types; `bad-external-data` or `bad-model` where a file has shrunk
 */
export async function readTensor(tensor: OnnxTensor): Promise<Uint8Array> {
  checkStoredLength(tensor);
  const span = spanOf(tensor);
  const expected = byteLengthOf(tensor.dataType, tensor.dims);
  const { data } = tensor;
  switch (data.kind) {
    case "raw": {
      const { source, offset, length } = data.payload;
      return aligned(
        bytesWithin(span, data.external === null ? offset : -1, length) ?? (await source.read(offset, length)),
      );
    }
    case "typed":
      return readTypedList(tensor, span, expected);
    case "none":
      return new Uint8Array(0);
    default:
      return data satisfies never;
  }
}

/**
 * Checks, without reading them, that a file can hold as many values as a tensor's shape has. Whoever
 * allocates memory by the shape asks first: a few bytes may claim a shape of terabytes.
 *
 * @throws PruneError as `readTensor` does for wrong lengths and unknown types
 */
export function checkStoredLength(tensor: OnnxTensor): void {
  const span = spanOf(tensor);
  const expected = byteLengthOf(tensor.dataType, tensor.dims);
  const { data } = tensor;
  switch (data.kind) {
    case "raw":
      if (data.payload.length !== expected) throw wrongLength(tensor, span, expected, data.payload.length);
      return;
    case "typed": {
      let stored = 0;
      for (const field of listFields(span, DATA_TYPES[tensor.dataType] as DataType)) stored += field.length;
      // A number takes a byte or more on the wire and at most eight here.
      if (expected > stored * 8) throw wrongLength(tensor, span, expected, stored);
      return;
    }
    case "none":
      if (expected !== 0) throw wrongLength(tensor, span, expected, 0);
      return;
    default:
      data satisfies never;
  }
}

/**
 * Reads a tensor's values into memory of their own, which may be written to. As `readTensor` otherwise;
 * what comes from a file on disk is not copied again.
 */
export async function readOwnTensor(tensor: OnnxTensor): Promise<Uint8Array> {
  const bytes = await readTensor(tensor);
  const { data } = tensor;
  const isFile = data.kind === "raw" && data.payload.source.path !== undefined;
  // Small parts of a file are in memory as it is open; what lies in a data file never is.
  const isOwn = data.kind !== "raw" || (isFile && (data.external !== null || spanOf(tensor).chunk === null));
  return isOwn ? bytes : new Uint8Array(bytes);
}

/** A range that lies in a span whose bytes are in memory; null where it does not. */
function bytesWithin(span: Span, offset: number, length: number): Uint8Array | null {
  return span.chunk === null || offset < span.offset ? null : bytesOf({ ...span, offset, length });
}

function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
}

async function readTypedList(tensor: OnnxTensor, span: Span, expected: number): Promise<Uint8Array> {
  const type = DATA_TYPES[tensor.dataType] as DataType;
  const values = new ListBytes(type, expected);
  for (const field of listFields(span, type)) {
    const { source, offset, length } = field;
    const chunk = field.chunk ?? { offset, bytes: await source.read(offset, length) };
    values.append({ ...field, chunk });
  }
  if (values.length !== expected) throw wrongLength(tensor, span, expected, values.length);
  return values.bytes;
}

/** The parts of the list in which a type is stored; encoders may split it. */
function* listFields(span: Span, type: DataType): Generator<Field, void, undefined> {
  for (const field of fieldsOf(span)) if (TYPED_LISTS[field.number] === type.list) yield field;
}

/** Gathers the numbers of a typed list into the bytes that raw_data would have. */
class ListBytes {
  readonly bytes: Uint8Array;
  /** Bytes that the list has; more than `bytes` holds where the list is too long. */
  length = 0;
  readonly #view: DataView;
  readonly #width: number;

  constructor(
    readonly type: DataType,
    byteLength: number,
  ) {
    this.bytes = new Uint8Array(byteLength);
    this.#view = new DataView(this.bytes.buffer);
    this.#width = widthOf(type);
  }

  append(field: Field): void {
    const scalar = { floatData: WIRE.fixed32, doubleData: WIRE.fixed64 }[this.type.list as string] ?? WIRE.varint;
    if (scalar !== WIRE.varint && field.wireType === WIRE.bytes) {
      this.#copy(bytesOf(field));
      return;
    }
    eachScalar(field, scalar, (cursor) => {
      if (scalar === WIRE.varint) cursor.varint();
      else cursor.fixed(scalar === WIRE.fixed32 ? 4 : 8);
      if (this.length + this.#width <= this.bytes.length) this.#put(cursor);
      this.length += this.#width;
    });
  }

  /** Packed floats are little-endian bytes already. */
  #copy(bytes: Uint8Array): void {
    if (this.length + bytes.length <= this.bytes.length) this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** The low bytes of the 64 bits just read: half floats and small integers are the low bits of an int32. */
  #put({ low, high }: Cursor): void {
    const view = this.#view;
    const at = this.length;
    if (this.#width === 1) view.setUint8(at, low & 0xff);
    else if (this.#width === 2) view.setUint16(at, low & 0xffff, true);
    else view.setUint32(at, low, true);
    if (this.#width === 8) view.setUint32(at + 4, high, true);
  }
}

/** Bytes of one entry of the list: complex numbers take two entries, packed 4-bit types share one. */
function widthOf(type: DataType): number {
  if (type.list === "floatData") return 4;
  if (type.list === "doubleData") return 8;
  return Math.max(1, type.bits / 8);
}

function wrongLength(tensor: OnnxTensor, span: Span, expected: number, found: number): PruneError {
  const { name, dims, dataType } = tensor;
  const type = DATA_TYPES[dataType]?.name ?? String(dataType);
  return new PruneError(
    "bad-model",
    `${span.source.name}: tensor "${name}" of type ${type} and shape [${dims.join(", ")}] needs ${expected} bytes, ` +
      `found ${found}; export the model again`,
    { details: { file: span.source.name, tensor: name, expected, found } },
  );
}
