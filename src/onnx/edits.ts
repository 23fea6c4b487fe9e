/**
 * From edits of objects to edits of messages: for each object that changes, which of its fields are
 * replaced and which are added.
 */
import { PruneError } from "../errors.js";
import { byteLengthOf } from "./data-types.js";
import { holdsValues } from "./decode-tensor.js";
import {
  encodeEntry,
  encodeExternalData,
  encodeNode,
  encodeTensorHead,
  encodeValueInfo,
  fieldOf,
  headerOf,
} from "./encode.js";
import { originOf, spanOf } from "./origins.js";
import { type Piece, Pieces } from "./pieces.js";
import { type MessageEdit, rewrite } from "./rewrite.js";
import { ENTRY, GRAPH, MODEL, NODE, TENSOR, VALUE_INFO } from "./schema.js";
import type {
  GraphEdit,
  ModelEdits,
  NewTensor,
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxTensor,
  TensorEdit,
} from "./types.js";
import { contentOf, textIn, textOf } from "./values.js";
import type { Field, Span } from "./wire.js";

/**
 * The bytes of a .onnx file after edits; nothing is read or asked for yet.
 *
 * @throws PruneError `bad-model` where new values have another length than type and shape of their tensor
 * @throws TypeError where an edit names an object of another model
 */
export function editedModel(model: OnnxModel, edits: ModelEdits): Pieces {
  const messages = new Map<number, MessageEdit>();
  const change = (object: OnnxTensor | OnnxGraph | OnnxNode, edit: MessageEdit) => {
    const span = spanOf(object);
    if (span.source !== model.source) throw new TypeError(`"${object.name}" is not of model "${model.name}"`);
    messages.set(span.offset, edit);
  };
  for (const [tensor, edit] of edits.tensors ?? []) change(tensor, tensorEdit(tensor, edit));
  for (const [graph, edit] of edits.graphs ?? []) change(graph, graphEdit(edit));
  const { addNodeOutputs, renameNodeInputs, renameNodeOutputs } = edits;
  const nodes = [addNodeOutputs, renameNodeInputs, renameNodeOutputs].flatMap((map) => [...(map?.keys() ?? [])]);
  for (const node of new Set(nodes))
    change(node, nodeEdit(addNodeOutputs?.get(node) ?? [], renameNodeInputs?.get(node), renameNodeOutputs?.get(node)));
  const { span } = originOf(model);
  const metadata = Object.entries(edits.metadata ?? {});
  if (metadata.length > 0) messages.set(span.offset, metadataEdit(metadata));
  return rewrite(span, "ModelProto", messages);
}

/** Checks that new values fill a tensor exactly.
 *  @throws PruneError `bad-model` */
export function checkByteLength(tensor: Pick<OnnxTensor, "name" | "dataType" | "dims">, found: number): void {
  const expected = byteLengthOf(tensor.dataType, tensor.dims);
  if (found === expected) return;
  throw new PruneError(
    "bad-model",
    `new values of tensor "${tensor.name}" have ${found} bytes; expected ${expected} for shape [${tensor.dims.join(", ")}]`,
    { details: { tensor: tensor.name, expected, found } },
  );
}

/** Replaces every field that holds or locates values, and name and shape where they change, in the place of the first of them. */
function tensorEdit(tensor: OnnxTensor, edit: TensorEdit): MessageEdit {
  const { as } = edit;
  if (edit.kind === "bytes") checkByteLength({ ...tensor, ...as }, edit.byteLength);
  if (as === undefined) return replaceAll(holdsValues, () => valueFields(tensor, edit));
  const head: Piece = { kind: "bytes", bytes: encodeTensorHead({ ...as, dataType: tensor.dataType }) };
  return replaceAll(
    (fieldNumber) => holdsValues(fieldNumber) || isHead(fieldNumber),
    () => [head, ...valueFields(tensor, edit)],
  );
}

/** Whether a field of a tensor says its name, type or shape. */
function isHead(fieldNumber: number): boolean {
  return fieldNumber === TENSOR.name || fieldNumber === TENSOR.dataType || fieldNumber === TENSOR.dims;
}

/** Writes `pieces` in place of the first field that matches, drops the others; appends where none matches. */
function replaceAll(matches: (fieldNumber: number) => boolean, pieces: () => readonly Piece[]): MessageEdit {
  const writeOnce = once(pieces);
  return { replace: (field) => (matches(field.number) ? writeOnce() : undefined), append: writeOnce };
}

function valueFields(tensor: OnnxTensor, edit: TensorEdit): readonly Piece[] {
  if (edit.kind === "external") return [{ kind: "bytes", bytes: encodeExternalData(edit) }];
  const { byteLength: length, bytes } = edit;
  return [
    { kind: "bytes", bytes: headerOf(TENSOR.rawData, length) },
    { kind: "values", name: tensor.name, length, bytes },
  ];
}

