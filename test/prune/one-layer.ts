/** Models of one linear layer with random codes: every layer form in every variant of its layout. */
import type { onnx } from "onnx-proto";
import { DATA_TYPE, float16, float32, int64, type ModelSpec, node, rawTensor, uint8, value } from "../helpers/model.js";
import { integers, pack, packHighFirst, randomNumbers } from "../helpers/quantised.js";

/** Rows of the activation. */
export const TOKENS = 5;
/** No multiples of blocks or of bytes. */
const [OUT, IN] = [6, 70];

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
  nodes: readonly onnx.INodeProto[],
  initializers: readonly onnx.ITensorProto[],
  more: Partial<ModelSpec> = {},
): ModelSpec => ({
  ...{ inputs: [value("x", [TOKENS, IN])], outputs: [value("y", [null, null])] },
  ...{ nodes, initializers, domains: { "com.microsoft": 1 }, ...more },
});

const activations = (random: () => number) => Array.from({ length: TOKENS * IN }, () => random() * 2 - 1);

// --- MatMulNBits ------------------------------------------------------------------------------

type Scales = "2-D" | "1-D" | "signed" | "float16";
type Zeros = "none" | "packed" | "float";

function nBits(bits: number, block: number, zeros: Zeros, scales: Scales): OneLayer {
  const random = randomNumbers(bits * 100 + block + zeros.length);
  const blocks = Math.ceil(IN / block);
  const isHalf = scales === "float16";
  const codes = integers(random, OUT * blocks * block, 0, 2 ** bits - 1);
  const scale = Array.from(
    { length: OUT * blocks },
    () => (random() + 0.1) * (scales === "signed" && random() < 0.5 ? -1 : 1),
  );
  // Zero points of an output row fill whole bytes.
  const perRow = (Math.ceil((blocks * bits) / 8) * 8) / bits;
  const zeroPoints = {
    none: [],
    packed: [uint8("zeros", [OUT, (perRow * bits) / 8], pack(integers(random, OUT * perRow, 0, 2 ** bits - 1), bits))],
    float: [float32("zeros", [OUT, blocks], integers(random, OUT * blocks, 0, 2 ** bits - 1))],
  }[zeros];
  return {
    form: "MatMulNBits",
    variant: `of ${bits} bits in blocks of ${block}, zero points ${zeros}, scales ${scales}`,
    stored: block < IN ? `uint${bits} in blocks of ${block}` : `uint${bits} by output row`,
    spec: spec(
      [
        ...(isHalf ? [node("Cast", ["x"], ["x16"], { to: DATA_TYPE.float16 })] : []),
        node(
          "MatMulNBits",
          [isHalf ? "x16" : "x", "codes", "scales", ...zeroPoints.map(() => "zeros")],
          [isHalf ? "y16" : "y"],
          { K: IN, N: OUT, bits, block_size: block, accuracy_level: 1 },
          MS,
        ),
        ...(isHalf ? [node("Cast", ["y16"], ["y"], { to: DATA_TYPE.float32 })] : []),
      ],
      [
        uint8("codes", [OUT, blocks, (block * bits) / 8], pack(codes, bits)),
        (isHalf ? float16 : float32)("scales", scales === "1-D" ? [OUT * blocks] : [OUT, blocks], scale),
        ...zeroPoints,
      ],
    ),
    x: activations(random),
    ...(isHalf && { tolerance: 5e-3 }),
  };
}

const N_BITS: readonly OneLayer[] = [
  ...[2, 4, 8].flatMap((bits) => (["none", "packed"] as const).map((zeros) => nBits(bits, 32, zeros, "2-D"))),
  // The runtime knows none of 8 bits.
  nBits(2, 32, "float", "2-D"),
  nBits(4, 32, "float", "2-D"),
  nBits(4, 32, "packed", "float16"),
  nBits(4, 16, "packed", "1-D"),
  nBits(4, 128, "none", "2-D"),
  nBits(8, 32, "none", "signed"),
];

// --- MatMulInteger ----------------------------------------------------------------------------

/** Activations that DynamicQuantizeLinear quantises exactly: whole numbers from 0 to 255, both among them. */
const exactActivations = (random: () => number) => [0, 255, ...integers(random, TOKENS * IN - 2, 0, 255)];

const count = (dims: readonly number[]) => dims.reduce((product, dim) => product * dim, 1);
const positive = (random: () => number, dims: readonly number[]) =>
  Array.from({ length: count(dims) }, () => random() + 0.1);

