/**
 * The protobuf wire format, read in place. A message is a span of its file; its fields are spans
 * inside it, found by walking the tags. Positions are offsets in the file throughout, so that errors
 * can name the byte and the writer can copy what it does not change.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
import { PruneError } from "../errors.js";
import type { ByteSource } from "./types.js";

/** Groups (3 and 4) are obsolete and appear nowhere in ONNX. */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
export type WireType = (typeof WIRE)[keyof typeof WIRE];

/** Bytes of a source that were read: `bytes[0]` lies at `offset`. */
export interface Chunk {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** A part of a source: the content of a message or of a string. */
export interface Span {
  readonly source: ByteSource;
  readonly offset: number;
  readonly length: number;
  /** What was read of the source around the span; null where the span was left in the file. */
  readonly chunk: Chunk | null;
  /** The fields of a message whose payloads were left in the file; only where `chunk` is null. */
  readonly fields: readonly Field[] | null;
}

/**
 * A field of a message, or a run of one scalar field that is repeated without a break. As a span it
 * is the content alone for `WIRE.bytes`, else the whole run with its tags; it ends where the field ends.
 */
export interface Field extends Span {
  readonly number: number;
  readonly wireType: WireType;
  /** Offset of the (first) tag. */
  readonly start: number;
}

/** Offset just past a span or field. */
export function endOf(span: Span): number {
  return span.offset + span.length;
}

/** The error for bytes that are no ONNX model. */
export function malformed(source: ByteSource, offset: number, finding: string): PruneError {
  return new PruneError(
    "bad-model",
    `${source.name}, byte ${offset}: ${finding}; the file is damaged or no ONNX model, export or download it again`,
    { details: { file: source.name, offset } },
  );
}

/** Reads numbers and tags one after the other. */
export class Cursor {
  /** Low and high 32 bits of the number read last. */
  low = 0;
  high = 0;
  /** Field number and wire type of the tag read last. */
  number = 0;
  wireType: WireType = WIRE.varint;

  readonly #bytes: Uint8Array;
  readonly #base: number;

  /**
   * @param position offset of the first byte to read
   * @param end offset at which the message ends; nothing is read past it
   */
  constructor(
    readonly source: ByteSource,
    readonly chunk: Chunk,
    public position: number,
    readonly end: number,
  ) {
    this.#bytes = chunk.bytes;
    this.#base = chunk.offset;
  }

  fail(finding: string): never {
    throw malformed(this.source, this.position, finding);
  }

  /** Reads a varint of up to 64 bits into `low` and `high`. */
  varint(): void {
    const first = this.#byte();
    this.low = first & 127;
    this.high = 0;
    // Most tags, lengths and numbers take one byte.
    if (first >= 128) this.#longVarint();
  }

  #longVarint(): void {
    let { low } = this;
    let high = 0;
    for (let i = 1; i < 10; i++) {
      const byte = this.#byte();
      if (i < 4) low |= (byte & 127) << (7 * i);
      else if (i === 4) {
        low |= (byte & 127) << 28;
        high = (byte & 127) >> 4;
      } else high |= (byte & 127) << (7 * i - 32);
      if (byte < 128) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    this.fail("a number has more than 10 bytes");
  }

  #byte(): number {
    if (this.position >= this.end) this.fail("a number runs past the end of its message");
    return this.#bytes[this.position++ - this.#base] as number;
  }

  /** A varint as int64; beyond ±2^53 the nearest float64. */
  signed(): number {
    this.varint();
    return (this.high | 0) * 2 ** 32 + this.low;
  }

  /** A varint as uint64; beyond 2^53 the nearest float64. */
  unsigned(): number {
    this.varint();
    return this.high * 2 ** 32 + this.low;
  }

