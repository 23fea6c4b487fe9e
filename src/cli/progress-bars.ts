/** Progress on a terminal: a bar for each phase, below one another; the running one is the last. */
import cliProgress from "cli-progress";
import type { ProgressEvent } from "../progress.js";
import type { OutputStream } from "./io.js";
import type { ProgressView } from "./progress.js";
import { formatSteps } from "./units.js";

const LABEL_WIDTH = 16;
const STEPS_WIDTH = 9;
/** Of the bar itself, in characters; on a narrow terminal it gives way to the texts. */
const BAR = { most: 24, least: 8 } as const;
/** Room for what is not the bar: percent, label, steps, and an item such as "generation 12, best 1.2340, 40 s left". */
const TEXTS_WIDTH = 72;

export class ProgressBars implements ProgressView {
  readonly #all: cliProgress.MultiBar;
  /** By label: session files may take turns. */
  readonly #bars = new Map<string, cliProgress.SingleBar>();

  constructor(stream: OutputStream) {
    this.#all = new cliProgress.MultiBar({
      stream,
      format: "{percent}  {label} {bar} {steps}  {item}",
      barCompleteChar: "█",
      barIncompleteChar: "░",
      barsize: Math.max(BAR.least, Math.min(BAR.most, (stream.columns ?? Number.POSITIVE_INFINITY) - TEXTS_WIDTH)),
      hideCursor: true,
      // Ctrl-C is ours: it aborts the work, and then stop() is called.
      gracefulExit: false,
    });
  }

  show(label: string, event: ProgressEvent): void {
    // A phase without steps is done.
    const total = Math.max(1, event.total);
    const done = event.total > 0 ? event.done : 1;
    const texts = {
      label: label.padEnd(LABEL_WIDTH),
      steps: formatSteps(event.done, event.total).padStart(STEPS_WIDTH),
      percent: `${Math.floor(event.percent)}%`.padStart(4),
      item: done < total ? event.item : "",
    };
    const bar = this.#bars.get(label);
    if (bar === undefined) {
      this.#bars.set(label, this.#all.create(total, done, texts));
    } else {
      bar.setTotal(total);
      bar.update(done, texts);
    }
  }

  stop(): void {
    // MultiBar writes to the terminal even where it never had a bar.
    if (this.#bars.size > 0) this.#all.stop();
  }
}
