/** What `prune` prints at its end for people: before and after, where the time went, what stayed dense. */
import type { PruneReport, WeightReport } from "../report.js";
import type { Coefficients } from "../score/index.js";
import { BYTES_PER_ELEMENT } from "../tensor/dtypes.js";
import type { Style } from "./io.js";
import type { PruneJson } from "./prune-json.js";
import { formatTable, indent } from "./text-table.js";
import { formatBytes, formatCount, formatPerplexity, formatSeconds, formatShare } from "./units.js";

/** Names of one reason that are listed before "and n more". */
const NAMES_PER_REASON = 3;

/** The summary as text, ending in a line break. */
export function pruneSummary(result: PruneJson, style: Style): string {
  const [head = "", ...rows] = beforeAndAfter(result);
  const parts: (readonly string[])[] = [
    [`${style.bold(`${result.model} → ${result.out}`)}`, describeRun(result)],
    indent([style.dim(head), ...rows]),
    describeBytes(result),
    [describeSeconds(result)],
    leftDense(result),
    result.notes.map((note) => `note: ${note}`),
    isPacked(result) ? PACKED : ZEROS,
  ];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

const ZEROS = [
  "Zeros alone make a model neither smaller nor faster: they are stored and multiplied like any",
  "other number, until a runtime or a file format makes use of them.",
];
const PACKED = [
  "Packed weights make the file smaller, and nothing faster: the runtime expands them when it loads",
  "the model, which takes longer and several times their memory (docs/packed.md).",
];

const isPacked = ({ weights }: PruneReport): boolean => weights.some(({ stored }) => stored?.encoding === "packed");

/** What the file takes in each encoding, and the pruned weights alone. */
function describeBytes({ weights, bytes: { compared } }: PruneReport): string[] {
  if (compared === undefined) return [];
  const { dense, packed, compressed } = compared;
  const sizes = [
    `dense ${formatBytes(dense)}`,
    packed === null ? "packed: the model is too old" : `packed ${formatBytes(packed)}`,
    ...(compressed === undefined
      ? []
      : (["gzip", "brotli"] as const).map(
          (kind) =>
            `${kind} at level ${compressed[kind].level} of the dense one ${formatBytes(compressed[kind].bytes)}`,
        )),
  ];
  const stored = weights.flatMap((weight) => (weight.stored === undefined ? [] : [weight.stored.bytes]));
  const share =
    stored.reduce((a, b) => a + b, 0) /
    Math.max(
      1,
      weights.reduce((sum, one) => sum + denseBytes(one), 0),
    );
  return [
    `the whole file: ${sizes.join(", ")}`,
    ...(stored.length === 0 ? [] : [`its pruned weights: ${formatShare(share)} of their dense bytes`]),
  ];
}

function denseBytes({ shape: [out, channels], dtype }: WeightReport): number {
  const bytes: Readonly<Record<string, number>> = BYTES_PER_ELEMENT;
  return out * channels * (bytes[dtype] ?? 0);
}

/** What says how a file is pruned. */
type RunOf = Pick<
  PruneReport,
  | "method"
  | "pattern"
  | "coefficients"
  | "byKind"
  | "byDepth"
  | "coefficientsFrom"
  | "reconstruct"
  | "updateParameters"
  | "sequential"
  | "target"
  | "repair"
  | "calibration"
  | "passes"
  | "fromCache"
>;

/** `crepe 2:4 (default coefficients: row 0, …), 2 passes of calibration on …` */
export function describeRun(run: RunOf): string {
  const { method, pattern, coefficients, byKind = {}, byDepth = [], coefficientsFrom, calibration, passes } = run;
  const values = (of: Coefficients) =>
    Object.entries(of)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ");
  return [
    `${method}, ${pattern}`,
    ...describeUpdates(run),
    Object.keys(coefficients).length > 0 && `coefficients: ${values(coefficients)}\n  ${coefficientsFrom}`,
    ...Object.entries(byKind).map(([kind, own]) => `  ${kind}: ${values(own)}`),
    ...byDepth.map((own, i) => `  part ${i + 1} of ${byDepth.length}: ${values(own)}`),
    calibration !== "none" && `calibration: ${calibration}${passes > 1 ? `, ${passes} passes` : ""}`,
    run.fromCache && "taken from the cache",
  ]
    .filter(Boolean)
    .join("\n");
}

/** What moves besides the mask: `updates: obs, then least-squares`, and on which inputs. */
function describeUpdates({ reconstruct, updateParameters = {}, repair, sequential, target }: RunOf): string[] {
  const numbers = Object.entries(updateParameters).map(([name, value]) => `${name} ${value}`);
  const told = numbers.length === 0 ? "" : ` (${numbers.join(", ")})`;
  const steps = [...(reconstruct === null ? [] : [`${reconstruct}${told}`]), ...repair];
  if (steps.length === 0) return [];
  const order = sequential === "input" ? "layer after layer" : `in ${sequential} groups of blocks`;
  const goal = target === "outputs" ? ", held to what the dense model has in their place" : "";
  return [`updates: ${steps.join(", then ")}${sequential === null ? "" : `; ${order}${goal}`}`];
}

function beforeAndAfter({ parameters, zeros, prunable, bytes, perplexity }: PruneJson): string[] {
  const rows = [
    ["", "dense", "pruned"],
    ["parameters", formatCount(parameters), formatCount(parameters)],
    [
      "set to zero",
      "0",
      formatCount(zeros),
      `${formatShare(zeros / Math.max(1, prunable))} of ${formatCount(prunable)} prunable`,
    ],
    ["bytes on disk", formatBytes(bytes.source), formatBytes(bytes.written)],
    ...(perplexity === undefined ? [] : [perplexityRow(perplexity)]),
  ];
  return formatTable(rows, ["left", "right", "right", "left"]);
}

function perplexityRow({ dense, pruned }: NonNullable<PruneJson["perplexity"]>): string[] {
  const change = 100 * (pruned / dense - 1);
  const sign = change < 0 ? "−" : "+";
  return ["perplexity", formatPerplexity(dense), formatPerplexity(pruned), `${sign}${Math.abs(change).toFixed(1)}%`];
}

function describeSeconds({ seconds, device }: PruneReport): string {
  const { total, ...phases } = seconds;
  const parts = Object.entries(phases).flatMap(([phase, spent]) =>
    spent === 0 ? [] : [`${phase} ${formatSeconds(spent)}`],
  );
  const isUsual = device === "cpu" || device === "runtime";
  return `${formatSeconds(total)} in all: ${parts.join(", ")}${isUsual ? "" : `; masks on ${device}`}`;
}

/** One line for each reason, with the first few names. */
export function leftDense({ skipped }: Pick<PruneReport, "skipped">): string[] {
  if (skipped.length === 0) return [];
  const byReason = new Map<string, string[]>();
  for (const { name, reason } of skipped) byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  const rows = [...byReason].map(([reason, names]) => {
    const more = names.length - NAMES_PER_REASON;
    return [`${names.slice(0, NAMES_PER_REASON).join(", ")}${more > 0 ? ` and ${more} more` : ""}`, reason];
  });
  return ["left dense", ...indent(formatTable(rows, ["left"]))];
}
