/**
 * Whether code is called from within a turn (turns.ts). Browsers do not know who called after an
 * `await`, so whatever starts while a function of the user's runs counts as called by it: at worst
 * another load does not wait for its turn.
 */

let given = 0;

/** Whether the caller may be part of a turn. */
export const isInTurn = (): boolean => given > 0;

/** Runs a turn's work. */
export const runInTurn = <T>(work: () => Promise<T>): Promise<T> => work();

/** Runs a function of the user's within a turn. */
export async function runGiven<T>(run: () => Promise<T>): Promise<T> {
  given++;
  try {
    return await run();
  } finally {
    given--;
  }
}
