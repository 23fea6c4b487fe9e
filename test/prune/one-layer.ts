/** Models of one linear layer with random codes: every layer form in every variant of its layout. */
import type { onnx } from "onnx-proto";
import { DATA_TYPE, float16, float32, int64, type ModelSpec, node, rawTensor, uint8, value } from "../helpers/model.js";
import { integers, pack, packHighFirst, randomNumbers } from "../helpers/quantised.js";

/** Rows of the activation. */
export const TOKENS = 5;
/** Output rows and input channels of a layer. */
export interface LayerSize {
  readonly out: number;
  readonly in: number;
}

/** A model `y = x · Wᵀ`, x [TOKENS, in] float32. */
export interface OneLayer {
  readonly form: string;
  readonly variant: string;
  /** How the weight is described. */
  readonly stored: string;
  readonly spec: ModelSpec;
  readonly x: readonly number[];
  /** Largest difference, relative to the largest result; 1e-5 where absent. */
  readonly tolerance?: number;
}

const NAME = "/model/layers.0/mlp/fc1/MatMul";
const MS = { domain: "com.microsoft", name: NAME } as const;

const spec = (
  channels: number,
  nodes: readonly onnx.INodeProto[],
  initializers: readonly onnx.ITensorProto[],
  more: Partial<ModelSpec> = {},
): ModelSpec => ({
  ...{ inputs: [value("x", [TOKENS, channels])], outputs: [value("y", [null, null])] },
  ...{ nodes, initializers, domains: { "com.microsoft": 1 }, ...more },
});

const activations = (random: () => number, channels: number) =>
  Array.from({ length: TOKENS * channels }, () => random() * 2 - 1);

// --- MatMulNBits ------------------------------------------------------------------------------

type Scales = "2-D" | "1-D" | "signed" | "float16";
type Zeros = "none" | "packed" | "float";

function nBits({ out, in: channels }: LayerSize, bits: number, block: number, zeros: Zeros, scales: Scales): OneLayer {
  const random = randomNumbers(bits * 100 + block + zeros.length);
  const blocks = Math.ceil(channels / block);
  const isHalf = scales === "float16";
  const codes = integers(random, out * blocks * block, 0, 2 ** bits - 1);
  const scale = Array.from(
    { length: out * blocks },
    () => (random() + 0.1) * (scales === "signed" && random() < 0.5 ? -1 : 1),
  );
  // Zero points of an output row fill whole bytes.
  const perRow = (Math.ceil((blocks * bits) / 8) * 8) / bits;
  const zeroPoints = {
    none: [],
    packed: [uint8("zeros", [out, (perRow * bits) / 8], pack(integers(random, out * perRow, 0, 2 ** bits - 1), bits))],
    float: [float32("zeros", [out, blocks], integers(random, out * blocks, 0, 2 ** bits - 1))],
  }[zeros];
  return {
    form: "MatMulNBits",
    variant: `of ${bits} bits in blocks of ${block}, zero points ${zeros}, scales ${scales}`,
    stored: block < channels ? `uint${bits} in blocks of ${block}` : `uint${bits} by output row`,
    spec: spec(
      channels,
      [
        ...(isHalf ? [node("Cast", ["x"], ["x16"], { to: DATA_TYPE.float16 })] : []),
        node(
          "MatMulNBits",
          [isHalf ? "x16" : "x", "codes", "scales", ...zeroPoints.map(() => "zeros")],
          [isHalf ? "y16" : "y"],
          { K: channels, N: out, bits, block_size: block, accuracy_level: 1 },
          MS,
        ),
        ...(isHalf ? [node("Cast", ["y16"], ["y"], { to: DATA_TYPE.float32 })] : []),
      ],
      [
        uint8("codes", [out, blocks, (block * bits) / 8], pack(codes, bits)),
        (isHalf ? float16 : float32)("scales", scales === "1-D" ? [out * blocks] : [out, blocks], scale),
        ...zeroPoints,
      ],
    ),
    x: activations(random, channels),
    ...(isHalf && { tolerance: 5e-3 }),
  };
}

