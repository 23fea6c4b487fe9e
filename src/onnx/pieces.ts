/**
 * A file that is not written yet, as a list of pieces: new bytes, ranges copied from a source, and
 * values that are asked for when their turn comes. Neighbouring ranges join, so an untouched file
 * is one range.
 */
import { PruneError } from "../errors.js";
import { Window } from "./scan.js";
import type { ByteSource } from "./types.js";

export type Piece =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "range"; readonly source: ByteSource; readonly offset: number; readonly length: number }
  /** New values of a tensor; `name` is for messages. */
  | {
      readonly kind: "values";
      readonly name: string;
      readonly length: number;
      readonly bytes: () => Promise<Uint8Array> | Uint8Array;
    };

/** Pieces shorter than this are gathered into one chunk; short ranges are read ahead. */
const SHORT = 64 * 1024;

/** Pieces one after the other. */
export class Pieces {
  readonly #list: Piece[] = [];
  #length = 0;

  constructor(pieces: Iterable<Piece> = []) {
    for (const piece of pieces) this.add(piece);
  }

  /** Bytes of all pieces. */
  get length(): number {
    return this.#length;
  }

  [Symbol.iterator](): Iterator<Piece> {
    return this.#list.values();
  }

  add(piece: Piece): void {
    const length = lengthOf(piece);
    if (length === 0) return;
    this.#length += length;
    const last = this.#list.at(-1);
    if (piece.kind === "range" && last?.kind === "range" && continues(last, piece)) {
      this.#list[this.#list.length - 1] = { ...last, length: last.length + length };
    } else {
      this.#list.push(piece);
    }
  }
}

type Range = Extract<Piece, { kind: "range" }>;

function continues(last: Range, next: Range): boolean {
  return last.source === next.source && last.offset + last.length === next.offset;
}

function lengthOf(piece: Piece): number {
  return piece.kind === "bytes" ? piece.bytes.length : piece.length;
}

/**
 * The bytes of all pieces, in chunks. A chunk stays valid when the next one is asked for.
 *
 * @param chunkBytes most bytes of one chunk
 * @throws PruneError `bad-model` where values have another length than was said, or a source has shrunk
 */
export async function* chunksOf(pieces: Pieces, chunkBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  const room = Math.min(SHORT, chunkBytes);
  let gathered = new Uint8Array(room);
  let used = 0;
  for await (const part of partsOf(pieces, chunkBytes)) {
    if (used + part.length > room && used > 0) {
      yield gathered.subarray(0, used);
      gathered = new Uint8Array(room);
      used = 0;
    }
    if (part.length >= room) yield part;
    else {
      gathered.set(part, used);
      used += part.length;
    }
  }
  if (used > 0) yield gathered.subarray(0, used);
}

async function* partsOf(pieces: Pieces, chunkBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  const windows = new Map<ByteSource, Window>();
  for (const piece of pieces) {
    if (piece.kind === "bytes") yield* split(piece.bytes, chunkBytes);
    else if (piece.kind === "values") yield* split(await valuesOf(piece), chunkBytes);
    else if (piece.length <= Math.min(SHORT, chunkBytes)) {
      const window = windows.get(piece.source) ?? new Window(piece.source);
      windows.set(piece.source, window);
      const { offset, bytes } = await window.load(piece.offset, piece.length);
      yield bytes.subarray(piece.offset - offset, piece.offset - offset + piece.length);
    } else {
      for (let done = 0; done < piece.length; done += chunkBytes) {
        yield piece.source.read(piece.offset + done, Math.min(chunkBytes, piece.length - done));
      }
    }
  }
}

function* split(bytes: Uint8Array, chunkBytes: number): Generator<Uint8Array, void, undefined> {
  for (let done = 0; done < bytes.length; done += chunkBytes) yield bytes.subarray(done, done + chunkBytes);
}

async function valuesOf(piece: Extract<Piece, { kind: "values" }>): Promise<Uint8Array> {
  const bytes = await piece.bytes();
  if (bytes.length === piece.length) return bytes;
  throw new PruneError(
    "bad-model",
    `the new values of tensor "${piece.name}" have ${bytes.length} bytes; expected the ${piece.length} that the edit announced`,
    { details: { tensor: piece.name, expected: piece.length, found: bytes.length } },
  );
}
