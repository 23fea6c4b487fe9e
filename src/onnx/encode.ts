/**
 * New messages as wire bytes. Each function returns the content of one message; `fieldOf` wraps it
 * into a field of its parent.
 */
import { MessageWriter } from "./message-writer.js";
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

/** Tag and length of a field that holds `length` bytes. */
export function headerOf(field: number, length: number): Uint8Array {
  return new MessageWriter().header(field, length).finish();
}

/** A whole field that holds text or an encoded message. */
export function fieldOf(field: number, content: Uint8Array | string): Uint8Array {
  return new MessageWriter().content(field, content).finish();
}

/** NodeProto. */
export function encodeNode(node: NewNode): Uint8Array {
  const writer = new MessageWriter();
  for (const input of node.inputs) writer.content(NODE.input, input);
  for (const output of node.outputs) writer.content(NODE.output, output);
  writer.content(NODE.name, node.name).content(NODE.opType, node.opType);
  for (const attribute of node.attributes ?? []) writer.content(NODE.attribute, encodeAttribute(attribute));
  if (node.domain !== undefined) writer.content(NODE.domain, node.domain);
  return writer.finish();
}

function encodeAttribute(attribute: NewAttribute): Uint8Array {
  const writer = new MessageWriter().content(ATTRIBUTE.name, attribute.name);
  switch (attribute.kind) {
    case "int":
      writer.integer(ATTRIBUTE.i, attribute.value);
      break;
    case "ints":
      for (const value of attribute.value) writer.integer(ATTRIBUTE.ints, value);
      break;
    case "float":
      writer.float(ATTRIBUTE.f, attribute.value);
      break;
    case "string":
      writer.content(ATTRIBUTE.s, attribute.value);
      break;
    case "tensor":
      writer.content(ATTRIBUTE.t, encodeTensor(attribute.value));
      break;
    default:
      attribute satisfies never;
  }
  return writer.integer(ATTRIBUTE.type, ATTRIBUTE_TYPE[attribute.kind]).finish();
}

/** TensorProto of a small constant. */
function encodeTensor(tensor: ConstantTensor): Uint8Array {
  const head = encodeTensorHead({ ...tensor, name: "" });
  const values = fieldOf(TENSOR.rawData, tensor.bytes);
  return Uint8Array.of(...head, ...values);
}

/** TensorProto up to and without its raw_data, which follows as one more field. */
export function encodeTensorHead(tensor: Omit<NewTensor, "bytes">): Uint8Array {
  const writer = new MessageWriter();
  for (const size of tensor.dims) writer.integer(TENSOR.dims, size);
  return writer.integer(TENSOR.dataType, tensor.dataType).content(TENSOR.name, tensor.name).finish();
}

/** The fields of a TensorProto that say where its values are. */
export function encodeExternalData(external: ExternalLocation): Uint8Array {
  const writer = new MessageWriter();
  for (const key of ["location", "offset", "length"] as const) {
    writer.content(TENSOR.externalData, encodeEntry(key, String(external[key])));
  }
  return writer.integer(TENSOR.dataLocation, EXTERNAL).finish();
}

/** StringStringEntryProto. */
export function encodeEntry(key: string, value: string): Uint8Array {
  return new MessageWriter().content(ENTRY.key, key).content(ENTRY.value, value).finish();
}

/** ValueInfoProto of a tensor. */
export function encodeValueInfo(info: NewValueInfo): Uint8Array {
  const writer = new MessageWriter().content(VALUE_INFO.name, info.name);
  if (info.elemType === null) return writer.finish();
  const shape = new MessageWriter();
  for (const dimension of info.shape) shape.content(SHAPE.dim, encodeDimension(dimension));
  const tensorType = new MessageWriter().integer(TENSOR_TYPE.elemType, info.elemType);
  tensorType.content(TENSOR_TYPE.shape, shape.finish());
  return writer.content(VALUE_INFO.type, fieldOf(TYPE.tensorType, tensorType.finish())).finish();
}

function encodeDimension(dimension: Dimension): Uint8Array {
  const writer = new MessageWriter();
  if (typeof dimension === "number") writer.integer(DIMENSION.value, dimension);
  else if (dimension !== null) writer.content(DIMENSION.param, dimension);
  return writer.finish();
}
