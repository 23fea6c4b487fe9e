/**
 * Writes a scanned message with some of its parts changed. A message without changes is copied as a
 * range of its file; one with changes is written field by field, in the order of the file, and only
 * the lengths around a change are new. Unknown fields and odd encodings survive by not being looked at.
 */
import { headerOf } from "./encode.js";
import { type Piece, Pieces } from "./pieces.js";
import { type MessageName, SCHEMA } from "./schema.js";
import { contentOf } from "./values.js";
import { endOf, type Field, fieldsOf, type Span } from "./wire.js";

/** What happens to the fields of one message. Made for one use: `replace` may remember what it has seen. */
export interface MessageEdit {
  /** Pieces to write before a field. */
  readonly before?: (field: Field) => readonly Piece[];
  /** Pieces to write after a field, whatever becomes of it. */
  readonly after?: (field: Field) => readonly Piece[];
  /** Pieces to write for a field; undefined writes it as it is. */
  readonly replace?: (field: Field) => readonly Piece[] | undefined;
  /** Pieces to write after the last field. */
  readonly append?: () => readonly Piece[];
}

/** Edits by the offset at which a message's content begins: no two messages share it. */
export type MessageEdits = ReadonlyMap<number, MessageEdit>;

/** The content of a message of type `name` after its edits and those of the messages within. */
export function rewrite(message: Span, name: MessageName, edits: MessageEdits): Pieces {
  const offsets = [...edits.keys()].sort((a, b) => a - b);
  return rewriteMessage(message, name, edits, offsets);
}

function rewriteMessage(message: Span, name: MessageName, edits: MessageEdits, offsets: readonly number[]): Pieces {
  if (!isTouched(message, offsets)) return new Pieces([rangeOf(message, message.offset, message.length)]);
  const edit = edits.get(message.offset);
  const written = new Pieces();
  for (const field of fieldsOf(message)) {
    for (const piece of edit?.before?.(field) ?? []) written.add(piece);
    const replacement = edit?.replace?.(field);
    const child = SCHEMA[name].messages[field.number];
    if (replacement !== undefined) {
      for (const piece of replacement) written.add(piece);
    } else if (child !== undefined && isTouched(field, offsets)) {
      const content = rewriteMessage(contentOf(field), child, edits, offsets);
      written.add({ kind: "bytes", bytes: headerOf(field.number, content.length) });
      for (const piece of content) written.add(piece);
    } else {
      written.add(rangeOf(message, field.start, endOf(field) - field.start));
    }
    for (const piece of edit?.after?.(field) ?? []) written.add(piece);
  }
  for (const piece of edit?.append?.() ?? []) written.add(piece);
  return written;
}

function rangeOf({ source }: Span, offset: number, length: number): Piece {
  return { kind: "range", source, offset, length };
}

/** Whether an edited message begins in the span. An empty message begins where the span ends. */
function isTouched(span: Span, offsets: readonly number[]): boolean {
  let low = 0;
  let high = offsets.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((offsets[middle] as number) < span.offset) low = middle + 1;
    else high = middle;
  }
  const next = offsets[low];
  return next !== undefined && next <= span.offset + span.length;
}
