/**
 * New messages as wire bytes. Each function returns the content of one message; `fieldOf` wraps it
 * into a field of its parent.
 */
import { Writer } from "protobufjs/minimal.js";
import {
  ATTRIBUTE,
  ATTRIBUTE_TYPE,
  DIMENSION,
  ENTRY,
  EXTERNAL,
  NODE,
  SHAPE,
  TENSOR,
  TENSOR_TYPE,
  TYPE,
  VALUE_INFO,
} from "./schema.js";
import type {
  ConstantTensor,
  Dimension,
  ExternalLocation,
  NewAttribute,
  NewNode,
  NewTensor,
  NewValueInfo,
} from "./types.js";
import { WIRE } from "./wire.js";

const varint = (field: number) => (field << 3) | WIRE.varint;
const delimited = (field: number) => (field << 3) | WIRE.bytes;
const fixed32 = (field: number) => (field << 3) | WIRE.fixed32;

/** Tag and length of a field that holds `length` bytes. */
export function headerOf(field: number, length: number): Uint8Array {
  return Writer.create().uint32(delimited(field)).uint64(length).finish();
}

/** A whole field that holds text or an encoded message. */
export function fieldOf(field: number, content: Uint8Array | string): Uint8Array {
  const writer = Writer.create().uint32(delimited(field));
  return (typeof content === "string" ? writer.string(content) : writer.bytes(content)).finish();
}

/** NodeProto. */
export function encodeNode(node: NewNode): Uint8Array {
  const writer = Writer.create();
  for (const input of node.inputs) writer.uint32(delimited(NODE.input)).string(input);
  for (const output of node.outputs) writer.uint32(delimited(NODE.output)).string(output);
  writer.uint32(delimited(NODE.name)).string(node.name);
  writer.uint32(delimited(NODE.opType)).string(node.opType);
  for (const attribute of node.attributes ?? []) {
    writer.uint32(delimited(NODE.attribute)).bytes(encodeAttribute(attribute));
  }
  if (node.domain !== undefined) writer.uint32(delimited(NODE.domain)).string(node.domain);
  return writer.finish();
}

function encodeAttribute(attribute: NewAttribute): Uint8Array {
  const writer = Writer.create().uint32(delimited(ATTRIBUTE.name)).string(attribute.name);
  switch (attribute.kind) {
    case "int":
      writer.uint32(varint(ATTRIBUTE.i)).int64(attribute.value);
      break;
    case "ints":
      for (const value of attribute.value) writer.uint32(varint(ATTRIBUTE.ints)).int64(value);
      break;
    case "float":
      writer.uint32(fixed32(ATTRIBUTE.f)).float(attribute.value);
      break;
    case "string":
      writer.uint32(delimited(ATTRIBUTE.s)).string(attribute.value);
      break;
    case "tensor":
      writer.uint32(delimited(ATTRIBUTE.t)).bytes(encodeTensor(attribute.value));
      break;
    default:
      attribute satisfies never;
  }
  return writer.uint32(varint(ATTRIBUTE.type)).uint32(ATTRIBUTE_TYPE[attribute.kind]).finish();
}

/** TensorProto of a small constant. */
function encodeTensor(tensor: ConstantTensor): Uint8Array {
  const head = encodeTensorHead({ ...tensor, name: "" });
  const values = fieldOf(TENSOR.rawData, tensor.bytes);
  return Uint8Array.of(...head, ...values);
}

/** TensorProto up to and without its raw_data, which follows as one more field. */
export function encodeTensorHead(tensor: Omit<NewTensor, "bytes">): Uint8Array {
  const writer = Writer.create();
  for (const size of tensor.dims) writer.uint32(varint(TENSOR.dims)).int64(size);
  writer.uint32(varint(TENSOR.dataType)).uint32(tensor.dataType);
  return writer.uint32(delimited(TENSOR.name)).string(tensor.name).finish();
}

/** The fields of a TensorProto that say where its values are. */
export function encodeExternalData(external: ExternalLocation): Uint8Array {
  const writer = Writer.create();
  for (const key of ["location", "offset", "length"] as const) {
    writer.uint32(delimited(TENSOR.externalData)).bytes(encodeEntry(key, String(external[key])));
  }
  return writer.uint32(varint(TENSOR.dataLocation)).uint32(EXTERNAL).finish();
}

/** StringStringEntryProto. */
export function encodeEntry(key: string, value: string): Uint8Array {
  const writer = Writer.create().uint32(delimited(ENTRY.key)).string(key);
  return writer.uint32(delimited(ENTRY.value)).string(value).finish();
}

/** ValueInfoProto of a tensor. */
export function encodeValueInfo(info: NewValueInfo): Uint8Array {
  const writer = Writer.create().uint32(delimited(VALUE_INFO.name)).string(info.name);
  if (info.elemType === null) return writer.finish();
  const shape = Writer.create();
  for (const dimension of info.shape) shape.uint32(delimited(SHAPE.dim)).bytes(encodeDimension(dimension));
  const tensorType = Writer.create().uint32(varint(TENSOR_TYPE.elemType)).uint32(info.elemType);
  tensorType.uint32(delimited(TENSOR_TYPE.shape)).bytes(shape.finish());
  writer.uint32(delimited(VALUE_INFO.type)).bytes(fieldOf(TYPE.tensorType, tensorType.finish()));
  return writer.finish();
}

function encodeDimension(dimension: Dimension): Uint8Array {
  const writer = Writer.create();
  if (typeof dimension === "number") writer.uint32(varint(DIMENSION.value)).int64(dimension);
  else if (dimension !== null) writer.uint32(delimited(DIMENSION.param)).string(dimension);
  return writer.finish();
}
