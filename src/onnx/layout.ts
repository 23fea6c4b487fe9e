/**
 * Where values go when a model is written: inside the .onnx, or in data files beside it. Data files
 * are named as transformers.js looks for them: `<file>_data`, `<file>_data_1`, … `<file>_data_99`.
 */
import { PruneError } from "../errors.js";
import { byteLengthOf, DATA_TYPES } from "./data-types.js";
import { checkByteLength } from "./edits.js";
import { originOf } from "./origins.js";
import { type Piece, Pieces } from "./pieces.js";
import { readTensor } from "./read-tensor.js";
import type { ExternalLocation, ModelEdits, OnnxGraph, OnnxModel, OnnxTensor, TensorEdit } from "./types.js";

/** A data file to write. */
export interface DataFile {
  readonly name: string;
  readonly pieces: Pieces;
}

/** Data files, and the edits that make the .onnx refer to them. */
export interface Layout {
  readonly tensors: ReadonlyMap<OnnxTensor, TensorEdit>;
  readonly dataFiles: readonly DataFile[];
}

/** Pages of memory-mapped files begin at multiples of this. */
const ALIGNMENT = 4096;
/** Shorter values stay in the .onnx: shape inference wants small constants at hand. */
const MIN_EXTERNAL_BYTES = 1024;
/** Browsers hold one data file in one buffer, which ends near 2 GiB. */
export const MAX_DATA_FILE_BYTES = 2_000_000_000;
/** transformers.js refuses more. */
const MAX_DATA_FILES = 100;

/**
 * Keeps the layout of a model that has external data: every data file is copied with edited ranges
 * replaced, every tensor keeps its offset. Only values that share their range with another tensor
 * move, to the end of their file. Files whose name is not one of `<fileName>_data…` get the lowest
 * of these names that is free.
 */
export function keepLayout(model: OnnxModel, edits: ModelEdits, fileName: string): Layout {
  const tensors = new Map(edits.tensors);
  const byLocation = new Map<string, OnnxTensor[]>();
  for (const tensor of originOf(model).tensors) {
    const location = externalOf(tensor)?.location;
    if (location === undefined || tensors.get(tensor)?.kind === "external") continue;
    const users = byLocation.get(location) ?? [];
    byLocation.set(location, users);
    users.push(tensor);
  }
  const names = dataFileNames([...byLocation.keys()], fileName);
  const dataFiles: DataFile[] = [];
  for (const [location, name] of names) {
    dataFiles.push({ name, pieces: patchedFile(byLocation.get(location) ?? [], name, tensors) });
  }
  return { tensors, dataFiles };
}

/** One data file after edits. Takes the edits it carries out from `tensors`, leaves new references there. */
function patchedFile(users: readonly OnnxTensor[], name: string, tensors: Map<OnnxTensor, TensorEdit>): Pieces {
  const ranges = users.flatMap((tensor) => {
    const external = externalOf(tensor);
    return external === null ? [] : [{ tensor, ...external }];
  });
  ranges.sort((a, b) => a.offset - b.offset);
  const pieces = new Pieces();
  const moved: OnnxTensor[] = [];
  let position = 0;
  let reach = 0;
  for (const [index, { tensor, location, offset, length }] of ranges.entries()) {
    const isShared = reach > offset || (ranges[index + 1]?.offset ?? Number.POSITIVE_INFINITY) < offset + length;
    reach = Math.max(reach, offset + length);
    const edit = tensors.get(tensor);
    if (edit?.kind === "bytes" && (isShared || edit.byteLength !== length)) {
      moved.push(tensor);
      continue;
    }
    if (edit?.kind === "bytes") {
      pieces.add(sourceRange(tensor, position, offset));
      pieces.add(valuesPiece(tensor, edit));
      position = offset + length;
    }
    tensors.delete(tensor);
    if (name !== location || edit?.as !== undefined)
      tensors.set(tensor, { kind: "external", location: name, offset, length, ...renamed(edit) });
  }
  const last = ranges.at(-1);
  if (last !== undefined) pieces.add(sourceRange(last.tensor, position, sizeOf(last.tensor)));
  for (const tensor of moved) {
    const edit = tensors.get(tensor) as Extract<TensorEdit, { kind: "bytes" }>;
    const place = { location: name, ...appendAligned(pieces, valuesPiece(tensor, edit)) };
    tensors.set(tensor, { kind: "external", ...place, ...renamed(edit) });
  }
  return pieces;
}

/**
 * Puts every initializer of 1 KB or more, and whatever was external, into new data files: in the
 * order of the model, each at a multiple of 4096 bytes, a new file where the next would pass
 * `maxDataFileBytes`. Values that shared one range still do.
 *
 * @throws PruneError `unsupported` where more than 100 files would be needed
 */
export function newLayout(
  model: OnnxModel,
  edits: ModelEdits,
  fileName: string,
  maxDataFileBytes = MAX_DATA_FILE_BYTES,
): Layout {
  const tensors = new Map(edits.tensors);
  const dataFiles: DataFile[] = [];
  const places = new Map<string, ExternalLocation>();
  for (const tensor of movableTensors(model)) {
    const edit = tensors.get(tensor);
    if (edit?.kind === "external") continue;
    const values = valuesOf(tensor, edit);
    if (values === null) continue;
    if (values.length < MIN_EXTERNAL_BYTES) {
      if (externalOf(tensor) !== null) tensors.set(tensor, inlineEdit(tensor, edit));
      continue;
    }
    const key = edit === undefined ? rangeKey(tensor) : null;
    let place = key === null ? undefined : places.get(key);
    if (place === undefined) {
      const file = fileFor(values.length, dataFiles, fileName, maxDataFileBytes);
      place = { location: file.name, ...appendAligned(file.pieces, values.piece) };
      if (key !== null) places.set(key, place);
    }
    tensors.set(tensor, { kind: "external", ...place, ...renamed(edit) });
  }
  return { tensors, dataFiles };
}

