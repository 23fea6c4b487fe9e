/**
 * The CPU device's kernel without its threads, for what a mask does not tell: which groups a permuted
 * pattern chose, how good an assignment is, what codes stand for. Calls the kernel as work.mjs does.
 */
import { KERNEL_WASM } from "../../src/compute/cpu/kernel.wasm.js";
import { bytesOfRows } from "../../src/tensor/codes.mjs";
import type { AffineCoding } from "../../src/tensor/coding.js";

type Global = { value: number };
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly plan: () => number;
  readonly startWeight: () => void;
  readonly decodeRows: (first: number, rows: number) => void;
  readonly convertRows: (first: number, rows: number) => void;
  readonly limitRange: () => number;
  readonly mask: () => number;
  readonly assign: (count: number) => void;
}

const MODULE = new WebAssembly.Module(Buffer.from(KERNEL_WASM, "base64"));
const PERMUTED = 3;

/** A kernel of one's own. */
export class Kernel {
  readonly #exports = new WebAssembly.Instance(MODULE).exports as unknown as Exports;
  /** Most groups that exchange members. */
  readonly block = this.#global("BLOCK").value;

  /**
   * The groups chosen for N:M, from scores [in, out] that are not negative.
   *
   * @returns input channels group by group, and the mask, bit i · out + o
   */
  permute(
    scores: Float32Array,
    shape: { out: number; in: number },
    keep: number,
    of: number,
  ): { groups: number[][]; bits: Uint8Array } {
    this.#plan({ outputs: shape.out, inputs: shape.in, keepCount: keep, groupSize: of });
    this.#floats("factor", shape.in).fill(1);
    this.#exports.startWeight();
    const rows = this.#global("stagingRows").value;
    for (let first = 0; first < shape.in; first += rows) {
      const piece = scores.subarray(first * shape.out, (first + rows) * shape.out);
      this.#floats("staging", piece.length).set(piece);
      this.#exports.convertRows(first, piece.length / shape.out);
    }
    this.#exports.limitRange();
    this.#exports.mask();
    const channels = [...this.#integers("channels", shape.in)];
    const groups = Array.from({ length: shape.in / of }, (_, g) => channels.slice(g * of, (g + 1) * of));
    return { groups, bits: this.#bytes("bits", Math.ceil((shape.out * shape.in) / 8)).slice() };
  }

  /**
   * The values of rows `first` … `first + count` of a stored weight [rows, columns].
   *
   * @param count at most 16, which always fit
   */
  decode(
    bytes: Uint8Array,
    coding: AffineCoding,
    [rows, columns]: readonly [number, number],
    first: number,
    count: number,
  ): Float32Array {
    const { bits, signed, rowElements, rowGroup, columnGroup, scales, zeros } = coding;
    const codes = { codeBits: bits, signedCodes: Number(signed), rowElements, rowGroup, columnGroup };
    this.#plan({ outputs: rows, inputs: columns, keepCount: 1, groupSize: 1, outputMajor: 1, ...codes });
    this.#floats("scales", scales.length).set(scales);
    const zeroCodes = new Int16Array(this.#exports.memory.buffer, this.#global("zeros").value, scales.length);
    if (typeof zeros === "number") zeroCodes.fill(zeros);
    else zeroCodes.set(zeros);
    const { start, end } = bytesOfRows(coding, columns, first, count);
    this.#bytes("codes", end - start).set(bytes.subarray(start, end));
    this.#exports.decodeRows(first, count);
    return this.#floats("staging", count * columns).slice();
  }

  /** The candidate of each group, and the prices of candidates, from gains[group][candidate]. */
  assign(gains: readonly (readonly number[])[]): { candidates: number[]; prices: number[] } {
    const count = gains.length;
    this.#plan({ outputs: 1, inputs: 2 * count, keepCount: 1, groupSize: 2 });
    const held = this.#floats("gains", this.block * this.block).fill(Number.NaN);
    gains.forEach((row, group) => {
      held.set(row, group * this.block);
    });
    this.#exports.assign(count);
    return { candidates: [...this.#integers("candidateOf", count)], prices: [...this.#floats("prices", count)] };
  }

  #plan(
    job: Readonly<Record<"outputs" | "inputs" | "keepCount" | "groupSize", number> & Record<string, number>>,
  ): void {
    const rest = { dtype: 0, outputMajor: 0, rowCoefficient: 0, columnCoefficient: 0, windowCoefficient: 0 };
    const globals = { ...rest, oneCoefficient: 1, size: 1, rule: PERMUTED, codeBits: 0, ...job };
    for (const [name, value] of Object.entries(globals)) this.#global(name).value = value;
    const missing = this.#exports.plan() - this.#exports.memory.buffer.byteLength;
    if (missing > 0) this.#exports.memory.grow(Math.ceil(missing / 65536));
  }

  #global(name: string): Global {
    return (this.#exports as unknown as Readonly<Record<string, Global>>)[name] as Global;
  }

  #floats(name: string, length: number): Float32Array {
    return new Float32Array(this.#exports.memory.buffer, this.#global(name).value, length);
  }

  #integers(name: string, length: number): Uint32Array {
    return new Uint32Array(this.#exports.memory.buffer, this.#global(name).value, length);
  }

  #bytes(name: string, length: number): Uint8Array {
    return new Uint8Array(this.#exports.memory.buffer, this.#global(name).value, length);
  }
}
