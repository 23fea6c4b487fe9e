/**
 * The shape every weight has to the rest of the package, and the order its elements are stored in.
 * ONNX writes MatMul weights [in, out] and some Gemm weights [out, in]; from here on a weight is
 * [out, in] and only `order` remembers where an element lies.
 */

/** Shape of a weight: output rows and input channels. */
export interface Shape {
  readonly out: number;
  readonly in: number;
}

/**
 * Which axis runs fastest in storage.
 * `"in-out"`: stored [in, out], element (o, i) at `i * out + o`; `"out-in"`: stored [out, in], at `o * in + i`.
 */
export type StorageOrder = "in-out" | "out-in";

/** Position of element (o, i) of an [out, in] weight in its storage, in elements. */
export function storageIndex(shape: Shape, order: StorageOrder, o: number, i: number): number {
  return order === "in-out" ? i * shape.out + o : o * shape.in + i;
}

/** Rows and columns of a weight as it is stored. */
export function storedDims(shape: Shape, order: StorageOrder): readonly [rows: number, columns: number] {
  return order === "in-out" ? [shape.in, shape.out] : [shape.out, shape.in];
}
