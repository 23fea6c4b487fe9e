/**
 * Spans into objects: ModelProto, graphs, nodes, attributes and value infos. Unknown fields are passed
 * over, not dropped: they stay in the spans from which the writer copies.
 */
import type { DecodeContext } from "./decode-context.js";
import { onlyOne } from "./decode-context.js";
import { decodeEntry, decodeSparseTensor, decodeTensor } from "./decode-tensor.js";
import { decodeValueInfo } from "./decode-value-info.js";
import { rememberSpan } from "./origins.js";
import { ATTRIBUTE, ATTRIBUTE_TYPE, FUNCTION, GRAPH, MODEL, NODE, OPSET, TRAINING_INFO } from "./schema.js";
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from "./types.js";
import { appendFloats, appendInts, contentOf, floatOf, intOf, lenientTextOf, textOf } from "./values.js";
import { fieldsOf, malformed, type Span, WIRE } from "./wire.js";

/** What ModelProto itself says; `openModel` adds the sources. */
export type DecodedModel = Pick<
  OnnxModel,
  "irVersion" | "opsetImports" | "producer" | "metadata" | "functionCount" | "graph"
>;

/**
 * Decodes a whole file.
 *
 * @throws PruneError `bad-model` where it is no model, `bad-external-data` for an impossible location
 */
export function decodeModel(span: Span, context: DecodeContext): DecodedModel {
  let irVersion = 0;
  let producer = "";
  let functionCount = 0;
  let graph: OnnxGraph | null = null;
  const opsetImports: { domain: string; version: number }[] = [];
  const metadata: { key: string; value: string }[] = [];
  for (const field of fieldsOf(span)) {
    context.count(span);
    if (field.number === MODEL.irVersion) {
      if (field.wireType === WIRE.bytes) throw bareGraph(span);
      irVersion = intOf(field);
    } else if (field.number === MODEL.producerName) producer = textOf(field);
    else if (field.number === MODEL.opsetImport) opsetImports.push(decodeOpset(contentOf(field)));
    else if (field.number === MODEL.metadataProps) {
      const [key, value] = decodeEntry(contentOf(field));
      metadata.push({ key, value });
    } else if (field.number === MODEL.graph) {
      onlyOne(graph, field, "main graph");
      graph = decodeGraph(contentOf(field), context, 2);
    } else if (field.number === MODEL.functions) {
      functionCount++;
      decodeFunction(contentOf(field), context, 2);
    } else if (field.number === MODEL.trainingInfo) decodeTrainingInfo(contentOf(field), context, 2);
  }
  if (graph === null) throw malformed(span.source, 0, "there is no graph in it");
  return { irVersion, opsetImports, producer, metadata, functionCount, graph };
}

/** A GraphProto starts with its nodes, where a model has its IR version. */
function bareGraph(span: Span) {
  return malformed(
    span.source,
    0,
    "expected a model (ModelProto), found what looks like a bare graph (GraphProto) without IR version and opsets",
  );
}

function decodeOpset(span: Span): { domain: string; version: number } {
  let domain = "";
  let version = 0;
  for (const field of fieldsOf(span)) {
    if (field.number === OPSET.domain) domain = textOf(field);
    else if (field.number === OPSET.version) version = intOf(field);
  }
  return { domain, version };
}

/** Model-local functions matter for the tensors in them: their external data must be there. */
function decodeFunction(span: Span, context: DecodeContext, depth: number): void {
  context.enter(span, depth);
  for (const field of fieldsOf(span)) {
    if (field.number === FUNCTION.node) decodeNode(contentOf(field), context, depth + 1);
    else if (field.number === FUNCTION.attributeProto) decodeAttribute(contentOf(field), context, depth + 1);
  }
}

function decodeTrainingInfo(span: Span, context: DecodeContext, depth: number): void {
  context.enter(span, depth);
  const graphs: readonly number[] = [TRAINING_INFO.initialization, TRAINING_INFO.algorithm];
  for (const field of fieldsOf(span)) {
    if (graphs.includes(field.number)) decodeGraph(contentOf(field), context, depth + 1);
  }
}

