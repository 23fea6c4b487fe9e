/**
 * From codes to values. Plain JavaScript, because the worker threads of the CPU device, which Node
 * starts from plain JavaScript, decode as well as the rest of the package.
 */

/**
 * @typedef {import("./coding.js").QuantisedCoding} QuantisedCoding
 * @typedef {import("./coding.js").AffineCoding} AffineCoding
 * @typedef {import("./coding.js").TableCoding} TableCoding
 */

/**
 * Where the codes of rows `first` … `first + count` lie among the stored bytes.
 *
 * @param {QuantisedCoding} coding
 * @param {number} columns
 * @param {number} first
 * @param {number} count
 * @returns {{ start: number, end: number }} the first byte, and the one behind the last
 */
export function bytesOfRows(coding, columns, first, count) {
  const [bits, rowElements] = coding.kind === "affine" ? [coding.bits, coding.rowElements] : [4, columns];
  const rowBits = rowElements * bits;
  return { start: Math.floor((first * rowBits) / 8), end: Math.ceil(((first + count) * rowBits) / 8) };
}

/**
 * The values of a weight, in storage order.
 *
 * @param {Uint8Array} bytes
 * @param {QuantisedCoding} coding
 * @param {number} rows
 * @param {number} columns
 * @returns {Float32Array} [rows, columns]
 */
export function decode(bytes, coding, rows, columns) {
  const values = new Float32Array(rows * columns);
  decodeRows(values, bytes, coding, columns, 0, rows);
  return values;
}

/**
 * Decodes rows `first` … `first + count`.
 *
 * @param {Float32Array} target [count, columns]
 * @param {Uint8Array} bytes as `bytesOfRows` says
 * @param {QuantisedCoding} coding
 * @param {number} columns
 * @param {number} first
 * @param {number} count
 */
export function decodeRows(target, bytes, coding, columns, first, count) {
  const { start } = bytesOfRows(coding, columns, first, count);
  if (coding.kind === "affine") decodeAffine(target, bytes, start, coding, columns, first, count);
  else decodeTable(target, bytes, start, coding, columns, first, count);
}

/**
 * @param {Float32Array} target
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {AffineCoding} coding
 * @param {number} columns
 * @param {number} first
 * @param {number} count
 */
function decodeAffine(target, bytes, start, coding, columns, first, count) {
  const { bits, signed, rowElements, rowGroup, columnGroup, scales, zeros } = coding;
  const perByte = 8 / bits;
  const byteShift = 3 - Math.log2(bits);
  const codeMask = 2 ** bits - 1;
  const signBit = signed ? 2 ** (bits - 1) : 0;
  const groups = Math.ceil(columns / columnGroup);
  for (let row = 0, k = 0; row < count; row++) {
    const firstGroup = Math.floor((first + row) / rowGroup) * groups;
    let at = (first + row) * rowElements - start * perByte;
    for (let group = 0; group < groups; group++) {
      const scale = /** @type {number} */ (scales[firstGroup + group]);
      const zero = typeof zeros === "number" ? zeros : /** @type {number} */ (zeros[firstGroup + group]);
      const size = Math.min(columnGroup, columns - group * columnGroup);
      const end = at + size;
      // Both codes of a byte at once, which halves the time of the commonest of all codings.
      if (bits === 4 && (at & 1) === 0)
        for (; at + 1 < end; at += 2, k += 2) {
          const byte = /** @type {number} */ (bytes[at >> 1]);
          target[k] = scale * (((byte & 15) ^ signBit) - signBit - zero);
          target[k + 1] = scale * (((byte >> 4) ^ signBit) - signBit - zero);
        }
      for (; at < end; at++, k++) {
        const byte = /** @type {number} */ (bytes[at >> byteShift]);
        const code = (byte >> ((at & (perByte - 1)) * bits)) & codeMask;
        target[k] = scale * ((code ^ signBit) - signBit - zero);
      }
    }
  }
}

/**
 * @param {Float32Array} target
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {TableCoding} coding
 * @param {number} columns
 * @param {number} first
 * @param {number} count
 */
function decodeTable(target, bytes, start, { values, blockElements, scales }, columns, first, count) {
  const end = (first + count) * columns;
  for (let element = first * columns, k = 0; element < end; ) {
    const block = Math.floor(element / blockElements);
    const scale = /** @type {number} */ (scales[block]);
    for (const blockEnd = Math.min(end, (block + 1) * blockElements); element < blockEnd; element++, k++) {
      const at = element - start * 2;
      const byte = /** @type {number} */ (bytes[at >> 1]);
      target[k] = scale * /** @type {number} */ (values[(at & 1) === 0 ? byte >> 4 : byte & 15]);
    }
  }
}
