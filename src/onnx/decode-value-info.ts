/**
 * ValueInfoProto: name, element type and shape of a graph input, output or inner value. Types other
 * than tensors (sequences, maps, optionals) are left as bytes.
 */
import type { DecodeContext } from "./decode-context.js";
import { DIMENSION, SHAPE, TENSOR_TYPE, TYPE, VALUE_INFO } from "./schema.js";
import type { Dimension, OnnxValueInfo } from "./types.js";
import { contentOf, intOf, textOf } from "./values.js";
import { fieldsOf, type Span } from "./wire.js";

/** Decodes a ValueInfoProto. @throws PruneError `bad-model` for broken bytes */
export function decodeValueInfo(span: Span, context: DecodeContext): OnnxValueInfo {
  context.count(span);
  let name = "";
  let type: Pick<OnnxValueInfo, "elemType" | "shape"> = { elemType: null, shape: null };
  for (const field of fieldsOf(span)) {
    if (field.number === VALUE_INFO.name) name = textOf(field);
    else if (field.number === VALUE_INFO.type) type = decodeType(contentOf(field), context);
  }
  return { name, ...type };
}

function decodeType(span: Span, context: DecodeContext): Pick<OnnxValueInfo, "elemType" | "shape"> {
  let elemType: number | null = null;
  let shape: Dimension[] | null = null;
  for (const field of fieldsOf(span)) {
    if (field.number !== TYPE.tensorType) continue;
    for (const inner of fieldsOf(contentOf(field))) {
      if (inner.number === TENSOR_TYPE.elemType) elemType = intOf(inner);
      else if (inner.number === TENSOR_TYPE.shape) shape = decodeShape(contentOf(inner), context);
    }
  }
  return { elemType, shape };
}

function decodeShape(span: Span, context: DecodeContext): Dimension[] {
  const dimensions: Dimension[] = [];
  for (const field of fieldsOf(span)) {
    if (field.number !== SHAPE.dim) continue;
    context.count(span);
    dimensions.push(decodeDimension(contentOf(field)));
  }
  return dimensions;
}

function decodeDimension(span: Span): Dimension {
  let dimension: Dimension = null;
  for (const field of fieldsOf(span)) {
    if (field.number === DIMENSION.value) dimension = intOf(field);
    else if (field.number === DIMENSION.param) dimension = textOf(field) || null;
  }
  return dimension;
}
