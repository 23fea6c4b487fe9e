/**
 * Wire format by hand, for files that no encoder would write: unknown fields, wrong lengths, deep
 * nesting, odd encodings.
 */

/** An unsigned number as a varint. */
export function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt(value);
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

/** A scalar field, wire type 0. */
export function scalar(field: number, value: number | bigint): Uint8Array {
  return concat(varint(field * 8), varint(value));
}

/** A field with a length, wire type 2. `length` lies about it where given. */
export function delimited(field: number, content: Uint8Array | string, length?: number | bigint): Uint8Array {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return concat(varint(field * 8 + 2), varint(length ?? bytes.length), bytes);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Messages within messages, by field number. Every message of a small model that holds others. */
interface Nesting {
  readonly [field: number]: Nesting;
}
const LEAF: Nesting = {};
const TENSOR: Nesting = { 13: LEAF };
const ATTRIBUTE: { [field: number]: Nesting } = { 5: TENSOR };
const GRAPH: Nesting = {
  1: { 5: ATTRIBUTE },
  5: TENSOR,
  11: { 2: { 1: { 2: { 1: LEAF } } } },
  12: { 2: { 1: { 2: { 1: LEAF } } } },
};
ATTRIBUTE[6] = GRAPH;
const MODEL: Nesting = { 7: GRAPH, 8: LEAF, 14: LEAF };

/**
 * Writes a model's bytes again with unknown fields before, between and after the fields of every message.
 *
 * @param unknown gives the bytes to put in at each place, whole fields or nothing
 */
export function sprinkle(model: Uint8Array, unknown: () => Uint8Array, nesting: Nesting = MODEL): Uint8Array {
  const parts: Uint8Array[] = [unknown()];
  for (const { number, start, valueStart, end } of topFields(model)) {
    const child = nesting[number];
    const whole = model.subarray(start, end);
    parts.push(
      child === undefined ? whole : delimited(number, sprinkle(model.subarray(valueStart, end), unknown, child)),
    );
    parts.push(unknown());
  }
  return concat(...parts);
}

/** The fields of one message: where each starts, where its value starts, where it ends. */
export function topFields(message: Uint8Array): { number: number; start: number; valueStart: number; end: number }[] {
  const fields = [];
  for (let at = 0; at < message.length; ) {
    const start = at;
    const read = () => {
      let value = 0;
      for (let shift = 1; ; shift *= 128) {
        const byte = message[at++] ?? 0;
        value += (byte & 127) * shift;
        if (byte < 128) return value;
      }
    };
    const tag = read();
    const wireType = tag % 8;
    let valueStart = at;
    if (wireType === 0) read();
    else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else {
      const length = read();
      valueStart = at;
      at += length;
    }
    fields.push({ number: Math.floor(tag / 8), start, valueStart, end: at });
  }
  return fields;
}
