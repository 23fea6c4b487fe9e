/** A stopped tuning in a file: what was measured, and of which run. The file appears whole and goes when the run is done. */
import { readFile, rm } from "node:fs/promises";
import { PruneError } from "../errors.js";
import { withStorageErrors, writeWholeFile } from "../store/folders.js";
import type { TuneState } from "../tune/index.js";

/** Where a run is kept while it is under way. */
export interface Checkpoint {
  /** What an earlier run has measured, null where there is none. */
  readonly state: TuneState | null;
  save(state: TuneState): Promise<void>;
  /** Writes what was saved last, where that was put off. */
  flush(): Promise<void>;
  remove(): Promise<void>;
}

const FORMAT = "transformers-prune/tuning";

/** Saving costs a few milliseconds; more often than this it would slow the cheapest objectives. */
const LEAST_MILLISECONDS_BETWEEN = 500;

/**
 * Opens the checkpoint of a run.
 *
 * @param path null: nothing is kept
 * @param identity of model, options, texts and judge
 * @throws PruneError `storage` where the file is of another run or no checkpoint
 */
export async function openCheckpoint(path: string | null, identity: string): Promise<Checkpoint> {
  if (path === null) return { state: null, save: async () => {}, flush: async () => {}, remove: async () => {} };
  const state = await readState(path, identity);
  let savedAt = 0;
  let waiting: TuneState | null = null;
  const write = (content: TuneState) =>
    withStorageErrors(`cannot write ${path}`, async () => {
      await writeWholeFile(path, JSON.stringify({ format: FORMAT, identity, state: content }));
      savedAt = performance.now();
      waiting = null;
    });
  return {
    state,
    save: async (content) => {
      waiting = content;
      if (performance.now() - savedAt >= LEAST_MILLISECONDS_BETWEEN) await write(content);
    },
    flush: async () => {
      if (waiting !== null) await write(waiting);
    },
    remove: () => withStorageErrors(`cannot remove ${path}`, () => rm(path, { force: true })),
  };
}

async function readState(path: string, identity: string): Promise<TuneState | null> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw new PruneError("storage", `checkpoint ${path} cannot be read: ${error.message}`, {
      details: { file: path },
      cause: error,
    });
  });
  if (text === null) return null;
  const found = parse(text);
  if (found?.format === FORMAT && found.identity === identity && found.state !== undefined) return found.state;
  const what = found?.format === FORMAT ? "of a run with another model, judge or options" : "no checkpoint of a tuning";
  throw new PruneError("storage", `${path} is ${what}; delete it to begin anew, or name another checkpoint`, {
    details: { file: path },
  });
}

function parse(text: string): { format?: string; identity?: string; state?: TuneState } | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
