/**
 * An ONNX file as it was read: immutable, lazy, without meaning. Each object stands for one message
 * of the file and knows the bytes it came from, so whatever is not edited is written back byte for
 * byte, unknown fields included. Edits are data (`ModelEdits`) that the writer applies at the end.
 * Field names are those of onnx.proto in camelCase.
 */

/** Random access to the bytes of a file, a buffer or a Blob. */
export interface ByteSource {
  /** A path, or what stands for it in messages ("model bytes"). */
  readonly name: string;
  readonly size: number;
  /** Absolute path where the bytes are a file on disk. */
  readonly path?: string | undefined;
  /** Exactly `length` bytes from `offset`; the result may share memory with the source: do not write to it.
   *  @throws PruneError `bad-model` where the range runs past the end */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A range of a source that nobody has read yet. */
export interface Payload {
  readonly source: ByteSource;
  readonly offset: number;
  readonly length: number;
}

/** Where a tensor's values are. */
export type TensorData =
  /** raw_data: little-endian bytes, inside the .onnx file or in an external file. */
  | { readonly kind: "raw"; readonly payload: Payload; readonly external: ExternalLocation | null }
  /** A typed list (float_data, int32_data, …), kept as the list's wire bytes; `readTensor` decodes it. */
  | {
      readonly kind: "typed";
      readonly field: "floatData" | "int32Data" | "int64Data" | "doubleData" | "uint64Data" | "stringData";
    }
  /** No values: an empty tensor. */
  | { readonly kind: "none" };

/** What the file says of an external tensor. */
export interface ExternalLocation {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

export interface OnnxTensor {
  readonly name: string;
  /** TensorProto.DataType: 1 float32, 10 float16, 16 bfloat16, 7 int64, … */
  readonly dataType: number;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** A dimension: a number, a symbol, or unknown (null). */
export type Dimension = number | string | null;

export interface OnnxValueInfo {
  readonly name: string;
  /** Element type where the value is a tensor and says so, else null. */
  readonly elemType: number | null;
  /** null where the file gives no shape. */
  readonly shape: readonly Dimension[] | null;
}

export interface OnnxAttribute {
  readonly name: string;
  readonly i: number | null;
  readonly f: number | null;
  /** null where it is absent or longer than 4 KB (embedded engines, vocabularies). */
  readonly s: string | null;
  readonly ints: readonly number[];
  readonly floats: readonly number[];
  readonly tensor: OnnxTensor | null;
  readonly graph: OnnxGraph | null;
  readonly tensors: readonly OnnxTensor[];
  readonly graphs: readonly OnnxGraph[];
}

export interface OnnxNode {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  /** "" stands for an input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly OnnxAttribute[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  /** Names of sparse initializers; their values are never read. */
  readonly sparseInitializers: readonly string[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly valueInfo: readonly OnnxValueInfo[];
}

export interface OnnxModel {
  /** The file as messages name it. */
  readonly name: string;
  readonly irVersion: number;
  readonly opsetImports: readonly { readonly domain: string; readonly version: number }[];
  readonly producer: string;
  readonly metadata: readonly { readonly key: string; readonly value: string }[];
  /** Number of model-local functions. */
  readonly functionCount: number;
  readonly graph: OnnxGraph;
  /** The .onnx bytes themselves. */
  readonly source: ByteSource;
  /** External files by location, opened when a payload first asks. */
  readonly externalSources: ReadonlyMap<string, ByteSource>;
  /** Bytes read to know all this: the topology, without payloads. */
  readonly topologyBytes: number;
  close(): Promise<void>;
}

/** What a model may be given as. */
export type ModelInput = string | Uint8Array | ArrayBuffer | Blob;

/** External data given with a model that is not a path (as `externalData` of session options). */
export interface ExternalFile {
  /** Location as the model names it, without folder. */
  readonly path: string;
  readonly data: string | Uint8Array | ArrayBuffer | Blob;
}

// --- edits ------------------------------------------------------------------------------------

/** New values for an initializer; the type stays, name and shape too unless `as` says otherwise. */
export type TensorEdit = (
  | /** Raw little-endian bytes of known length, asked for when they are written. */ {
      readonly kind: "bytes";
      readonly byteLength: number;
      readonly bytes: () => Promise<Uint8Array> | Uint8Array;
    }
  | /** A reference to an external file. */ {
      readonly kind: "external";
      readonly location: string;
      readonly offset: number;
      readonly length: number;
    }
) & {
  /** Another name and shape. */
  readonly as?: { readonly name: string; readonly dims: readonly number[] };
};

/** A node to add. Attributes cover what taps need. */
export interface NewNode {
  readonly name: string;
  readonly opType: string;
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: readonly NewAttribute[];
}

export type NewAttribute =
  | { readonly name: string; readonly kind: "int"; readonly value: number }
  | { readonly name: string; readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly name: string; readonly kind: "float"; readonly value: number }
  | { readonly name: string; readonly kind: "string"; readonly value: string }
  | { readonly name: string; readonly kind: "tensor"; readonly value: ConstantTensor };

/** A constant to add as an initializer: raw little-endian bytes, or where they come from when they are written. */
export interface NewTensor {
  readonly name: string;
  readonly dataType: number;
  readonly dims: readonly number[];
  readonly bytes: Uint8Array | (() => Promise<Uint8Array> | Uint8Array);
}

/** A tensor inside of a node. */
export interface ConstantTensor extends Omit<NewTensor, "name"> {
  readonly bytes: Uint8Array;
}

/** A graph input or output to declare. */
export interface NewValueInfo {
  readonly name: string;
  /** null: neither type nor shape is said, and the runtime infers them (outputs only). */
  readonly elemType: number | null;
  readonly shape: readonly Dimension[];
}

/** Changes to one graph, nested ones included. */
export interface GraphEdit {
  /** Nodes to write before the existing ones, which read what these make. */
  readonly prependNodes?: readonly NewNode[];
  /** Existing nodes that go. */
  readonly dropNodes?: ReadonlySet<OnnxNode>;
  /** Nodes to write right after an existing one, in front of all that may read it: the order of a file stays a topological one. */
  readonly insertAfter?: ReadonlyMap<OnnxNode, readonly NewNode[]>;
  /** Nodes to write after the existing ones. */
  readonly addNodes?: readonly NewNode[];
  readonly addInitializers?: readonly NewTensor[];
  readonly addInputs?: readonly NewValueInfo[];
  readonly addOutputs?: readonly NewValueInfo[];
  /** Existing outputs to keep; absent keeps all. */
  readonly keepOutputs?: (name: string) => boolean;
  /** Existing initializers to keep; absent keeps all. One that is still read must come back as an input of the same name. */
  readonly keepInitializers?: (name: string) => boolean;
}

/** All changes to a model. What is not named here is written as it was. */
export interface ModelEdits {
  readonly tensors?: ReadonlyMap<OnnxTensor, TensorEdit>;
  readonly graphs?: ReadonlyMap<OnnxGraph, GraphEdit>;
  /** Outputs appended to a node (an If whose branches gained outputs). */
  readonly addNodeOutputs?: ReadonlyMap<OnnxNode, readonly string[]>;
  /** Other values for a node to read: new names by those in the file. */
  readonly renameNodeInputs?: ReadonlyMap<OnnxNode, ReadonlyMap<string, string>>;
  /** Other names for what a node makes: new names by those in the file. An inserted node may then make the old name, for all its readers. */
  readonly renameNodeOutputs?: ReadonlyMap<OnnxNode, ReadonlyMap<string, string>>;
  /** metadata_props to set: an existing key is replaced, others are appended. */
  readonly metadata?: Readonly<Record<string, string>>;
}
