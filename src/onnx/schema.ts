/**
 * Field numbers of the ONNX messages that this package reads or writes, and which of their fields
 * hold messages. Whatever is not listed is carried along as bytes.
 * Source: onnx.proto of the ONNX repository, IR version 13.
 */

export const MODEL = {
  irVersion: 1,
  producerName: 2,
  graph: 7,
  opsetImport: 8,
  metadataProps: 14,
  trainingInfo: 20,
  functions: 25,
} as const;
export const GRAPH = {
  node: 1,
  name: 2,
  initializer: 5,
  input: 11,
  output: 12,
  valueInfo: 13,
  sparseInitializer: 15,
} as const;
export const NODE = { input: 1, output: 2, name: 3, opType: 4, attribute: 5, domain: 7 } as const;
export const ATTRIBUTE = {
  name: 1,
  f: 2,
  i: 3,
  s: 4,
  t: 5,
  g: 6,
  floats: 7,
  ints: 8,
  tensors: 10,
  graphs: 11,
  type: 20,
  sparseTensor: 22,
  sparseTensors: 23,
} as const;
/** AttributeProto.AttributeType. */
export const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, tensor: 4, ints: 7 } as const;
export const TENSOR = {
  dims: 1,
  dataType: 2,
  floatData: 4,
  int32Data: 5,
  stringData: 6,
  int64Data: 7,
  name: 8,
  rawData: 9,
  doubleData: 10,
  uint64Data: 11,
  externalData: 13,
  dataLocation: 14,
} as const;
/** TensorProto.DataLocation: the values are in another file. */
export const EXTERNAL = 1;
export const SPARSE_TENSOR = { values: 1, indices: 2 } as const;
export const FUNCTION = { node: 7, attributeProto: 11 } as const;
export const TRAINING_INFO = { initialization: 1, algorithm: 2 } as const;
export const VALUE_INFO = { name: 1, type: 2 } as const;
export const TYPE = { tensorType: 1 } as const;
export const TENSOR_TYPE = { elemType: 1, shape: 2 } as const;
export const SHAPE = { dim: 1 } as const;
export const DIMENSION = { value: 1, param: 2 } as const;
/** OperatorSetIdProto. */
export const OPSET = { domain: 1, version: 2 } as const;
/** StringStringEntryProto. */
export const ENTRY = { key: 1, value: 2 } as const;

/** The messages in which a tensor can lie. Only these are opened when a file is scanned. */
export type MessageName =
  | "ModelProto"
  | "GraphProto"
  | "NodeProto"
  | "AttributeProto"
  | "TensorProto"
  | "SparseTensorProto"
  | "FunctionProto"
  | "TrainingInfoProto";

/** What the scanner and the writer know of a message. */
export interface MessageSchema {
  /** Fields that hold messages of {@link MessageName}. */
  readonly messages: Readonly<Record<number, MessageName | undefined>>;
  /** Fields that are read however long they are, because decoded objects hold their values. */
  readonly lists?: readonly number[];
}

export const SCHEMA: Readonly<Record<MessageName, MessageSchema>> = {
  ModelProto: {
    messages: {
      [MODEL.graph]: "GraphProto",
      [MODEL.trainingInfo]: "TrainingInfoProto",
      [MODEL.functions]: "FunctionProto",
    },
    lists: [MODEL.metadataProps],
  },
  GraphProto: {
    messages: {
      [GRAPH.node]: "NodeProto",
      [GRAPH.initializer]: "TensorProto",
      [GRAPH.sparseInitializer]: "SparseTensorProto",
    },
  },
  NodeProto: { messages: { [NODE.attribute]: "AttributeProto" } },
  AttributeProto: {
    messages: {
      [ATTRIBUTE.t]: "TensorProto",
      [ATTRIBUTE.g]: "GraphProto",
      [ATTRIBUTE.tensors]: "TensorProto",
      [ATTRIBUTE.graphs]: "GraphProto",
      [ATTRIBUTE.sparseTensor]: "SparseTensorProto",
      [ATTRIBUTE.sparseTensors]: "SparseTensorProto",
    },
    lists: [ATTRIBUTE.floats, ATTRIBUTE.ints],
  },
  TensorProto: { messages: {} },
  SparseTensorProto: { messages: { [SPARSE_TENSOR.values]: "TensorProto", [SPARSE_TENSOR.indices]: "TensorProto" } },
  FunctionProto: { messages: { [FUNCTION.node]: "NodeProto", [FUNCTION.attributeProto]: "AttributeProto" } },
  TrainingInfoProto: {
    messages: { [TRAINING_INFO.initialization]: "GraphProto", [TRAINING_INFO.algorithm]: "GraphProto" },
  },
};
