/**
 * Progress for logs and pipes: a line when a phase starts, when it ends, and in between at most one
 * for every tenth of it, and no more often than every two seconds.
 */
import type { ProgressEvent } from "../progress.js";
import type { OutputStream } from "./io.js";
import type { ProgressView } from "./progress.js";
import { formatSteps } from "./units.js";

const MIN_SHARE = 0.1;
const MIN_MILLISECONDS = 2000;

/** The line of a phase that was printed last. */
interface Shown {
  /** Share of the phase that was done, 0 … 1. */
  readonly share: number;
  /** When, in milliseconds. */
  readonly time: number;
}

export class ProgressLines implements ProgressView {
  readonly #stream: OutputStream;
  readonly #now: () => number;
  /** By label: session files may take turns. */
  readonly #shown = new Map<string, Shown>();

  /** @param now clock in milliseconds */
  constructor(stream: OutputStream, now: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#now = now;
  }

  show(label: string, event: ProgressEvent): void {
    const share = event.total > 0 ? event.done / event.total : 1;
    const time = this.#now();
    if (!isDue(this.#shown.get(label), { share, time })) return;
    this.#shown.set(label, { share, time });
    const percent = `${Math.floor(event.percent)}%`.padStart(4);
    const line = `${percent}  ${label} ${formatSteps(event.done, event.total)} ${event.item}`;
    this.#stream.write(`${line.trimEnd()}\n`);
  }

  stop(): void {}
}

function isDue(last: Shown | undefined, now: Shown): boolean {
  // A share that fell is the next pass.
  if (last === undefined || now.share < last.share) return true;
  if (now.share >= 1) return last.share < 1;
  return now.share - last.share >= MIN_SHARE && now.time - last.time >= MIN_MILLISECONDS;
}
