/**
 * The process in which mutants are tried: it may hang, run out of memory or crash, and its parent
 * sees at which mutant. It prints one line of JSON before each mutant and one for each failure.
 */
import "./allocations.js";
import { mkdtempSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createCpuDevice } from "../../src/compute/cpu/index.js";
import { boundAllocations, excessOf } from "./allocations.js";
import { fixtures, type ModelFolder, smallCorpus } from "./corpus.js";
import { found } from "./found.js";
import { type Outcome, travel } from "./journey.js";
import { type Corpus, type Made, makeMutant } from "./make-mutant.js";
import type { Line, Task } from "./messages.js";

/** No allocation may be larger than this many times the file, and a constant for tables and buffers. */
const ALLOCATION_FACTOR = 32;
const ALLOCATION_BYTES = 8 * 2 ** 20;
/** CPU seconds that a mutant may take, and more for each MB of it. */
const CPU_SECONDS = 5;
const CPU_SECONDS_PER_MB = 10;

/** What the process may take beyond its peak so far: all allocations of one mutant, small ones included. */
const GROWTH_FACTOR = 100;
const GROWTH_BYTES = 256 * 2 ** 20;

const task = JSON.parse(process.argv[2] ?? "{}") as Task;
const say = (line: Line): void => void writeSync(1, `${JSON.stringify(line)}\n`);

const corpus: Corpus = { small: await smallCorpus(), large: fixtures(task.root) };
const unchangedModels = task.kind === "corpus" ? [...corpus.small, ...corpus.large, ...found()] : [];
const device = createCpuDevice({
  threads: 1,
  workerUrl: pathToFileURL(join(task.root, "src", "compute", "cpu", "worker.mjs")),
});

let stray: unknown = null;
process.on("unhandledRejection", (reason) => {
  stray = reason ?? new Error("rejected with nothing");
});

const sizeOf = ({ model, data }: Made["mutant"]): number =>
  [...data.values()].reduce((sum, { length }) => sum + length, model.length);

/** Memory of the process at its peak. */
const peakBytes = (): number => process.resourceUsage().maxRSS * 1024;

/** Tries one mutant. @throws what must not happen */
async function tryOne({ mutant, way }: Made): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "transformers-prune-fuzz-"));
  const bytes = sizeOf(mutant);
  const before = process.cpuUsage();
  const peakBefore = peakBytes();
  boundAllocations(ALLOCATION_FACTOR * bytes + ALLOCATION_BYTES);
  try {
    const outcome = await travel(mutant, way, device, folder);
    if (stray !== null) throw stray;
    const excess = excessOf();
    if (excess !== null) throw excess;
    const { user, system } = process.cpuUsage(before);
    const seconds = (user + system) / 1e6;
    if (seconds > CPU_SECONDS + (CPU_SECONDS_PER_MB * bytes) / 2 ** 20)
      throw new Error(`took ${seconds.toFixed(1)} s of CPU time for ${bytes} bytes`);
    const growth = peakBytes() - peakBefore;
    if (growth > GROWTH_BYTES + GROWTH_FACTOR * bytes)
      throw new Error(`took ${growth} bytes of memory for ${bytes} bytes`);
    return outcome;
  } finally {
    boundAllocations(Number.POSITIVE_INFINITY);
    stray = null;
    rmSync(folder, { recursive: true, force: true });
  }
}

const describe = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

async function run(): Promise<void> {
  const start = performance.now();
  const isDue = (index: number): boolean =>
    task.kind === "corpus"
      ? index < unchangedModels.length
      : index < task.end && (performance.now() - start) / 1000 < task.seconds;
  for (let index = task.begin; isDue(index); index++) {
    say({ kind: "begin", index });
    const made = task.kind === "corpus" ? unchanged(index) : makeMutant(corpus, task.seed, index);
    try {
      const { reached, refused, pruned } = await tryOne(made);
      say({
        kind: "end",
        index,
        from: made.from,
        reached,
        refused,
        pruned,
        rss: process.resourceUsage().maxRSS / 1024,
        size: made.mutant.model.length,
      } as never);
    } catch (error) {
      say({ kind: "failure", index, from: made.from, bytes: made.mutant.model.length, error: describe(error) });
    }
  }
  say({ kind: "done", peakBytes: peakBytes() });
}

/** A model of the corpus as it is. */
function unchanged(index: number): Made {
  const folder = unchangedModels[index] as ModelFolder;
  return {
    from: folder.name,
    mutant: folder,
    way: { from: "disk", prune: "everything", external: true, packed: false },
  };
}

await run();
await device.close();
