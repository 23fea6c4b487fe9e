/** Progress at a pace that a page can draw: weights and bytes come by the thousand. */
import type { PhaseName } from "./protocol.js";

/** A step of a long task. */
export interface Step {
  readonly phase: PhaseName;
  readonly item: string;
  readonly done: number;
  readonly total: number;
}

const PAUSE_MS = 100;

/** A listener that passes on the first and the last step of every phase, and of those between one per pause. */
export function throttled(listener: (step: Step) => void): (step: Step) => void {
  let phase: PhaseName | null = null;
  let last = 0;
  return (step) => {
    const now = performance.now();
    if (step.phase === phase && step.done < step.total && now - last < PAUSE_MS) return;
    phase = step.phase;
    last = now;
    listener(step);
  };
}
