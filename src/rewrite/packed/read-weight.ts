/**
 * Reads from names and shapes in a file which packed weight it claims to hold. Nothing is believed:
 * `find-packed.ts` builds the nodes of that weight anew and compares. Here only sizes are checked,
 * so that no small file asks for large memory.
 */
import { DATA_TYPES, type OnnxNode, type OnnxTensor } from "../../onnx/index.js";
import { elementBytesOf } from "./element.js";
import { outputName, PACKED_PREFIX, placesName, VALUES_SUFFIX, valuesName, zerosName } from "./names.js";
import {
  elementCount,
  elementDims,
  type PackedForm,
  type PackedWeight,
  type PackedZeros,
  product,
  UINT8,
} from "./packed-weight.js";
import type { PairOrder } from "./pairs.js";
import { slotLayout } from "./slots.js";

/** A weight and the tensors that hold it. */
export interface ClaimedWeight {
  readonly weight: PackedWeight;
  readonly values: OnnxTensor;
  readonly places: OnnxTensor;
  /** The codes of zero, where they differ; else null. */
  readonly zeros: OnnxTensor | null;
}

/** Initializers of a graph by name, and nodes by what they put out. */
export interface NamedParts {
  readonly tensors: ReadonlyMap<string, OnnxTensor>;
  readonly makers: ReadonlyMap<string, OnnxNode>;
}

/** Codes of a place have at most eight bits. */
const MOST_IN_GROUP = 256;

/** The weight that an initializer's name claims it has values of, or null where there can be none. */
export function readWeight(values: OnnxTensor, { tensors, makers }: NamedParts): ClaimedWeight | null {
  const name = values.name.slice(PACKED_PREFIX.length + 1, -VALUES_SUFFIX.length);
  const [places, many] = [tensors.get(placesName(name)), tensors.get(zerosName(name)) ?? null];
  if (values.name !== valuesName(name) || places === undefined || elementBytesOf(values.dataType) === null) return null;
  const own = [places, ...(many === null ? [] : [many])];
  if (!isWhole(values) || !own.every((tensor) => tensor.dataType === UINT8 && isWhole(tensor))) return null;

  const shortName = (text = "") => (text.startsWith(`${PACKED_PREFIX}/`) ? text.slice(PACKED_PREFIX.length + 1) : "");
  const inputOf = (output: string, index: number) => shortName(makers.get(output)?.inputs[index]);
  const of = (role: string, index: number) => inputOf(outputName(name, role), index);
  const pairs = (/^join_(low-first|high-first)$/.exec(of("joined", 1))?.[1] ?? null) as PairOrder | null;
  if (pairs !== null && values.dataType !== UINT8) return null;
  const scatter = makers.has(outputName(name, "elements")) ? outputName(name, "elements") : name;
  const isMask = makers.has(outputName(name, "padded"));
  const zerosAre = isMask ? of("padded", 1) : inputOf(scatter, 0);
  // The last node reshapes, or one before it does, or the zeros have the shape.
  const dims =
    sizesIn(/^shape_([\dx]+)$/, inputOf(name, 1)) ??
    sizesIn(/^shape_([\dx]+)$/, of("in_place", 1)) ??
    sizesIn(/^zeros_.*_([\dx]+)$/, zerosAre) ??
    sizesIn(/^shape_([\dx]+)$/, of("all_zeros", 1));
  const [kept = 0] = values.dims;
  const form: PackedForm | null = isMask
    ? { kind: "mask", kept: pairs === null ? kept : 2 * kept }
    : slotsIn(of("indices", 1), makers.get(scatter));
  const zeros: PackedZeros | null = many === null ? oneZero(zerosAre) : { kind: "many", dims: many.dims };
  if (dims === null || form === null || zeros === null) return null;
  const weight = { name, dataType: values.dataType, dims, pairs, zeros, form };
  return placesFit(weight, places.dims) && zerosFit(weight) ? { weight, values, places, zeros: many } : null;
}

/** `576x1536` behind something, as numbers. */
function sizesIn(pattern: RegExp, text: string): number[] | null {
  const sizes = pattern.exec(text)?.[1] ?? "";
  return /^\d{1,10}(?:x\d{1,10}){0,7}$/.test(sizes) ? sizes.split("x").map(Number) : null;
}

function oneZero(name: string): PackedZeros | null {
  const pattern = /^zeros_\w+?_((?:[0-9a-f]{2})+)_/.exec(name)?.[1];
  if (pattern === undefined) return null;
  return { kind: "one", bytes: Uint8Array.from(pattern.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)) };
}

function slotsIn(groups: string, scatter: OnnxNode | undefined): PackedForm | null {
  const [keep, of] = sizesIn(/^groups_(\d+x\d+)_/, groups.replace(/^(groups_\d+)_/, "$1x")) ?? [];
  const axis = scatter?.attributes.find((attribute) => attribute.name === "axis")?.i ?? -1;
  return keep === undefined || of === undefined || axis < 0 ? null : { kind: "slots", keep, of, axis };
}

/** Whether the file holds as many bytes of a tensor as its shape says; what follows from the shape is then bounded by the file. */
function isWhole({ data, dims, dataType }: OnnxTensor): boolean {
  const bits = DATA_TYPES[dataType]?.bits ?? 0;
  return data.kind === "raw" && data.payload.length === Math.ceil((product(dims) * bits) / 8);
}

/** Whether a weight has as many elements as its places speak of. */
function placesFit(weight: PackedWeight, placesDims: readonly number[]): boolean {
  const { form } = weight;
  const [elements, places] = [elementCount(weight), product(placesDims)];
  if (form.kind === "mask") return elements === 8 * places;
  if (form.keep < 1 || form.of < 2 || form.of > MOST_IN_GROUP || form.keep > form.of) return false;
  const dims = elementDims(weight);
  if (form.axis >= dims.length) return false;
  const layout = slotLayout(dims, form.axis, form.keep, form.of);
  return layout !== null && (elements / form.of) * form.keep === places * layout.perByte;
}

/** Whether a zero is one element, or zeros spread over the elements. */
function zerosFit(weight: PackedWeight): boolean {
  const { zeros, dataType } = weight;
  if (zeros.kind === "one") return zeros.bytes.length === elementBytesOf(dataType);
  const dims = elementDims(weight);
  return (
    dataType === UINT8 &&
    zeros.dims.length === dims.length &&
    zeros.dims.every((size, axis) => size === 1 || size === dims[axis])
  );
}
