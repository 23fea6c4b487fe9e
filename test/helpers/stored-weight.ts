/**
 * Numbers to the bytes of a stored weight, and back to the numbers that those bytes hold. Written
 * apart from the package's own conversions, by the formats' definitions.
 */
import { BYTES_PER_ELEMENT, type FloatType } from "../../src/tensor/dtypes.js";
import { type Shape, type StorageOrder, storageIndex } from "../../src/tensor/matrix.js";

/** Bytes in storage order, and what they hold, [out, in]. */
export interface StoredWeight {
  readonly bytes: Uint8Array;
  readonly values: number[];
}

/** Stores [out, in] values, rounded to `dtype`. */
export function storeWeight(
  values: readonly number[],
  shape: Shape,
  dtype: FloatType,
  order: StorageOrder,
): StoredWeight {
  const bytes = new Uint8Array(values.length * BYTES_PER_ELEMENT[dtype]);
  const view = new DataView(bytes.buffer);
  const held = values.map((value, k) => {
    const at = storageIndex(shape, order, Math.floor(k / shape.in), k % shape.in) * BYTES_PER_ELEMENT[dtype];
    return store(view, at, value, dtype);
  });
  return { bytes, values: held };
}

const float = new DataView(new ArrayBuffer(4));

function store(view: DataView, at: number, value: number, dtype: FloatType): number {
  if (dtype === "float16") {
    const [bits, held] = toFloat16(value);
    view.setUint16(at, bits, true);
    return held;
  }
  float.setFloat32(0, value);
  if (dtype === "bfloat16") float.setUint16(2, 0); // The upper half of a float32, rounded towards zero.
  if (dtype === "bfloat16") view.setUint16(at, float.getUint16(0), true);
  else view.setFloat32(at, value, true);
  return float.getFloat32(0);
}

/** Bits and value of the nearest half float; beyond the largest, Inf; NaN stays. */
function toFloat16(value: number): [bits: number, held: number] {
  const sign = value < 0 ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return [0x7e00, Number.NaN];
  if (size >= 65520) return [sign | 0x7c00, value];
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const step = 2 ** (exponent - 10);
  const steps = Math.round(size / step); // 0 … 2048; below 1024 only for subnormal numbers
  const bits = steps < 1024 ? steps : (exponent + 14) * 1024 + steps;
  return [sign | bits, Math.sign(value) * steps * step];
}
