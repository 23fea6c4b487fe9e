/** Damage to bytes without regard to what they mean: cut, flipped, doubled, joined with another file. */
import { concat } from "../onnx/wire-bytes.js";
import type { Random } from "./random.js";

/** Bytes that often end or begin something in the wire format. */
const TELLING = [0, 1, 0x7f, 0x80, 0xff, 0x08, 0x0a, 0x12, 0x3a, 0x4a] as const;

/** Ways to damage bytes; `other` is another file of the corpus. */
export const BYTE_MUTATIONS = {
  flip: (bytes, random) => {
    const changed = bytes.slice();
    for (let count = random.magnitude(8); count > 0; count--) {
      const at = random.below(changed.length);
      changed[at] = (changed[at] as number) ^ (1 << random.below(8));
    }
    return changed;
  },
  set: (bytes, random) => {
    const changed = bytes.slice();
    changed[random.below(bytes.length)] = random.pick(TELLING);
    return changed;
  },
  insert: (bytes, random) => {
    const at = random.below(bytes.length + 1);
    return concat(bytes.subarray(0, at), random.bytes(random.magnitude(16)), bytes.subarray(at));
  },
  remove: (bytes, random) => {
    const at = random.below(bytes.length);
    return concat(bytes.subarray(0, at), bytes.subarray(at + random.magnitude(bytes.length - at)));
  },
  double: (bytes, random) => {
    const at = random.below(bytes.length);
    const end = at + random.magnitude(bytes.length - at);
    return concat(bytes.subarray(0, end), bytes.subarray(at));
  },
  cut: (bytes, random) => bytes.slice(0, random.below(bytes.length)),
  splice: (bytes, random, other) =>
    concat(bytes.subarray(0, random.below(bytes.length)), other.subarray(random.below(other.length))),
} as const satisfies Record<string, (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array>;

/** Damages bytes once; an empty file stays as it is. */
export function mutateBytes(bytes: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  if (bytes.length === 0 || other.length === 0) return bytes;
  const names = Object.keys(BYTE_MUTATIONS) as (keyof typeof BYTE_MUTATIONS)[];
  return BYTE_MUTATIONS[random.pick(names)](bytes, random, other);
}