const nBitsLayers = (size: LayerSize): readonly OneLayer[] => [
  ...[2, 4, 8].flatMap((bits) => (["none", "packed"] as const).map((zeros) => nBits(size, bits, 32, zeros, "2-D"))),
  // The runtime knows none of 8 bits.
  nBits(size, 2, 32, "float", "2-D"),
  nBits(size, 4, 32, "float", "2-D"),
  nBits(size, 4, 32, "packed", "float16"),
  nBits(size, 4, 16, "packed", "1-D"),
  nBits(size, 4, 128, "none", "2-D"),
  nBits(size, 8, 32, "none", "signed"),
];

// --- MatMulInteger ----------------------------------------------------------------------------

/** Activations that DynamicQuantizeLinear quantises exactly: whole numbers from 0 to 255, both among them. */
const exactActivations = (random: () => number, channels: number) => [
  0,
  255,
  ...integers(random, TOKENS * channels - 2, 0, 255),
];

const count = (dims: readonly number[]) => dims.reduce((product, dim) => product * dim, 1);
const positive = (random: () => number, dims: readonly number[]) =>
  Array.from({ length: count(dims) }, () => random() + 0.1);

/** As optimum exports it; `chained`: one scale after the other instead of their product. */
function integer(
  { out, in: channels }: LayerSize,
  type: "int8" | "uint8",
  by: "tensor" | "channel" | "channel, one zero",
  chained = false,
): OneLayer {
  const random = randomNumbers(type.length * 10 + by.length);
  const [least, most] = type === "int8" ? [-128, 127] : [0, 255];
  const tensorOf = (name: string, dims: readonly number[], codes: readonly number[]) =>
    rawTensor(name, DATA_TYPE[type], dims, pack(codes, 8));
  const dims = by === "tensor" ? [] : [out];
  const zeroDims = by === "channel" ? [out] : [];
  const scaled = chained
    ? [node("Mul", ["float", "x_scale"], ["half_scaled"]), node("Mul", ["w_scale", "half_scaled"], ["y"])]
    : [node("Mul", ["x_scale", "w_scale"], ["scales"]), node("Mul", ["float", "scales"], ["y"])];
  return {
    form: "MatMulInteger",
    variant: `of ${type} by ${by}${chained ? ", scales one after the other" : ""}`,
    stored: by === "tensor" ? type : `${type} by output row`,
    spec: spec(
      channels,
      [
        node("DynamicQuantizeLinear", ["x"], ["x_codes", "x_scale", "x_zero"]),
        node("MatMulInteger", ["x_codes", "codes", "x_zero", "zero"], ["int32"], {}, { name: `${NAME}_quant` }),
        node("Cast", ["int32"], ["float"], { to: DATA_TYPE.float32 }),
        ...scaled,
      ],
      [
        tensorOf("codes", [channels, out], integers(random, channels * out, least, most)),
        tensorOf("zero", zeroDims, integers(random, count(zeroDims), least, most)),
        float32("w_scale", dims, positive(random, dims)),
      ],
    ),
    x: exactActivations(random, channels),
  };
}

const integerLayers = (size: LayerSize): readonly OneLayer[] => [
  ...(["int8", "uint8"] as const).flatMap((type) =>
    (["tensor", "channel"] as const).map((by) => integer(size, type, by)),
  ),
  integer(size, "uint8", "tensor", true),
];

// --- ConvInteger ------------------------------------------------------------------------------

/** Of a convolution along the rows of an image. */
const KERNEL = [2, 1];

