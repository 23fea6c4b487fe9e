/** Whether code is called from within a turn (turns.ts), which Node knows of every call. */
import { AsyncLocalStorage } from "node:async_hooks";

const turn = new AsyncLocalStorage<true>();

/** Whether the caller is part of a turn. */
export const isInTurn = (): boolean => turn.getStore() === true;

/** Runs a turn's work. */
export const runInTurn = <T>(work: () => Promise<T>): Promise<T> => turn.run(true, work);

/** Runs a function of the user's within a turn. */
export const runGiven = <T>(run: () => Promise<T>): Promise<T> => run();