/** Order between different fields carries no meaning, so all that is new goes to the end of the graph, except for nodes that have a place. */
function graphEdit(edit: GraphEdit): MessageEdit {
  const { keepOutputs, keepInitializers, prependNodes = [], dropNodes = new Set() } = edit;
  const prepended = once(() => prependNodes.map((node) => newField(GRAPH.node, encodeNode(node))));
  const dropped = new Set([...dropNodes].map((node) => spanOf(node).offset));
  const append = () => [
    ...prepended(),
    ...(edit.addNodes ?? []).map((node) => newField(GRAPH.node, encodeNode(node))),
    ...(edit.addInitializers ?? []).flatMap(newInitializer),
    ...(edit.addInputs ?? []).map((input) => newField(GRAPH.input, encodeValueInfo(input))),
    ...(edit.addOutputs ?? []).map((output) => newField(GRAPH.output, encodeValueInfo(output))),
  ];
  const before = (field: Field) => (field.number === GRAPH.node ? prepended() : []);
  const inserted = new Map([...(edit.insertAfter ?? [])].map(([node, nodes]) => [spanOf(node).offset, nodes]));
  const after = (field: Field) => {
    const nodes = field.number === GRAPH.node ? (inserted.get(contentOf(field).offset) ?? []) : [];
    return nodes.map((node) => newField(GRAPH.node, encodeNode(node)));
  };
  if (keepOutputs === undefined && keepInitializers === undefined && dropped.size === 0)
    return { append, before, after };
  const isDropped = (field: Field): boolean => {
    if (field.number === GRAPH.node) return dropped.has(contentOf(field).offset);
    if (field.number === GRAPH.output) return keepOutputs?.(textIn(contentOf(field), VALUE_INFO.name)) === false;
    if (field.number === GRAPH.initializer) return keepInitializers?.(textIn(contentOf(field), TENSOR.name)) === false;
    return false;
  };
  return { append, before, after, replace: (field) => (isDropped(field) ? [] : undefined) };
}

/** Pieces that are written where they are asked for first. */
function once(pieces: () => readonly Piece[]): () => readonly Piece[] {
  let isWritten = false;
  return () => {
    if (isWritten) return [];
    isWritten = true;
    return pieces();
  };
}

/** Appends outputs, and writes other names in place of inputs and outputs that have one. */
function nodeEdit(
  outputs: readonly string[],
  inputNames: ReadonlyMap<string, string> = new Map(),
  outputNames: ReadonlyMap<string, string> = new Map(),
): MessageEdit {
  const namesOf: Readonly<Record<number, ReadonlyMap<string, string> | undefined>> = {
    [NODE.input]: inputNames,
    [NODE.output]: outputNames,
  };
  return {
    append: () => outputs.map((output) => newField(NODE.output, output)),
    replace: (field) => {
      const names = namesOf[field.number];
      const name = names === undefined || names.size === 0 ? undefined : names.get(textOf(field));
      return name === undefined ? undefined : [newField(field.number, name)];
    },
  };
}

function newInitializer(tensor: NewTensor): readonly Piece[] {
  const { name, bytes } = tensor;
  const length = byteLengthOf(tensor.dataType, tensor.dims);
  if (typeof bytes !== "function") checkByteLength(tensor, bytes.length);
  const content = new Pieces([
    { kind: "bytes", bytes: encodeTensorHead(tensor) },
    { kind: "bytes", bytes: headerOf(TENSOR.rawData, length) },
    typeof bytes === "function" ? { kind: "values", name, length, bytes } : { kind: "bytes", bytes },
  ]);
  return [{ kind: "bytes", bytes: headerOf(GRAPH.initializer, content.length) }, ...content];
}

/** Sets the value of entries that exist, and adds those that do not. */
function metadataEdit(metadata: readonly (readonly [key: string, value: string])[]): MessageEdit {
  const missing = new Map(metadata);
  const wanted = new Map(metadata);
  return {
    replace: (field) => {
      if (field.number !== MODEL.metadataProps) return undefined;
      const entry = contentOf(field);
      const key = textIn(entry, ENTRY.key);
      const value = wanted.get(key);
      if (value === undefined) return undefined;
      missing.delete(key);
      return setEntryValue(entry, value);
    },
    append: () => [...missing].map(([key, value]) => newField(MODEL.metadataProps, encodeEntry(key, value))),
  };
}

/** An entry of metadata_props with another value; fields besides key and value stay. */
function setEntryValue(entry: Span, value: string): readonly Piece[] {
  const edit = replaceAll(
    (fieldNumber) => fieldNumber === ENTRY.value,
    () => [newField(ENTRY.value, value)],
  );
  // Entries hold no messages, so the schema of any leaf message serves.
  const content = rewrite(entry, "TensorProto", new Map([[entry.offset, edit]]));
  return [{ kind: "bytes", bytes: headerOf(MODEL.metadataProps, content.length) }, ...content];
}

function newField(field: number, content: Uint8Array | string): Piece {
  return { kind: "bytes", bytes: fieldOf(field, content) };
}