function decodeGraph(span: Span, context: DecodeContext, depth: number): OnnxGraph {
  context.enter(span, depth);
  let name = "";
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const sparseInitializers: string[] = [];
  const inputs: OnnxValueInfo[] = [];
  const outputs: OnnxValueInfo[] = [];
  const valueInfo: OnnxValueInfo[] = [];
  for (const field of fieldsOf(span)) {
    if (field.number === GRAPH.node) nodes.push(decodeNode(contentOf(field), context, depth + 1));
    else if (field.number === GRAPH.initializer) initializers.push(decodeTensor(contentOf(field), context, depth + 1));
    else if (field.number === GRAPH.valueInfo) valueInfo.push(decodeValueInfo(contentOf(field), context));
    else if (field.number === GRAPH.input) inputs.push(decodeValueInfo(contentOf(field), context));
    else if (field.number === GRAPH.output) outputs.push(decodeValueInfo(contentOf(field), context));
    else if (field.number === GRAPH.name) name = textOf(field);
    else if (field.number === GRAPH.sparseInitializer) {
      sparseInitializers.push(decodeSparseTensor(contentOf(field), context, depth + 1));
    }
  }
  return rememberSpan({ name, nodes, initializers, sparseInitializers, inputs, outputs, valueInfo }, span);
}

function decodeNode(span: Span, context: DecodeContext, depth: number): OnnxNode {
  context.enter(span, depth);
  let name = "";
  let opType = "";
  let domain = "";
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: OnnxAttribute[] = [];
  for (const field of fieldsOf(span)) {
    context.count(span);
    if (field.number === NODE.input) inputs.push(textOf(field));
    else if (field.number === NODE.output) outputs.push(textOf(field));
    else if (field.number === NODE.name) name = textOf(field);
    else if (field.number === NODE.opType) opType = textOf(field);
    else if (field.number === NODE.domain) domain = textOf(field);
    else if (field.number === NODE.attribute) attributes.push(decodeAttribute(contentOf(field), context, depth + 1));
  }
  return rememberSpan({ name, opType, domain, inputs, outputs, attributes }, span);
}

function decodeAttribute(span: Span, context: DecodeContext, depth: number): OnnxAttribute {
  context.enter(span, depth);
  let [name, type] = ["", 0];
  let i: number | null = null;
  let f: number | null = null;
  let s: string | null = null;
  let tensor: OnnxTensor | null = null;
  let graph: OnnxGraph | null = null;
  const ints: number[] = [];
  const floats: number[] = [];
  const tensors: OnnxTensor[] = [];
  const graphs: OnnxGraph[] = [];
  for (const field of fieldsOf(span)) {
    if (field.number === ATTRIBUTE.name) name = textOf(field);
    else if (field.number === ATTRIBUTE.type) type = intOf(field);
    else if (field.number === ATTRIBUTE.i) i = intOf(field);
    else if (field.number === ATTRIBUTE.f) f = floatOf(field);
    else if (field.number === ATTRIBUTE.s) s = lenientTextOf(field);
    else if (field.number === ATTRIBUTE.ints) appendInts(ints, field);
    else if (field.number === ATTRIBUTE.floats) appendFloats(floats, field);
    else if (field.number === ATTRIBUTE.t) {
      onlyOne(tensor, field, "tensor in one attribute");
      tensor = decodeTensor(contentOf(field), context, depth + 1);
    } else if (field.number === ATTRIBUTE.g) {
      onlyOne(graph, field, "graph in one attribute");
      graph = decodeGraph(contentOf(field), context, depth + 1);
    } else if (field.number === ATTRIBUTE.tensors) tensors.push(decodeTensor(contentOf(field), context, depth + 1));
    else if (field.number === ATTRIBUTE.graphs) graphs.push(decodeGraph(contentOf(field), context, depth + 1));
    else if (field.number === ATTRIBUTE.sparseTensor || field.number === ATTRIBUTE.sparseTensors) {
      decodeSparseTensor(contentOf(field), context, depth + 1);
    }
  }
  // Writers in the style of proto3 leave zeros out; then only the type tells.
  if (type === ATTRIBUTE_TYPE.int) i ??= 0;
  if (type === ATTRIBUTE_TYPE.float) f ??= 0;
  return { name, i, f, s, ints, floats, tensor, graph, tensors, graphs };
}
