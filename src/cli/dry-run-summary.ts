/** What `prune --dry-run` prints for people: what would be pruned and how, where the result is, what it would take. */
import type { FileEstimate, PruneEstimate } from "../hook/index.js";
import type { Style } from "./io.js";
import { describeRun, leftDense } from "./prune-summary.js";
import { formatTable, indent } from "./text-table.js";
import { formatBytes, formatCount, formatSeconds, formatShare } from "./units.js";

/** The dry run as text, ending in a line break. */
export function dryRunSummary(estimate: PruneEstimate, style: Style): string {
  const { model, out, files, dense, memory, seconds, notes } = estimate;
  const parts: (readonly string[])[] = [
    [style.bold(`${model}${out === null ? "" : ` → ${out.path}`}`), "a dry run: nothing was written"],
    ...files.flatMap((file) => describeFile(file, files.length + dense.length > 1, style)),
    dense.length === 0 ? [] : [`stays dense: ${dense.join(", ")}`],
    [
      `peak memory: about ${formatBytes(memory)}`,
      `time: ${seconds === null ? "not known" : `about ${formatSeconds(seconds)}`}`,
      ...(out === null ? [] : [HOLDS[out.holds]]),
    ],
    notes.map((note) => `note: ${note}`),
  ];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

/** What the directory holds, and what follows from it. */
const HOLDS = {
  nothing: "the folder is free",
  "this result": "the folder holds this very result already: nothing would be done",
  "something else": "the folder holds something else, which takes --force to replace",
} as const satisfies Record<NonNullable<PruneEstimate["out"]>["holds"], string>;

function describeFile(file: FileEstimate, isOneOfSeveral: boolean, style: Style): (readonly string[])[] {
  const { zeros, prunable, parameters, bytes, encoding } = file;
  const [head = "", ...rows] = formatTable(
    [["weights", "kind", "out×in", "dtype"], ...weightRows(file)],
    ["right", "left", "right", "left"],
  );
  return [
    [...(isOneOfSeveral ? [style.bold(file.file)] : []), describeRun({ ...file, fromCache: false })],
    indent([style.dim(head), ...rows]),
    [
      `set to zero: ${formatCount(zeros)} of ${formatCount(prunable)} prunable weights (${formatShare(zeros / prunable)})`,
      `the file: ${formatCount(parameters)} parameters, ${formatBytes(bytes.source)}, to be written ${encoding}`,
      ...(file.cached === null ? [] : [file.cached ? "the cache holds it already" : "the cache does not hold it"]),
    ],
    leftDense(file),
    phases(file),
  ];
}

/** Weights of one kind, shape and dtype in one row. */
function weightRows({ weights }: FileEstimate): string[][] {
  const counts = new Map<string, { count: number; cells: string[] }>();
  for (const { kind, shape, dtype } of weights) {
    const cells = [kind, shape.join("×"), dtype];
    const known = counts.get(cells.join()) ?? { count: 0, cells };
    counts.set(cells.join(), { ...known, count: known.count + 1 });
  }
  return [...counts.values()].map(({ count, cells }) => [formatCount(count), ...cells]);
}

/** What each phase would take; those that are not needed are left out. */
function phases({ memory, seconds, speeds }: FileEstimate): string[] {
  const names = (Object.keys(memory) as (keyof typeof memory)[]).filter((phase) => memory[phase] > 0);
  const rows = names.map((phase) => {
    const spent = seconds[phase];
    return [phase, spent === null ? "not known" : formatSeconds(spent), formatBytes(memory[phase])];
  });
  const measured = [
    `${formatBytes(speeds.hash)} hashed`,
    `${millions(speeds.mask)} weights masked`,
    `${millions(speeds.zero)} zeroed`,
    ...(speeds.forward === null
      ? []
      : [
          `${millions(speeds.forward.multiply)} multiplications and additions`,
          `${millions(speeds.forward.elementwise)} values gone through`,
        ]),
  ];
  return [
    "estimated",
    ...indent(formatTable(rows, ["left", "right"])),
    `from what this machine does in a second: ${measured.join(", ")}`,
  ];
}

/** `1,250 M` */
const millions = (count: number): string => `${formatCount(Math.round(count / 1e6))} M`;
