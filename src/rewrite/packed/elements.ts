/**
 * From a weight's bytes to its elements, from those to what packing stores, and back. An element has
 * its own bytes here; codes of four bits, of which two share a byte in the file, have one each.
 */
import { countOnes } from "../../pattern/index.js";
import { packByMask, unpackByMask } from "./bit-mask.js";
import { type ElementBytes, elementBytesOf, type Words, wordsOf } from "./element.js";
import { elementCount, elementDims, isFourBits, type PackedWeight, packedDims, slotsOf } from "./packed-weight.js";
import { joinPairs, type PairOrder, splitPairs } from "./pairs.js";
import { type Planes, packPlanes, unpackPlanes } from "./planes.js";
import { slotValues, unpackSlots } from "./slots.js";

/** Which of two elements comes first in a byte; null where they do not share one. ONNX has its own types low bits first. */
const orderOf = (weight: PackedWeight): PairOrder | null => (isFourBits(weight) ? "low-first" : weight.pairs);

function bytesOfElement({ name, dataType }: PackedWeight): ElementBytes {
  const bytes = elementBytesOf(dataType);
  if (bytes === null) throw new TypeError(`"${name}" has elements that cannot be packed`);
  return bytes;
}

/** The elements of a weight. @param stored its bytes, which are the result where elements share none */
export function elementsIn(stored: Uint8Array, weight: PackedWeight): Uint8Array {
  const order = orderOf(weight);
  return order === null ? stored : splitPairs(stored, order);
}

/** The inverse of {@link elementsIn}. */
export function storedBytes(elements: Uint8Array, weight: PackedWeight): Uint8Array {
  const order = orderOf(weight);
  return order === null ? elements : joinPairs(elements, order);
}

/**
 * What the file holds of the elements that a mask keeps.
 *
 * @param bits mask, one bit an element in storage order
 */
export function packValues(elements: Uint8Array, bits: Uint8Array, weight: PackedWeight): Uint8Array {
  const { form } = weight;
  const size = bytesOfElement(weight);
  const kept =
    form.kind === "mask"
      ? packByMask(elements, bits, countOnes(bits), size)
      : slotValues(elements, bits, slotsOf(weight, form), size);
  if (weight.pairs !== null) return packPlanes(kept, valuePlanes(weight));
  return isFourBits(weight) ? joinPairs(kept, "low-first") : kept;
}

/** How pairs of kept codes share bytes: along the axis of slots, or one half behind the other. */
function valuePlanes(weight: PackedWeight): Planes {
  const { form } = weight;
  if (form.kind === "mask") return { outer: 1, inner: 1, rows: packedDims(weight).values[0] as number, bits: 4 };
  const { outer, inner, groups, keep } = slotsOf(weight, form);
  return { outer, inner, rows: (groups * keep) / 2, bits: 4 };
}

/** What the file holds of a weight, as bytes. */
export interface PackedBytes {
  readonly values: Uint8Array;
  readonly places: Uint8Array;
  /** The codes of zero, where they differ. */
  readonly zeros: Uint8Array | null;
}

/**
 * The elements of a packed weight.
 *
 * @throws PruneError `bad-model` where values and places cannot be of one weight
 */
export function unpackElements(weight: PackedWeight, { values, places, zeros }: PackedBytes): Uint8Array {
  const { form, name } = weight;
  const size = bytesOfElement(weight);
  const bytes = new Uint8Array(elementCount(weight) * size);
  const elements = wordsOf(bytes, size);
  fillWithZeros(elements, weight, zeros);
  const kept = wordsOf(keptElements(values, places, weight), size);
  if (form.kind === "mask") unpackByMask(kept, places, elements, name);
  else unpackSlots(kept, places, slotsOf(weight, form), elements, name);
  return bytes;
}

/** The kept elements, without the padding that an odd number of pairs has. */
function keptElements(values: Uint8Array, places: Uint8Array, weight: PackedWeight): Uint8Array {
  const { form } = weight;
  const stored = packedDims(weight).values.reduce((a, b) => a * b, 1);
  if (isFourBits(weight)) return splitPairs(values, "low-first").subarray(0, stored);
  if (weight.pairs === null) return values;
  const codes = unpackPlanes(values, valuePlanes(weight));
  return form.kind === "mask" && countOnes(places) === codes.length - 1 ? codes.subarray(0, -1) : codes;
}

function fillWithZeros(elements: Words, weight: PackedWeight, codes: Uint8Array | null): void {
  const { zeros } = weight;
  if (zeros.kind === "one") {
    elements.fill(wordsOf(new Uint8Array(zeros.bytes), bytesOfElement(weight))[0] as number);
    return;
  }
  spread(codes ?? new Uint8Array(0), zeros.dims, elements, elementDims(weight));
}

/** Copies codes to all elements over which their shape spreads. Both shapes have as many axes. */
function spread(codes: Uint8Array, from: readonly number[], elements: Words, to: readonly number[]): void {
  if (codes.length === elements.length) {
    elements.set(codes);
    return;
  }
  if (codes.length === 1) {
    elements.fill(codes[0] as number);
    return;
  }
  const [[own = 1, ...ownInner], [size = 1, ...inner]] = [from, to];
  const [ownStep, step] = [codes.length / own, elements.length / size];
  for (let i = 0; i < size; i++) {
    const at = own === 1 ? 0 : i * ownStep;
    spread(codes.subarray(at, at + ownStep), ownInner, elements.subarray(i * step, (i + 1) * step), inner);
  }
}