/** Channels × kernel are the input channels; every row of the activation is an image as large as the kernel. */
function convolution({ out, in: inputs }: LayerSize, type: "int8" | "uint8", by: "tensor" | "channel"): OneLayer {
  const channels = inputs / 2;
  const random = randomNumbers(type.length * 7 + by.length);
  const [least, most] = type === "int8" ? [-128, 127] : [0, 255];
  const scaleDims = by === "tensor" ? [] : [out, 1, 1];
  return {
    form: "ConvInteger",
    variant: `of ${type} by ${by}`,
    stored: by === "tensor" ? type : `${type} by output row`,
    spec: spec(
      inputs,
      [
        // Something before it, or it would be a stem; these activations are positive.
        node("Abs", ["x"], ["raised"]),
        node("Reshape", ["raised", "image"], ["images"]),
        node("DynamicQuantizeLinear", ["images"], ["x_codes", "x_scale", "x_zero"]),
        node("ConvInteger", ["x_codes", "codes", "x_zero", "zero"], ["int32"], {}, { name: `${NAME}_quant` }),
        node("Cast", ["int32"], ["float"], { to: DATA_TYPE.float32 }),
        node("Mul", ["x_scale", "w_scale"], ["scales"]),
        node("Mul", ["float", "scales"], ["scaled"]),
        node("Reshape", ["scaled", "flat"], ["y"]),
      ],
      [
        rawTensor(
          "codes",
          DATA_TYPE[type],
          [out, channels, ...KERNEL],
          pack(integers(random, out * inputs, least, most), 8),
        ),
        rawTensor("zero", DATA_TYPE[type], [], pack(integers(random, 1, least, most), 8)),
        float32("w_scale", scaleDims, positive(random, scaleDims)),
        int64("image", [4], [TOKENS, channels, ...KERNEL]),
        int64("flat", [2], [TOKENS, out]),
      ],
    ),
    x: exactActivations(random, inputs),
  };
}

const convolutions = (size: LayerSize): readonly OneLayer[] => [
  convolution(size, "uint8", "tensor"),
  convolution(size, "int8", "tensor"),
  convolution(size, "int8", "channel"),
];

// --- DequantizeLinear -------------------------------------------------------------------------

const CODE_TYPES = {
  int8: { dataType: 3, bits: 8, signed: true },
  uint8: { dataType: 2, bits: 8, signed: false },
  int4: { dataType: 22, bits: 4, signed: true },
  uint4: { dataType: 21, bits: 4, signed: false },
  int2: { dataType: 26, bits: 2, signed: true },
  uint2: { dataType: 25, bits: 2, signed: false },
} as const;

interface Dequantized {
  readonly type: keyof typeof CODE_TYPES;
  /** As it is stored; a Transpose follows where that is [out, in]. */
  readonly order: "in-out" | "out-in";
  readonly axis: number | null;
  readonly block?: number;
  readonly zeros: boolean;
  /** Transposed before DequantizeLinear instead of behind it; `axis` is that of the transposed codes. */
  readonly early?: boolean;
  readonly stored: string;
}

function dequantized(
  { out, in: channels }: LayerSize,
  { type, order, axis, block, zeros, early = false, stored }: Dequantized,
): OneLayer {
  const random = randomNumbers(type.length + (block ?? 0) + (axis ?? 5) * 3);
  const { dataType, bits, signed } = CODE_TYPES[type];
  const dims = order === "in-out" ? [channels, out] : [out, channels];
  const seen = early ? [...dims].reverse() : dims;
  const own = axis === null || axis >= 0 ? axis : axis + 2;
  const blocks = seen.map((size, k) => (k === own && block !== undefined ? Math.ceil(size / block) : size));
  const scaleDims = own === null ? [] : block === undefined ? [seen[own] as number] : blocks;
  const least = signed ? -(2 ** (bits - 1)) : 0;
  const codes = (sizes: readonly number[]) => pack(integers(random, count(sizes), least, least + 2 ** bits - 1), bits);
  const dequantize = (from: string, to: string) =>
    node("DequantizeLinear", [from, "scale", ...(zeros ? ["zero"] : [])], [to], {
      ...(axis !== null && { axis }),
      ...(block !== undefined && { block_size: block }),
    });
  const transpose = (from: string, to: string) => node("Transpose", [from], [to], { perm: [1, 0] });
  const behind = early
    ? [transpose("codes", "t"), dequantize("t", "w")]
    : [dequantize("codes", "t"), transpose("t", "w")];
  const sizes = block === undefined ? `axis ${axis}` : `axis ${axis} in blocks of ${block}`;
  return {
    form: "MatMul",
    variant: `behind DequantizeLinear of ${type} ${order}, ${sizes}${zeros ? ", zeros" : ""}${early ? ", transposed first" : ""}`,
    stored,
    spec: spec(
      channels,
      [
        ...(order === "in-out" ? [dequantize("codes", "w")] : behind),
        node("MatMul", ["x", "w"], ["y"], {}, { name: NAME }),
      ],
      [
        rawTensor("codes", dataType, dims, codes(dims)),
        float32("scale", scaleDims, positive(random, scaleDims)),
        ...(zeros ? [rawTensor("zero", dataType, scaleDims, codes(scaleDims))] : []),
      ],
      bits === 2 ? { opset: 25, irVersion: 12 } : { opset: 21, irVersion: 10 },
    ),
    x: activations(random, channels),
  };
}

