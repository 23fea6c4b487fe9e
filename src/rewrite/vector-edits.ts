/**
 * New numbers for biases and norm weights. A tensor that nobody else reads gets them in place; where layers share
 * one (exporters store equal vectors once), the node reads a tensor of its own from then on.
 */
import { readVector, type StoredVector, type Use } from "../graph/index.js";
import { byteLengthOf, DATA_TYPES, type ModelEdits, type NewTensor, type TensorEdit } from "../onnx/index.js";
import { mergeEdits } from "../onnx/merge-edits.js";
import type { FloatType } from "../tensor/dtypes.js";
import { encodeFloats } from "../tensor/encode-floats.js";

/** Every name that is added for a vector begins so. */
export const VECTOR_PREFIX = "transformers_prune/vector";

/** Vectors that change alike: all that one layer or norm reads, in whichever branches. */
export interface VectorChange {
  readonly vectors: readonly StoredVector[];
  /** @param read what the node reads, [channels], as float32; returns what it is to read, [channels] */
  readonly change: (read: Float32Array) => Float32Array;
}

/**
 * The edits of several changes, no two of which may name one use of a vector. Numbers are read and changed when they
 * are written, in float32, and rounded once to the tensor's type.
 */
export function vectorEdits(changes: readonly VectorChange[]): ModelEdits {
  return mergeEdits(
    ...changes.flatMap(({ vectors, change }) => {
      const changing = vectors.map(({ use }) => use);
      const inPlace = new Map(
        vectors.flatMap((vector) =>
          isReadBy(vector, changing) && isReadAlike(vector, vectors) ? [[vector.tensor, vector] as const] : [],
        ),
      );
      return [
        { tensors: new Map([...inPlace].map(([tensor, vector]) => [tensor, editOf(vector, change)])) },
        ...vectors.filter(({ tensor }) => !inPlace.has(tensor)).map((vector) => ownTensor(vector, change)),
      ];
    }),
  );
}

/** Whether nothing but the given uses reads the tensor. */
function isReadBy({ readers }: StoredVector, uses: readonly Use[]): boolean {
  const isOne = ({ node, index }: Use) => uses.some((use) => use.node === node && use.index === index);
  return readers.length > 0 && readers.every(isOne);
}

/** Whether all uses of its tensor see the same numbers. */
function isReadAlike({ tensor, offset }: StoredVector, vectors: readonly StoredVector[]): boolean {
  return vectors.every((other) => other.tensor !== tensor || other.offset === offset);
}

function editOf(vector: StoredVector, change: VectorChange["change"]): TensorEdit {
  const { tensor, dtype, offset } = vector;
  const bytes = async (): Promise<Uint8Array> =>
    encodeFloats(
      change(await readVector(vector)).map((value) => value - offset),
      dtype,
    );
  return { kind: "bytes", byteLength: byteLengthOf(tensor.dataType, tensor.dims), bytes };
}

/** A tensor for this node alone, in the type in which it reads it. */
function ownTensor(vector: StoredVector, change: VectorChange["change"]): ModelEdits {
  const { use, tensor, elemType } = vector;
  const { onnx, graph, inputs } = use.node;
  const old = inputs[use.index]?.name as string;
  const name = `${VECTOR_PREFIX}/${onnx.outputs[0]}/${use.index}`;
  const bytes = async (): Promise<Uint8Array> =>
    encodeFloats(change(await readVector(vector)), DATA_TYPES[elemType]?.name as FloatType);
  const own: NewTensor = { name, dataType: elemType, dims: tensor.dims, bytes };
  return {
    graphs: new Map([[graph.onnx, { addInitializers: [own] }]]),
    renameNodeInputs: new Map([[onnx, new Map([[old, name]])]]),
  };
}