  /** Reads a tag into `number` and `wireType`. */
  tag(): void {
    const start = this.position;
    this.varint();
    const wireType = this.low & 7;
    this.number = this.low >>> 3;
    if (this.number === 0 || this.high !== 0 || wireType === 3 || wireType === 4 || wireType > 5) {
      this.position = start;
      this.fail(`a field has number ${this.number} and wire type ${wireType}, which ONNX does not use`);
    }
    this.wireType = wireType as WireType;
  }

  /** Whether the tag at `start`, whose value begins at `valueStart`, comes next once more. */
  repeats(start: number, valueStart: number): boolean {
    const tagLength = valueStart - start;
    if (this.position + tagLength > this.end) return false;
    for (let i = 0; i < tagLength; i++) {
      if (this.#bytes[this.position + i - this.#base] !== this.#bytes[start + i - this.#base]) return false;
    }
    return true;
  }

  /** Reads the length of a field of wire type `bytes` and checks that the message holds as much. */
  contentLength(): number {
    const length = this.unsigned();
    if (length > this.end - this.position) {
      this.fail(`field ${this.number} is ${length} bytes long and its message ends after ${this.end - this.position}`);
    }
    return length;
  }

  /** Skips a scalar of the wire type read last. */
  skipScalar(): void {
    if (this.wireType === WIRE.varint) this.varint();
    else this.#advance(this.wireType === WIRE.fixed32 ? 4 : 8);
  }

  /** Reads 4 or 8 bytes, little-endian, into `low` and `high`. */
  fixed(size: 4 | 8): void {
    const at = this.#advance(size);
    this.low = this.#uint32(at);
    this.high = size === 8 ? this.#uint32(at + 4) : 0;
  }

  /** Reads a float32, little-endian. */
  float(): number {
    const at = this.#advance(4);
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + at, 4).getFloat32(0, true);
  }

  /** Moves past `size` bytes and returns where they begin in the chunk. */
  #advance(size: 4 | 8): number {
    if (size > this.end - this.position) this.fail("a number runs past the end of its message");
    this.position += size;
    return this.position - size - this.#base;
  }

  #uint32(at: number): number {
    const byte = (index: number) => this.#bytes[at + index] as number;
    return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0;
  }
}

/** A cursor at the start of a span that is in memory. */
export function cursorOf(span: Span): Cursor {
  return new Cursor(span.source, chunkOf(span), span.offset, endOf(span));
}

/** The bytes of a span that is in memory. */
export function bytesOf(span: Span): Uint8Array {
  const chunk = chunkOf(span);
  return chunk.bytes.subarray(span.offset - chunk.offset, endOf(span) - chunk.offset);
}

function chunkOf(span: Span): Chunk {
  if (span.chunk !== null) return span.chunk;
  throw malformed(span.source, span.offset, `a name or number takes ${span.length} bytes; expected a few`);
}

/**
 * The fields of a message in the order of the file. For a message in memory they are found while
 * they are asked for, so a hostile count costs no memory.
 *
 * @throws PruneError `bad-model` where the bytes break the wire format
 */
export function* fieldsOf(message: Span): Generator<Field, void, undefined> {
  if (message.fields !== null) {
    yield* message.fields;
    return;
  }
  const cursor = cursorOf(message);
  while (cursor.position < cursor.end) yield nextField(cursor);
}

function nextField(cursor: Cursor): Field {
  const start = cursor.position;
  cursor.tag();
  if (cursor.wireType === WIRE.bytes) {
    const length = cursor.contentLength();
    const offset = cursor.position;
    cursor.position += length;
    return fieldFrom(cursor, start, offset);
  }
  const valueStart = cursor.position;
  cursor.skipScalar();
  while (cursor.repeats(start, valueStart)) {
    cursor.position += valueStart - start;
    cursor.skipScalar();
  }
  return fieldFrom(cursor, start, start);
}

/** The field whose tag was read last: it starts at `start`, its span goes from `offset` to the cursor. */
export function fieldFrom(cursor: Cursor, start: number, offset: number): Field {
  const { source, chunk, number, wireType, position } = cursor;
  return { source, offset, length: position - offset, chunk, fields: null, number, wireType, start };
}
