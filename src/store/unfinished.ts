/**
 * A long piece of work in parts: each is put aside when it is finished, so that a run that was stopped goes on
 * behind the last of them, and what is finished need not be in memory.
 */

/** A part that is finished. */
export interface FinishedPart {
  /** Plain data, as it was given. */
  readonly header: unknown;
  /** Bytes that came with it, by their place. In memory of their own. */
  readonly blob: (index: number) => Promise<Uint8Array>;
}

/** Finished parts of one piece of work, by name. */
export interface Unfinished {
  /** A part, if it was finished; one that is damaged was not. */
  read(part: string): Promise<FinishedPart | null>;
  /**
   * Puts a part aside; it appears whole or not at all.
   *
   * @param header plain data, as JSON has it
   * @throws PruneError `storage`
   */
  write(part: string, header: unknown, blobs: readonly Uint8Array[]): Promise<FinishedPart>;
  /** The work is done: what was put aside goes. */
  remove(): Promise<void>;
}

/** Parts that are kept as long as this is referred to. */
export function unfinishedInMemory(): Unfinished {
  const parts = new Map<string, FinishedPart>();
  return {
    read: async (part) => parts.get(part) ?? null,
    write: async (part, header, blobs) => {
      const finished = { header, blob: async (index: number) => (blobs[index] as Uint8Array).slice() };
      parts.set(part, finished);
      return finished;
    },
    remove: async () => parts.clear(),
  };
}
