/**
 * What a prune will take, before anything runs: bytes from what the file says, seconds from how fast this machine is
 * (measure-speeds.ts). The constants are measured on SmolLM2-135M in four dtypes and a small model, by
 * `npm run bench -- estimate`, which prints how far they are off (docs/dry-run.md).
 */
import { allValues, findTargets, nodesBehind, type Target } from "../graph/index.js";
import { byteLengthOf, type OnnxTensor } from "../onnx/index.js";
import { isAdaptive } from "../reconstruct/table.js";
import { updateLoad } from "./estimate-updates.js";
import type { Speeds } from "./measure-speeds.js";
import type { Plan } from "./plan.js";
import { sourceBytes } from "./report-of.js";

/** What a file is calibrated on. */
export interface CalibrationLoad {
  /** Tokens of one pass; null where nobody can say. */
  readonly tokens: number | null;
  /** Tokens of the longest run. */
  readonly longestRun: number;
  /** Seconds until samples are at hand: tokenizer and text. */
  readonly seconds: number;
  /** Bytes that other sessions of the model take, where all of them run together. */
  readonly otherSessions: number;
  /** Whether the whole model is run to calibrate. */
  readonly isRun: boolean;
}

/** A figure for each part of a prune. */
export type Phases<T> = Readonly<Record<"read" | "calibrate" | "mask" | "update" | "write", T>>;

const MEMORY = {
  /** Node, transformers.js with its runtime, and this package. */
  process: 115e6,
  /** A thread that computes masks, beside the weight it holds. */
  thread: 12e6,
  /** Tokenizer and samples. */
  samples: 8e6,
  /** Most of what was read and written that waits for the garbage collector. */
  uncollected: 65e6,
  /** The runtime's node, with kernel and shapes. */
  node: 8e3,
  /** Activations in float32 values per token and hidden channel that a run has memory for: the runtime's allocator doubles. */
  activations: 255,
} as const;

/** Layer forms whose activations take more, by how much: they are held as whole numbers too, and products as int32. */
const ACTIVATIONS_OF: Readonly<Record<string, number | undefined>> = { MatMulInteger: 1.5 };

const TIME = {
  /** The runtime's opening of a session, in seconds a byte of weights and a node, and for each further part of a model. */
  session: { byte: 2.5e-9, node: 0.25e-3, part: 0.03 },
  /** How often the rest of a forward pass goes through a hidden state, for each linear layer: norms, rotations, scores of attention. */
  beside: 25,
  /** Bytes that are hashed, and written as well, against those that are hashed only. */
  write: 2,
  /** compareBytes, in seconds a byte. */
  compress: 60e-9,
} as const;

/** Layer forms that multiply slower than float32 does, by how much: weights are decoded as they are met. */
const SLOWER: Readonly<Record<string, number | undefined>> = { MatMulNBits: 1.2, MatMulBnb4: 1.2 };

const NOTHING_TO_RUN = { multiply: Number.POSITIVE_INFINITY, elementwise: Number.POSITIVE_INFINITY } as const;

/** Tokens on which verify runs masks of two methods. */
const VERIFY_TOKENS = 2 * 4 * 256;

/**
 * Bytes of memory at the highest point of each part: the whole process.
 *
 * @param threads that compute masks
 */
export function estimateMemory(plan: Plan, load: CalibrationLoad, threads: number): Phases<number> {
  const { targets, options, model, passes } = plan;
  const source = sourceBytes(model.onnx);
  const read = MEMORY.process + MEMORY.thread * threads + Math.min(source, MEMORY.uncollected);
  const sizes = targets.map(({ shape }) => shape.out * shape.in);
  const largest = Math.max(0, ...sizes);
  const isWhole = plan.pattern.kind === "n:m" ? plan.pattern.permute : plan.pattern.scope === "matrix";
  const masks = sum(sizes) / 8;
  const stored = sum(targets.map(({ tensor }) => bytesOf(tensor)));
  const largestStored = Math.max(0, ...targets.map(({ tensor }) => bytesOf(tensor)));
  // Pruned weights of an earlier pass, or of what is verified, go to the runtime from memory.
  const inline = passes > 1 || options.verify ? 2 * stored : 0;
  const isCalibrated = plan.calibrated || options.verify;
  const update = updateLoad(plan, load.isRun);
  const { parts, streams } = update ?? { parts: 1, streams: 1 };
  const sessions = streams * sessionBytes(plan, load.longestRun, parts) + load.otherSessions;
  const whole = read + MEMORY.samples + sessions + inline;
  const bound = options.calibration.memory ?? Number.POSITIVE_INFINITY;
  return {
    read,
    // A model that is too large for the bound is run in parts.
    calibrate: isCalibrated ? Math.min(whole, bound) : 0,
    mask:
      isAdaptive(options.method) && !options.verify
        ? 0
        : read + masks + Math.min(threads, targets.length) * largest * (isWhole ? 8 : 4),
    update: update === null ? 0 : Math.min(whole + update.bytes, Math.max(bound, update.leastBytes)),
    write: read + masks + 2 * largestStored,
  };
}

