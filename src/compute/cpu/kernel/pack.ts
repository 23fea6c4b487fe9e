/**
 * Lanes that stay to bits of the mask, in the storage order of the weight: bit k is stored element k,
 * lowest bit of a byte first. For [in, out] sixteen output rows are sixteen neighbouring bits; for
 * [out, in] each output row collects up to 32 input channels and writes them as one word.
 */
import { bits, inputs, outputMajor, outputs, words } from "./plan";

/** Writes input channel i of output rows o … o + width from the lanes at `lanes`. Channels come in order. */
export function packRow(i: usize, o: usize, width: usize, lanes: usize): void {
  if (outputMajor) collect(i, o, width, lanes);
  else writeSideBySide(i, o, width, lanes);
}

function writeSideBySide(i: usize, o: usize, width: usize, lanes: usize): void {
  for (let j: usize = 0; j < width; j += 16, lanes += 64) {
    const low = i16x8.narrow_i32x4_s(v128.load(lanes), v128.load(lanes, 16));
    const high = i16x8.narrow_i32x4_s(v128.load(lanes, 32), v128.load(lanes, 48));
    const sixteen: u32 = i8x16.bitmask(i8x16.narrow_i16x8_s(low, high));
    const position = <u64>i * outputs + o + j;
    const inside = outputs - o - j;
    if (inside >= 16 && (position & 7) == 0) store<u16>(bits + <usize>(position >> 3), sixteen);
    else merge(position, inside >= 16 ? sixteen : sixteen & ((1 << inside) - 1));
  }
}

/** Sets bits at any position, next to bits that are already there. */
function merge(position: u64, value: u32): void {
  const address = bits + <usize>(position >> 3);
  store<u64>(address, load<u64>(address) | ((<u64>value) << (position & 7)));
}

function collect(i: usize, o: usize, width: usize, lanes: usize): void {
  const place = i & 31;
  const bit = i32x4.splat(1 << place);
  if (place == 0) memory.fill(words, 0, width << 2);
  for (let at: usize = 0; at < width << 2; at += 16)
    v128.store(words + at, v128.or(v128.load(words + at), v128.and(v128.load(lanes + at), bit)));
  if (place < 31 && i + 1 < inputs) return;
  const end = min(width, outputs - o);
  for (let j: usize = 0; j < end; j++) merge(<u64>(o + j) * inputs + (i - place), load<u32>(words + (j << 2)));
}