/** As optimum exports it; `chained`: one scale after the other instead of their product. */
function integer(type: "int8" | "uint8", by: "tensor" | "channel" | "channel, one zero", chained = false): OneLayer {
  const random = randomNumbers(type.length * 10 + by.length);
  const [least, most] = type === "int8" ? [-128, 127] : [0, 255];
  const tensorOf = (name: string, dims: readonly number[], codes: readonly number[]) =>
    rawTensor(name, DATA_TYPE[type], dims, pack(codes, 8));
  const dims = by === "tensor" ? [] : [OUT];
  const zeroDims = by === "channel" ? [OUT] : [];
  const scaled = chained
    ? [node("Mul", ["float", "x_scale"], ["half_scaled"]), node("Mul", ["w_scale", "half_scaled"], ["y"])]
    : [node("Mul", ["x_scale", "w_scale"], ["scales"]), node("Mul", ["float", "scales"], ["y"])];
  return {
    form: "MatMulInteger",
    variant: `of ${type} by ${by}${chained ? ", scales one after the other" : ""}`,
    stored: by === "tensor" ? type : `${type} by output row`,
    spec: spec(
      [
        node("DynamicQuantizeLinear", ["x"], ["x_codes", "x_scale", "x_zero"]),
        node("MatMulInteger", ["x_codes", "codes", "x_zero", "zero"], ["int32"], {}, { name: `${NAME}_quant` }),
        node("Cast", ["int32"], ["float"], { to: DATA_TYPE.float32 }),
        ...scaled,
      ],
      [
        tensorOf("codes", [IN, OUT], integers(random, IN * OUT, least, most)),
        tensorOf("zero", zeroDims, integers(random, count(zeroDims), least, most)),
        float32("w_scale", dims, positive(random, dims)),
      ],
    ),
    x: exactActivations(random),
  };
}

const INTEGERS: readonly OneLayer[] = [
  ...(["int8", "uint8"] as const).flatMap((type) => (["tensor", "channel"] as const).map((by) => integer(type, by))),
  integer("uint8", "tensor", true),
];

// --- ConvInteger ------------------------------------------------------------------------------

/** Channels × kernel are the input channels; every row of the activation is an image as large as the kernel. */
const [CHANNELS, KERNEL] = [IN / 2, [2, 1]];

function convolution(type: "int8" | "uint8", by: "tensor" | "channel"): OneLayer {
  const random = randomNumbers(type.length * 7 + by.length);
  const [least, most] = type === "int8" ? [-128, 127] : [0, 255];
  const scaleDims = by === "tensor" ? [] : [OUT, 1, 1];
  return {
    form: "ConvInteger",
    variant: `of ${type} by ${by}`,
    stored: by === "tensor" ? type : `${type} by output row`,
    spec: spec(
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
          [OUT, CHANNELS, ...KERNEL],
          pack(integers(random, OUT * IN, least, most), 8),
        ),
        rawTensor("zero", DATA_TYPE[type], [], pack(integers(random, 1, least, most), 8)),
        float32("w_scale", scaleDims, positive(random, scaleDims)),
        int64("image", [4], [TOKENS, CHANNELS, ...KERNEL]),
        int64("flat", [2], [TOKENS, OUT]),
      ],
    ),
    x: exactActivations(random),
  };
}

const CONVOLUTIONS: readonly OneLayer[] = [
  convolution("uint8", "tensor"),
  convolution("int8", "tensor"),
  convolution("int8", "channel"),
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

function dequantized({ type, order, axis, block, zeros, early = false, stored }: Dequantized): OneLayer {
  const random = randomNumbers(type.length + (block ?? 0) + (axis ?? 5) * 3);
  const { dataType, bits, signed } = CODE_TYPES[type];
  const dims = order === "in-out" ? [IN, OUT] : [OUT, IN];
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
  const transpose = (from: string, to: string) => node("Transpose", [from], [to]);
  const behind = early
    ? [transpose("codes", "t"), dequantize("t", "w")]
    : [dequantize("codes", "t"), transpose("t", "w")];
  const sizes = block === undefined ? `axis ${axis}` : `axis ${axis} in blocks of ${block}`;
  return {
    form: "MatMul",
    variant: `behind DequantizeLinear of ${type} ${order}, ${sizes}${zeros ? ", zeros" : ""}${early ? ", transposed first" : ""}`,
    stored,
    spec: spec(
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
    x: activations(random),
  };
}

const DEQUANTIZED: readonly OneLayer[] = (
  [
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
  ] as const satisfies readonly Dequantized[]
).map(dequantized);

// --- MatMulBnb4 -------------------------------------------------------------------------------

function bnb4(table: "fp4" | "nf4", block: number): OneLayer {
  const random = randomNumbers(block);
  const blocks = Math.ceil((OUT * IN) / block);
  return {
    form: "MatMulBnb4",
    variant: `of ${table} in blocks of ${block}`,
    stored: `${table} in blocks of ${block}`,
    spec: spec(
      [
        node(
          "MatMulBnb4",
          ["x", "codes", "absmax"],
          ["y"],
          { K: IN, N: OUT, block_size: block, quant_type: table === "fp4" ? 0 : 1 },
          { ...MS, name: `${NAME}_Bnb4` },
        ),
      ],
      [
        uint8("codes", [(OUT * IN) / 2], packHighFirst(integers(random, OUT * IN, 0, 15))),
        float32("absmax", [blocks], positive(random, [blocks])),
      ],
    ),
    x: activations(random),
  };
}

const BNB4: readonly OneLayer[] = [bnb4("nf4", 64), bnb4("fp4", 64), bnb4("nf4", 16)];

export const LAYERS: readonly OneLayer[] = [...N_BITS, ...INTEGERS, ...CONVOLUTIONS, ...DEQUANTIZED, ...BNB4];
