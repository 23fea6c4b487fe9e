/**
 * Codings whose elements are those of the stored tensor, in its order: what MatMulInteger,
 * ConvInteger and DequantizeLinear read. One scale serves the tensor, a slice of an axis, or a block of such slices.
 */
import type { OnnxTensor } from "../onnx/index.js";
import { codeTypeOf, elementsOf, floatTypeOf, groupDims, type StoredAffineCoding, typeName } from "./stored-coding.js";

/** Scales and zeros as a node has them. */
export interface AxisScales {
  /** Axis of the stored tensor along which scales differ; null: one scale and one zero serve all. */
  readonly axis: 0 | 1 | null;
  /** Elements along that axis that share a scale, which differs along the other axis too; null: whole slices do. */
  readonly block: number | null;
  readonly scales: OnnxTensor;
  /** null: the code 0. */
  readonly zeros: OnnxTensor | null;
}

/**
 * The coding of a two-dimensional tensor of integers. Where scales differ along an axis, scales or zeros may still
 * be one for all.
 *
 * @returns why there is none, where types or sizes do not fit
 */
export function axisCoding(
  tensor: Pick<OnnxTensor, "dataType" | "dims">,
  { axis, block, scales, zeros }: AxisScales,
): StoredAffineCoding | string {
  const type = codeTypeOf(tensor.dataType);
  const [rows, columns] = tensor.dims;
  const name = typeName(tensor.dataType);
  if (type === null) return `holds ${name} codes; integers of 2, 4 and 8 bits are supported`;
  if (rows === undefined || columns === undefined || tensor.dims.length !== 2)
    return `has shape [${tensor.dims.join(", ")}], not two dimensions`;
  const groupAlong = (own: 0 | 1, size: number) =>
    axis === own ? (block ?? 1) : axis === null || block === null ? size : 1;
  const [rowGroup, columnGroup] = [groupAlong(0, rows), groupAlong(1, columns)];
  const [groupRows, groupColumns] = groupDims({ rowGroup, columnGroup }, [rows, columns]);
  const groups = groupRows * groupColumns;
  const isCount = (found: number) => found === 1 || found === groups;
  if (floatTypeOf(scales.dataType) === undefined || !isCount(elementsOf(scales)))
    return `has ${elementsOf(scales)} scales of type ${typeName(scales.dataType)}, where 1 or ${groups} floats are expected`;
  if (zeros !== null && (zeros.dataType !== tensor.dataType || !isCount(elementsOf(zeros))))
    return `has ${elementsOf(zeros)} zero points of type ${typeName(zeros.dataType)}, where 1 or ${groups} of type ${name} are expected`;
  return {
    kind: "affine",
    ...type,
    rowElements: columns,
    rowGroup,
    columnGroup,
    scales,
    zeros: zeros === null ? 0 : { kind: "codes", tensor: zeros, rowElements: groupColumns },
  };
}
