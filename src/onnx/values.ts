/**
 * Values of single fields: text, numbers and repeated numbers, packed or not. Each checks that the
 * field has a wire type its value can have.
 */
import {
  bytesOf,
  type Cursor,
  cursorOf,
  type Field,
  fieldsOf,
  malformed,
  type Span,
  WIRE,
  type WireType,
} from "./wire.js";

/**
 * Names beyond this many bytes are refused, and text of bytes attributes is not decoded (it may be an embedded
 * engine), wherever the model is.
 */
export const LONGEST_TEXT = 4096;
/** Lists and metadata beyond this many bytes or numbers are refused: no model needs them, and they would fill the memory. */
export const LONGEST_LIST = 64 * 2 ** 20;

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenientUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The content of a field that holds a message, a string or bytes. */
export function contentOf(field: Field): Span {
  if (field.wireType !== WIRE.bytes) {
    throw malformed(field.source, field.start, `field ${field.number} is a number; expected text or a message`);
  }
  return field;
}

/** Text of a string field.
 *  @param longest bytes that it may have
 *  @throws PruneError `bad-model` where it is longer, or not UTF-8: two names must not become one */
export function textOf(field: Field, longest: number = LONGEST_TEXT): string {
  const content = contentOf(field);
  if (content.length > longest)
    throw malformed(
      content.source,
      content.offset,
      `a name takes ${content.length} bytes; expected at most ${longest}`,
    );
  const bytes = bytesOf(content);
  try {
    return strictUtf8.decode(bytes);
  } catch {
    throw malformed(content.source, content.offset, `field ${field.number} is not UTF-8 text`);
  }
}

/** Text of a bytes field; null where it is longer than `LONGEST_TEXT`. Bytes that are not UTF-8 become U+FFFD. */
export function lenientTextOf(field: Field): string | null {
  const content = contentOf(field);
  return content.length > LONGEST_TEXT ? null : lenientUtf8.decode(bytesOf(content));
}

/** The int64 of a field that is not repeated; of several the last counts, as in protobuf. */
export function intOf(field: Field): number {
  if (field.wireType !== WIRE.varint) throw wrongScalar(field);
  let last = 0;
  eachScalar(field, WIRE.varint, (cursor) => {
    last = cursor.signed();
  });
  return last;
}

/** The float of a field that is not repeated. */
export function floatOf(field: Field): number {
  if (field.wireType !== WIRE.fixed32) throw wrongScalar(field);
  let last = 0;
  eachScalar(field, WIRE.fixed32, (cursor) => {
    last = cursor.float();
  });
  return last;
}

/** Appends a field's int64 values, packed or not. @throws PruneError `bad-model` beyond `LONGEST_LIST` */
export function appendInts(values: number[], field: Field): void {
  checkCount(values, field);
  eachScalar(field, WIRE.varint, (cursor) => values.push(cursor.signed()));
}

/** Appends a field's float values, packed or not. @throws PruneError `bad-model` beyond `LONGEST_LIST` */
export function appendFloats(values: number[], field: Field): void {
  checkCount(values, field);
  eachScalar(field, WIRE.fixed32, (cursor) => values.push(cursor.float()));
}

/** A number takes a byte at least, so a field's length bounds what it can add. */
function checkCount(values: readonly number[], field: Field): void {
  if (values.length + field.length <= LONGEST_LIST) return;
  throw malformed(field.source, field.start, `field ${field.number} is a list of ${field.length} bytes`);
}

/**
 * Calls `read` for each scalar of a repeated field, packed or not; it must consume one scalar.
 *
 * @param field its bytes in memory
 * @param scalar wire type of one unpacked scalar
 */
export function eachScalar(field: Field, scalar: WireType, read: (cursor: Cursor) => void): void {
  const packed = field.wireType === WIRE.bytes;
  if (!packed && field.wireType !== scalar) throw wrongScalar(field);
  const cursor = cursorOf(field);
  while (cursor.position < cursor.end) {
    if (!packed) cursor.tag();
    read(cursor);
  }
}

function wrongScalar(field: Field) {
  return malformed(field.source, field.start, `field ${field.number} has wire type ${field.wireType}`);
}

/** Text of one field of a message that is in memory; "" where the field is absent. */
export function textIn(message: Span, fieldNumber: number): string {
  let text = "";
  for (const field of fieldsOf(message)) if (field.number === fieldNumber) text = textOf(field);
  return text;
}