const DEQUANTIZED = [
  { type: "int8", order: "in-out", axis: null, zeros: false, stored: "int8" },
  { type: "uint8", order: "in-out", axis: null, zeros: true, stored: "uint8" },
  { type: "int8", order: "in-out", axis: 1, zeros: false, stored: "int8 by output row" },
  { type: "uint8", order: "out-in", axis: 0, zeros: true, stored: "uint8 by output row" },
  { type: "uint8", order: "out-in", axis: 1, zeros: true, early: true, stored: "uint8 by output row" },
  { type: "int8", order: "out-in", axis: null, zeros: true, early: true, stored: "int8" },
  { type: "int8", order: "in-out", axis: 0, zeros: true, stored: "int8 by input channel" },
  { type: "int4", order: "out-in", axis: -1, block: 16, zeros: false, stored: "int4 in blocks of 16" },
  { type: "uint4", order: "out-in", axis: -1, block: 16, zeros: true, stored: "uint4 in blocks of 16" },
  { type: "uint4", order: "in-out", axis: 0, block: 32, zeros: true, stored: "uint4 in blocks of 32" },
  { type: "int4", order: "in-out", axis: null, zeros: true, stored: "int4" },
  { type: "int2", order: "out-in", axis: -1, block: 16, zeros: true, stored: "int2 in blocks of 16" },
  { type: "uint2", order: "in-out", axis: 1, zeros: false, stored: "uint2 by output row" },
] as const satisfies readonly Dequantized[];

// --- MatMulBnb4 -------------------------------------------------------------------------------

function bnb4({ out, in: channels }: LayerSize, table: "fp4" | "nf4", block: number): OneLayer {
  const random = randomNumbers(block);
  const blocks = Math.ceil((out * channels) / block);
  return {
    form: "MatMulBnb4",
    variant: `of ${table} in blocks of ${block}`,
    stored: `${table} in blocks of ${block}`,
    spec: spec(
      channels,
      [
        node(
          "MatMulBnb4",
          ["x", "codes", "absmax"],
          ["y"],
          { K: channels, N: out, block_size: block, quant_type: table === "fp4" ? 0 : 1 },
          { ...MS, name: `${NAME}_Bnb4` },
        ),
      ],
      [
        uint8("codes", [(out * channels) / 2], packHighFirst(integers(random, out * channels, 0, 15))),
        float32("absmax", [blocks], positive(random, [blocks])),
      ],
    ),
    x: activations(random, channels),
  };
}

/** Every layer form in every variant of its layout. */
export const layersOf = (size: LayerSize): readonly OneLayer[] => [
  ...nBitsLayers(size),
  ...integerLayers(size),
  ...convolutions(size),
  ...DEQUANTIZED.map((how) => dequantized(size, how)),
  ...[bnb4(size, "nf4", 64), bnb4(size, "fp4", 64), bnb4(size, "nf4", 16)],
];

/** Sizes that are no multiples of blocks or of bytes. */
export const LAYERS = layersOf({ out: 6, in: 70 });
