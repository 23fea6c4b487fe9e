/**
 * Affine codes to the floats they stand for, value = scale · (code − zero), from `codes` to the
 * staging area, [rows, columns] as the storage has them. tensor/coding.ts says how codes are packed;
 * rounding is that of tensor/codes.mjs: a product of a float32 and a small integer, rounded once.
 */
import {
  codeBits, codeGroups, codes, columnGroup, columns, rowElements, rowGroup, scales, signedCodes, staging, zeros,
} from "./plan";

/** What turns a two's complement code into an unsigned one that is as much larger; 0 for unsigned codes. */
function signBit(): i32 {
  return signedCodes ? 1 << (<i32>codeBits - 1) : 0;
}

/**
 * Decodes rows `first` … `first + rows` of the storage. Their codes begin in the first byte at `codes`.
 */
export function decodeRows(first: usize, rows: usize): void {
  // Where the first code is in its byte.
  const origin = (first * rowElements) & (8 / codeBits - 1);
  for (let r: usize = 0; r < rows; r++) {
    const at = origin + r * rowElements;
    const table = ((first + r) / rowGroup) * codeGroups;
    const target = staging + ((r * columns) << 2);
    if (columnGroup == 1) decodeByColumn(at, table, target);
    else decodeByGroup(at, table, target);
  }
}

/** Each column has a scale of its own. */
function decodeByColumn(at: usize, table: usize, target: usize): void {
  const scalesAt = scales + (table << 2);
  const zerosAt = zeros + (table << 1);
  const sign = signBit();
  let c: usize = 0;
  if (codeBits == 8)
    for (; c + 4 <= columns; c += 4) {
      const bytes = v128.xor(v128.load32_zero(codes + at + c), i8x16.splat(<i8>sign));
      const wide = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes));
      const offset = i32x4.add(v128.load16x4_s(zerosAt + (c << 1)), i32x4.splat(sign));
      v128.store(target + (c << 2), valuesOf(i32x4.sub(wide, offset), v128.load(scalesAt + (c << 2))));
    }
  for (; c < columns; c++)
    store<f32>(target + (c << 2), valueAt(at + c, load<f32>(scalesAt + (c << 2)), load<i16>(zerosAt + (c << 1))));
}

/** Runs of columns share a scale. */
function decodeByGroup(at: usize, table: usize, target: usize): void {
  for (let group: usize = 0, c: usize = 0; c < columns; group++) {
    const scale = load<f32>(scales + ((table + group) << 2));
    const zero = load<i16>(zeros + ((table + group) << 1));
    const end = min(columns, c + columnGroup);
    if (codeBits == 8) c = decodeBytes(at, c, end, scale, zero, target);
    else if (codeBits == 4 && ((at + c) & 1) == 0) c = decodeNibbles(at, c, end, scale, zero, target);
    for (; c < end; c++) store<f32>(target + (c << 2), valueAt(at + c, scale, zero));
  }
}

function valueAt(at: usize, scale: f32, zero: i32): f32 {
  const perByte = 8 / codeBits;
  const byte = <u32>load<u8>(codes + at / perByte);
  const code = (byte >> <u32>((at & (perByte - 1)) * codeBits)) & ((1 << <u32>codeBits) - 1);
  const sign = signBit();
  return scale * <f32>((<i32>code ^ sign) - sign - zero);
}

/** 16 codes of 8 bits at a time. @returns the first column that is left */
function decodeBytes(at: usize, from: usize, end: usize, scale: f32, zero: i32, target: usize): usize {
  const sign = i8x16.splat(<i8>signBit());
  const offset = i16x8.splat(<i16>(zero + signBit()));
  let c = from;
  for (; c + 16 <= end; c += 16)
    store16(v128.xor(v128.load(codes + at + c), sign), offset, f32x4.splat(scale), target + (c << 2));
  return c;
}

/** 32 codes of 4 bits at a time, the first of each byte in its low bits. @returns the first column that is left */
function decodeNibbles(at: usize, from: usize, end: usize, scale: f32, zero: i32, target: usize): usize {
  const sign = i8x16.splat(<i8>signBit());
  const offset = i16x8.splat(<i16>(zero + signBit()));
  const factor = f32x4.splat(scale);
  let c = from;
  for (; c + 32 <= end; c += 32) {
    const bytes = v128.load(codes + ((at + c) >> 1));
    const low = v128.xor(v128.and(bytes, i8x16.splat(15)), sign);
    const high = v128.xor(i8x16.shr_u(bytes, 4), sign);
    const address = target + (c << 2);
    store16(i8x16.shuffle(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), offset, factor, address);
    const rest = i8x16.shuffle(low, high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    store16(rest, offset, factor, address + 64);
  }
  return c;
}

/** scale · (code − offset) of 16 unsigned bytes. */
function store16(bytes: v128, offset: v128, scale: v128, address: usize): void {
  const low = i16x8.sub(i16x8.extend_low_i8x16_u(bytes), offset);
  const high = i16x8.sub(i16x8.extend_high_i8x16_u(bytes), offset);
  v128.store(address, valuesOf(i32x4.extend_low_i16x8_s(low), scale));
  v128.store(address, valuesOf(i32x4.extend_high_i16x8_s(low), scale), 16);
  v128.store(address, valuesOf(i32x4.extend_low_i16x8_s(high), scale), 32);
  v128.store(address, valuesOf(i32x4.extend_high_i16x8_s(high), scale), 48);
}

function valuesOf(steps: v128, scale: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(steps), scale);
}