/** What the runtime needs of a model to run it up to the last layer that is to be pruned. */
interface Forward {
  /** Bytes of its weights as the runtime holds them. */
  readonly weights: number;
  /** Bytes of the largest of them. */
  readonly largest: number;
  readonly nodes: number;
  readonly linear: readonly Target[];
  /** Channels of the hidden state: what most layers read. */
  readonly hidden: number;
}

function forwardOf({ model, targets }: Pick<Plan, "model" | "targets">): Forward {
  const behind = nodesBehind(targets.flatMap(({ uses }) => uses.map(({ activation }) => activation)));
  let [weights, largest] = [0, 0];
  for (const { initializer, uses } of allValues(model.graph)) {
    if (initializer === null || !uses.some(({ node }) => behind.has(node))) continue;
    const bytes = bytesOf(initializer) * (HALF_TYPES.has(initializer.dataType) ? HALF : 1);
    weights += bytes;
    largest = Math.max(largest, bytes);
  }
  const channels = targets.map(({ shape }) => shape.in).sort((a, b) => a - b);
  const linear = findTargets(model).targets.filter(({ uses }) => uses.some(({ node }) => behind.has(node)));
  return { weights, largest, nodes: behind.size, linear, hidden: channels[channels.length >> 1] ?? 0 };
}

/**
 * Bytes of a session that runs up to the last layer to be pruned: its weights, its nodes, and the activations of one
 * run.
 *
 * @param parts about equal ones that the model is run in, one after the other
 */
export function sessionBytes(plan: Pick<Plan, "model" | "targets">, longestRun: number, parts = 1): number {
  const { weights, largest, nodes, hidden } = forwardOf(plan);
  const factor = MEMORY.activations * Math.max(1, ...plan.targets.map(({ form }) => ACTIVATIONS_OF[form] ?? 1));
  // While it is opened, the weight at hand is there twice.
  const own = (weights + MEMORY.node * nodes) / parts;
  return own + Math.max(largest, 4 * factor * hidden * longestRun);
}

/** Seconds of each part; null for a calibration of unknown length. */
export function estimateSeconds(plan: Plan, load: CalibrationLoad, speeds: Speeds): Phases<number | null> {
  const { targets, options, model, passes } = plan;
  const source = sourceBytes(model.onnx);
  const weights = sum(targets.map(({ shape }) => shape.out * shape.in));
  const mask = weights / speeds.mask;
  const forward = forwardOf(plan);
  const open = TIME.session.byte * forward.weights + TIME.session.node * forward.nodes;
  const operations = sum(forward.linear.map(({ shape, form }) => 2 * shape.out * shape.in * (SLOWER[form] ?? 1)));
  const elements = TIME.beside * forward.linear.length * forward.hidden;
  const { multiply, elementwise } = speeds.forward ?? NOTHING_TO_RUN;
  const perToken = operations / multiply + elements / elementwise;
  const update = updateLoad(plan, load.isRun);
  const { parts, streams } = update ?? { parts: 1, streams: 1 };
  const sessions = streams * (open + TIME.session.part * (parts - 1));
  const perSample = streams * perToken + (update?.perToken ?? 0) / multiply;
  // Updates leave no statistics of the dense model, which verify needs.
  const again = options.verify && (update !== null || !plan.calibrated) ? 1 : 0;
  const calibrations = (plan.calibrated ? passes : 0) + again;
  const verify = options.verify ? mask + 2 * open + VERIFY_TOKENS * perToken : 0;
  const compress = options.compareBytes ? TIME.compress * source : 0;
  return {
    read: plan.seconds + source / speeds.hash,
    calibrate: load.tokens === null ? null : load.seconds + calibrations * (sessions + load.tokens * perSample),
    mask: (isAdaptive(options.method) ? 0 : passes * mask) + verify,
    update: update === null ? 0 : (passes * update.operations) / multiply,
    write: (TIME.write * source) / speeds.hash + weights / speeds.zero + compress,
  };
}

/** Texts have no fixed length, and no layer reads them. */
const bytesOf = ({ dataType, dims }: OnnxTensor): number => (dataType === TEXT_TYPE ? 0 : byteLengthOf(dataType, dims));
const TEXT_TYPE = 8;

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** CPU kernels know no half floats: the runtime holds them as stored, and as float32, which is three times their size. */
const HALF = 3;
const HALF_TYPES: ReadonlySet<number> = new Set([10, 16]); // float16, bfloat16