/** The name and shape that an edit gives, for the edit that takes its place. */
function renamed(edit: TensorEdit | undefined): Pick<TensorEdit, "as"> {
  return edit?.as === undefined ? {} : { as: edit.as };
}

/** The last data file, or a new one where `length` more bytes would be too many. */
function fileFor(length: number, files: DataFile[], fileName: string, maxDataFileBytes: number): DataFile {
  const last = files.at(-1);
  if (last !== undefined && aligned(last.pieces.length) + length <= maxDataFileBytes) return last;
  if (files.length === MAX_DATA_FILES) {
    throw new PruneError(
      "unsupported",
      `${fileName} needs more than ${MAX_DATA_FILES} data files of ${maxDataFileBytes} bytes, which transformers.js refuses; ` +
        "store the weights in a smaller type",
      { details: { file: fileName, expected: MAX_DATA_FILES } },
    );
  }
  const file = { name: dataFileName(fileName, files.length), pieces: new Pieces() };
  files.push(file);
  return file;
}

/** Initializers of all graphs, and every other tensor that is external. */
function movableTensors(model: OnnxModel): ReadonlySet<OnnxTensor> {
  const movable = new Set<OnnxTensor>();
  const visit = (graph: OnnxGraph): void => {
    for (const tensor of graph.initializers) movable.add(tensor);
    for (const { graph: one, graphs } of graph.nodes.flatMap((node) => node.attributes)) {
      for (const body of one === null ? graphs : [one, ...graphs]) visit(body);
    }
  };
  visit(model.graph);
  for (const tensor of originOf(model).tensors) if (externalOf(tensor) !== null) movable.add(tensor);
  return movable;
}

/** The values a tensor will have; null for those that cannot be raw bytes (strings, unknown types) or do not exist. */
function valuesOf(tensor: OnnxTensor, edit: TensorEdit | undefined): { length: number; piece: Piece } | null {
  if (edit?.kind === "bytes") return { length: edit.byteLength, piece: valuesPiece(tensor, edit) };
  const { data } = tensor;
  if (data.kind === "raw") return { length: data.payload.length, piece: { kind: "range", ...data.payload } };
  if (data.kind === "none" || (DATA_TYPES[tensor.dataType]?.bits ?? 0) === 0) return null;
  const length = byteLengthOf(tensor.dataType, tensor.dims);
  return { length, piece: { kind: "values", name: tensor.name, length, bytes: () => readTensor(tensor) } };
}

function inlineEdit(tensor: OnnxTensor, edit: TensorEdit | undefined): TensorEdit {
  const byteLength = byteLengthOf(tensor.dataType, tensor.dims);
  return edit ?? { kind: "bytes", byteLength, bytes: () => readTensor(tensor) };
}

function valuesPiece(tensor: OnnxTensor, edit: Extract<TensorEdit, { kind: "bytes" }>): Piece {
  checkByteLength({ ...tensor, ...edit.as }, edit.byteLength);
  return { kind: "values", name: tensor.name, length: edit.byteLength, bytes: edit.bytes };
}

/** Adds a piece at the next multiple of the alignment and says where it lies. */
function appendAligned(pieces: Pieces, piece: Piece): { offset: number; length: number } {
  const offset = aligned(pieces.length);
  pieces.add({ kind: "bytes", bytes: new Uint8Array(offset - pieces.length) });
  pieces.add(piece);
  return { offset, length: pieces.length - offset };
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}

/** New names of data files by location; names of the right form stay. */
function dataFileNames(locations: readonly string[], fileName: string): ReadonlyMap<string, string> {
  const free = new Set(Array.from({ length: MAX_DATA_FILES }, (_, index) => dataFileName(fileName, index)));
  const kept = new Set(locations.filter((location) => free.delete(location)));
  const names = new Map<string, string>();
  for (const location of locations) {
    const name = kept.has(location) ? location : [...free][0];
    if (name === undefined) {
      throw new PruneError(
        "unsupported",
        `the model has ${locations.length} external files; transformers.js loads at most ${MAX_DATA_FILES}, save it with one`,
        { details: { expected: MAX_DATA_FILES, found: locations.length } },
      );
    }
    free.delete(name);
    names.set(location, name);
  }
  return names;
}

function dataFileName(fileName: string, index: number): string {
  return index === 0 ? `${fileName}_data` : `${fileName}_data_${index}`;
}

function externalOf(tensor: OnnxTensor): ExternalLocation | null {
  return tensor.data.kind === "raw" ? tensor.data.external : null;
}

function sizeOf(tensor: OnnxTensor): number {
  return tensor.data.kind === "raw" ? tensor.data.payload.source.size : 0;
}

function sourceRange(tensor: OnnxTensor, start: number, end: number): Piece {
  if (tensor.data.kind !== "raw") throw new TypeError(`"${tensor.name}" has no range in a file`);
  return { kind: "range", source: tensor.data.payload.source, offset: start, length: end - start };
}

/** Names the range that an unedited tensor has in an external file; null for others. */
function rangeKey(tensor: OnnxTensor): string | null {
  const external = externalOf(tensor);
  return external === null ? null : `${external.offset} ${external.length} ${external.location}`;
}
