/**
 * Runs mutants in a process of their own and watches it. A process that is silent for too long or
 * ends by itself is a failure of the mutant at which it stood; the next begins behind that mutant.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Failure, Line, Task } from "./messages.js";

/** A mutant takes milliseconds; on a busy machine the largest may take seconds. */
const SILENT_SECONDS = 60;
/** JavaScript's heap; with buffers beside it, the process must stay below `PEAK_BYTES`. */
const HEAP_MB = 512;
const PEAK_BYTES = 2 ** 30;
/** More failures say nothing new. */
const MOST_FAILURES = 20;

/** What came of a run. */
export interface Campaign {
  readonly failures: readonly Failure[];
  /** Models by how far they came. */
  readonly reached: Readonly<Record<"nothing" | "opened" | "inspected" | "pruned", number>>;
  /** Models by the code with which they were refused. */
  readonly refused: ReadonlyMap<string, number>;
  /** By name of the model, weights that were pruned in it unchanged or as a mutant. */
  readonly prunedOf: ReadonlyMap<string, number>;
  /** Models tried. */
  readonly count: number;
  readonly peakBytes: number;
}

/**
 * Carries out a task to its end.
 *
 * @param script child.ts as bundle.mjs makes a file of it
 */
export async function runCampaign(script: string, task: Task): Promise<Campaign> {
  const failures: Failure[] = [];
  const reached = { nothing: 0, opened: 0, inspected: 0, pruned: 0 };
  const refused = new Map<string, number>();
  const prunedOf = new Map<string, number>();
  let [begin, count, peakBytes, isDone] = [task.begin, 0, 0, false];
  const start = performance.now();
  const hear = (line: Line): void => {
    if (line.kind === "begin") begin = line.index;
    if (line.kind === "end" || line.kind === "failure") count++;
    if (line.kind === "failure") failures.push(line);
    if (line.kind === "done") [peakBytes, isDone] = [Math.max(peakBytes, line.peakBytes), true];
    if (line.kind !== "end") return;
    reached[line.reached]++;
    if (line.refused !== null) refused.set(line.refused, (refused.get(line.refused) ?? 0) + 1);
    prunedOf.set(line.from, (prunedOf.get(line.from) ?? 0) + line.pruned);
  };
  while (!isDone && failures.length < MOST_FAILURES) {
    const rest = task.kind === "mutants" ? { seconds: task.seconds - (performance.now() - start) / 1000 } : {};
    const ended = await watch(script, { ...task, ...rest, begin }, hear);
    if (isDone) break;
    failures.push({ index: begin, from: "?", bytes: 0, error: ended });
    count++;
    begin++;
  }
  if (peakBytes > PEAK_BYTES)
    failures.push({ index: -1, from: "all", bytes: 0, error: `the process took ${peakBytes} bytes at its peak` });
  return { failures, reached, refused, prunedOf, count, peakBytes };
}

/** Runs one process. Returns how it ended, in words. */
function watch(script: string, task: Task, hear: (line: Line) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const args = ["--enable-source-maps", `--max-old-space-size=${HEAP_MB}`, script, JSON.stringify(task)];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    let [errors, hangs] = ["", false];
    const kill = (): void => {
      hangs = true;
      child.kill("SIGKILL");
    };
    let alarm = setTimeout(kill, SILENT_SECONDS * 1000);
    createInterface({ input: child.stdout }).on("line", (line) => {
      clearTimeout(alarm);
      alarm = setTimeout(kill, SILENT_SECONDS * 1000);
      hear(JSON.parse(line) as Line);
    });
    child.stderr.on("data", (data: Buffer) => {
      errors = (errors + data.toString()).slice(-4000);
    });
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(alarm);
      resolve(hangs ? `hangs: silent for ${SILENT_SECONDS} s` : `the process ended with ${signal ?? code}: ${errors}`);
    });
  });
}

/** Failures as a person reads them, each with the command that shows it again. */
export function describeFailures({ failures }: Campaign, seed: number): string {
  return failures
    .map(
      ({ index, from, bytes, error }) =>
        `mutant ${index} of "${from}" (${bytes} bytes): ${error}\n  again: npm run fuzz -- --seed ${seed} --only ${index}`,
    )
    .join("\n\n");
}
