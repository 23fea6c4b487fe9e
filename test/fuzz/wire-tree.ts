/**
 * A model as a tree of protobuf fields that can be changed at will, also into what no encoder would
 * write: lengths that lie, numbers with too many bytes, tags that do not exist. It shares no code
 * with src/onnx. Field numbers from onnx.proto, IR version 13.
 */
import { varint } from "../onnx/wire-bytes.js";

/** The messages of a model, each with its fields that are messages again. */
export const MESSAGES = {
  Model: { 7: "Graph", 8: "Opset", 14: "Entry", 20: "Training", 25: "Function" },
  Graph: { 1: "Node", 5: "Tensor", 11: "ValueInfo", 12: "ValueInfo", 13: "ValueInfo", 15: "Sparse" },
  Node: { 5: "Attribute" },
  Attribute: { 5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "Sparse", 23: "Sparse" },
  Tensor: { 13: "Entry" },
  Sparse: { 1: "Tensor", 2: "Tensor" },
  Training: { 1: "Graph", 2: "Graph" },
  Function: { 7: "Node", 9: "Opset", 11: "Attribute" },
  ValueInfo: { 2: "Type" },
  Type: { 1: "TensorType" },
  TensorType: { 2: "Shape" },
  Shape: { 1: "Dimension" },
  Dimension: {},
  Opset: {},
  Entry: {},
} as const satisfies Record<string, Readonly<Record<number, string>>>;

export type MessageKind = keyof typeof MESSAGES;

/** One field. Whoever changes `wireType` or `value` need not keep them fitting. */
export interface Field {
  number: number;
  wireType: number;
  /** A varint, a message, or bytes: text, packed lists, fixed numbers. */
  value: bigint | Uint8Array | Field[];
  /** Length to be written, where it is not that of the value. */
  length?: bigint;
  /** Bytes by which the varint is longer than it need be. */
  overlong?: number;
}

/** Where a field stands. */
export interface Place {
  readonly kind: MessageKind;
  readonly siblings: Field[];
  readonly field: Field;
}

/** The fields of a message; bytes of a child that are none of its kind stay bytes. */
export function parse(bytes: Uint8Array, kind: MessageKind): Field[] {
  const fields: Field[] = [];
  const children: Readonly<Record<number, MessageKind | undefined>> = MESSAGES[kind];
  let at = 0;
  const number = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63n) throw new RangeError("no varint");
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new RangeError("past the end");
    at += length;
    return bytes.slice(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(number());
    const [field, wireType] = [Math.floor(tag / 8), tag % 8];
    if (wireType === 0) fields.push({ number: field, wireType, value: number() });
    else if (wireType === 1 || wireType === 5)
      fields.push({ number: field, wireType, value: take(wireType === 1 ? 8 : 4) });
    else if (wireType === 2) {
      const content = take(Number(number()));
      const child = children[field];
      fields.push({ number: field, wireType, value: child === undefined ? content : parseOrKeep(content, child) });
    } else throw new RangeError("no wire type of ONNX");
  }
  return fields;
}

function parseOrKeep(bytes: Uint8Array, kind: MessageKind): Field[] | Uint8Array {
  try {
    return parse(bytes, kind);
  } catch {
    return bytes;
  }
}

/** The bytes of a message, with all its lies. */
export function encode(fields: readonly Field[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const bytes = new Uint8Array(append(parts, fields));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Appends the bytes of fields, without joining them, because messages are nested a hundred deep. Returns their length. */
function append(parts: Uint8Array[], fields: readonly Field[]): number {
  let total = 0;
  const add = (part: Uint8Array): void => {
    parts.push(part);
    total += part.length;
  };
  for (const { number, wireType, value, length, overlong = 0 } of fields) {
    add(varint(number * 8 + wireType));
    if (typeof value === "bigint") {
      add(stretched(varint(BigInt.asUintN(64, value)), overlong));
      continue;
    }
    // The length comes first and is known last.
    const place = parts.push(new Uint8Array(0)) - 1;
    const before = total;
    if (value instanceof Uint8Array) add(value);
    else total += append(parts, value);
    if (wireType !== 2 && length === undefined) continue;
    const header = stretched(varint(length ?? total - before), overlong);
    parts[place] = header;
    total += header.length;
  }
  return total;
}

/** Bytes of a field, near enough. */
export const sizeOf = ({ value }: Field): number =>
  typeof value === "bigint"
    ? 2
    : value instanceof Uint8Array
      ? value.length + 2
      : value.reduce((sum, field) => sum + sizeOf(field), 2);

/** The same number in more bytes. */
function stretched(bytes: Uint8Array, more: number): Uint8Array {
  if (more === 0) return bytes;
  const longer = new Uint8Array(bytes.length + more).fill(0x80);
  longer.set(bytes);
  longer[bytes.length - 1] = (bytes[bytes.length - 1] as number) | 0x80;
  longer[longer.length - 1] = 0;
  return longer;
}

/** All fields of a tree, from the outside in. */
export function* placesOf(siblings: Field[], kind: MessageKind = "Model"): Generator<Place> {
  const children: Readonly<Record<number, MessageKind | undefined>> = MESSAGES[kind];
  for (const field of siblings) {
    yield { kind, siblings, field };
    const child = children[field.number];
    if (child !== undefined && Array.isArray(field.value)) yield* placesOf(field.value, child);
  }
}

/** A copy that shares nothing. */
export const cloneField = (field: Field): Field => structuredClone(field);

/** A field of text. */
export const textField = (number: number, text: string): Field => ({
  number,
  wireType: 2,
  value: new TextEncoder().encode(text),
});

/** The text of the first field with a number; "" where there is none. */
export function textAt(fields: readonly Field[], number: number): string {
  const value = fields.find((field) => field.number === number)?.value;
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : "";
}
