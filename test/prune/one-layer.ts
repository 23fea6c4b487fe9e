/** Models of one linear layer with random codes: every layer form in every variant of its layout. */
import type { onnx } from "onnx-proto";
import { DATA_TYPE, float16, float32, type ModelSpec, node, uint8, value } from "../helpers/model.js";
import { integers, pack, randomNumbers } from "../helpers/quantised.js";

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

export const LAYERS: readonly OneLayer[] = [...N_BITS];
