/**
 * Writes small protobuf messages, field by field: the counterpart of `Cursor`. The few forms of fields that
 * ONNX needs and no more; protobufjs would be 12 kB more, compressed, for every page.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
import { WIRE, type WireType } from "./wire.js";

const LEAST_BYTES = 64;

/** A message in the making. Fields come in the order in which they are written. */
export class MessageWriter {
  #bytes = new Uint8Array(LEAST_BYTES);
  #length = 0;

  /** An integer from -2^53 to 2^53. A negative one takes ten bytes, as int64 does. */
  integer(field: number, value: number): this {
    this.#tag(field, WIRE.varint);
    this.#varint(value);
    return this;
  }

  /** A float32. */
  float(field: number, value: number): this {
    this.#tag(field, WIRE.fixed32);
    const at = this.#grow(4);
    new DataView(this.#bytes.buffer).setFloat32(at, value, true);
    return this;
  }

  /** Text, or the content of another message. */
  content(field: number, content: Uint8Array | string): this {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    this.header(field, bytes.length);
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** Tag and length of a field whose content, of so many bytes, is written by others. */
  header(field: number, length: number): this {
    this.#tag(field, WIRE.bytes);
    this.#varint(length);
    return this;
  }

  /** The message so far. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #tag(field: number, wireType: WireType): void {
    this.#varint(8 * field + wireType);
  }

  /** Seven bits a byte, the lowest first, of 64 bits in two's complement. */
  #varint(value: number): void {
    let low = value >>> 0;
    let high = Math.floor(value / 2 ** 32) >>> 0;
    while (high !== 0 || low >= 128) {
      this.#byte((low & 127) | 128);
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.#byte(low);
  }

  #byte(value: number): void {
    const at = this.#grow(1);
    this.#bytes[at] = value;
  }

  /** Makes room for so many bytes and gives their place. */
  #grow(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return at;
  }
}
