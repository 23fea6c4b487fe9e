/**
 * Scans a file that is too large to read: walks the tags of the messages in which tensors can lie
 * and jumps over every content longer than a few KB. What comes back is a tree of spans; opening a
 * model costs its topology, not its weights.
 */
import type { PruneError } from "../errors.js";
import { type MessageName, SCHEMA } from "./schema.js";
import type { ByteSource } from "./types.js";
import { LONGEST_LIST, LONGEST_TEXT } from "./values.js";
import { type Chunk, Cursor, endOf, type Field, fieldFrom, malformed, type Span, WIRE } from "./wire.js";

/** Messages and contents up to this long are read whole; longer ones are walked or left in the file. */
const SMALL = LONGEST_TEXT;
/** Reads begin this short after a jump and double while they are sequential. */
const FIRST_READ = 4096;
const LONGEST_READ = 256 * 1024;
/** A tag and a length take at most 20 bytes. */
const HEADER = 20;
/** protobuf's own limit on messages within messages; deeper files are made to exhaust the stack. */
export const MAX_DEPTH = 100;
/** Fields kept for one file. Models have some 10^5; a file of nothing but tags would have 10^9. */
const MAX_FIELDS = 2_000_000;

/** A view that moves over a source, reading ahead while it moves forward. */
export class Window {
  /** What was read last. It stays valid when the window moves on. */
  chunk: Chunk = { offset: 0, bytes: new Uint8Array(0) };
  /** Bytes read from the source so far. */
  bytesRead = 0;
  #readLength = FIRST_READ;

  constructor(readonly source: ByteSource) {}

  /** Whether a range is in memory. */
  holds(offset: number, length: number): boolean {
    return offset >= this.chunk.offset && offset + length <= this.#end;
  }

  /** Brings a range into memory, and more after it. */
  async load(offset: number, length: number): Promise<Chunk> {
    if (this.holds(offset, length)) return this.chunk;
    const isSequential = offset >= this.chunk.offset && offset <= this.#end;
    this.#readLength = isSequential ? Math.min(this.#readLength * 2, LONGEST_READ) : FIRST_READ;
    const readLength = Math.min(Math.max(length, this.#readLength), this.source.size - offset);
    this.chunk = { offset, bytes: await this.source.read(offset, readLength) };
    this.bytesRead += readLength;
    return this.chunk;
  }

  get #end(): number {
    return this.chunk.offset + this.chunk.bytes.length;
  }
}

/**
 * The message that a whole source is.
 *
 * @returns its span, and how many bytes had to be read
 * @throws PruneError `bad-model` where the bytes break the wire format
 */
export async function scan(
  source: ByteSource,
  message: MessageName,
  maxFields = MAX_FIELDS,
): Promise<{ root: Span; bytesRead: number }> {
  const scanner = new Scanner(new Window(source), maxFields);
  const root = await scanner.message(message, 0, source.size, 1);
  return { root, bytesRead: scanner.window.bytesRead };
}

class Scanner {
  #fieldCount = 0;

  constructor(
    readonly window: Window,
    readonly maxFields: number,
  ) {}

  /** The message of `length` bytes at `offset`, read whole or walked. */
  async message(name: MessageName, offset: number, length: number, depth: number): Promise<Span> {
    const { source } = this.window;
    if (length <= SMALL) return { source, offset, length, chunk: await this.window.load(offset, length), fields: null };
    if (depth > MAX_DEPTH) throw tooDeep(source, offset);
    const fields: Field[] = [];
    for (let position = offset; position < offset + length; ) {
      const field =
        this.#shortField(position, offset + length) ?? (await this.#field(name, position, offset + length, depth));
      if (++this.#fieldCount > this.maxFields) {
        throw malformed(source, position, `there are more than ${this.maxFields} fields`);
      }
      fields.push(field);
      position = endOf(field);
    }
    return { source, offset, length, chunk: null, fields };
  }

  /** The usual field, short and in memory already: found without a promise. Null for any other. */
  #shortField(start: number, messageEnd: number): Field | null {
    const { source, chunk } = this.window;
    if (!this.window.holds(start, HEADER)) return null;
    const cursor = new Cursor(source, chunk, start, messageEnd);
    cursor.tag();
    if (cursor.wireType !== WIRE.bytes) return null;
    const length = cursor.contentLength();
    if (length > SMALL || !this.window.holds(cursor.position, length)) return null;
    cursor.position += length;
    return fieldFrom(cursor, start, cursor.position - length);
  }

  async #field(message: MessageName, start: number, messageEnd: number, depth: number): Promise<Field> {
    const cursor = await this.#header(start, messageEnd);
    const { number, wireType } = cursor;
    if (wireType !== WIRE.bytes) return this.#run(message, cursor, start);
    const length = cursor.contentLength();
    const offset = cursor.position;
    const child = SCHEMA[message].messages[number];
    const content =
      child === undefined
        ? await this.#content(message, number, offset, length)
        : await this.message(child, offset, length, depth + 1);
    return { ...content, number, wireType, start };
  }

  /** A cursor past the tag at `start`, with the length that may follow in memory. */
  async #header(start: number, messageEnd: number): Promise<Cursor> {
    const chunk = await this.window.load(start, Math.min(HEADER, messageEnd - start));
    const cursor = new Cursor(this.window.source, chunk, start, messageEnd);
    cursor.tag();
    return cursor;
  }

  /** A scalar and those of the same field that follow it. */
  async #run(message: MessageName, first: Cursor, start: number): Promise<Field> {
    const { number, wireType, end: messageEnd } = first;
    let cursor = first;
    let end: number;
    do {
      cursor.skipScalar();
      end = cursor.position;
      if (end === messageEnd) break;
      // An unpacked list may have millions of elements: only wait where the window ends.
      if (this.window.holds(end, HEADER)) cursor.tag();
      else cursor = await this.#header(end, messageEnd);
    } while (cursor.number === number && cursor.wireType === wireType);
    return { ...(await this.#content(message, number, start, end - start)), number, wireType, start };
  }

  /** A content that is no message: read where it is short or needed, else left in the file. */
  async #content(message: MessageName, number: number, offset: number, length: number): Promise<Span> {
    const { source } = this.window;
    const isNeeded = SCHEMA[message].lists?.includes(number) === true;
    if (isNeeded && length > LONGEST_LIST) {
      throw malformed(source, offset, `field ${number} of a ${message} is ${length} bytes long`);
    }
    const chunk = isNeeded || length <= SMALL ? await this.window.load(offset, length) : null;
    return { source, offset, length, chunk, fields: null };
  }
}

/** The error for messages nested deeper than `MAX_DEPTH`. */
export function tooDeep(source: ByteSource, offset: number): PruneError {
  return malformed(source, offset, `messages are nested more than ${MAX_DEPTH} deep`);
}
