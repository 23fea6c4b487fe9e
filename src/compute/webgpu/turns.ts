/** A few jobs at a time, the others wait in line. */

export class Turns {
  private readonly waiting: (() => void)[] = [];
  private readonly whenIdle: (() => void)[] = [];
  private running = 0;

  /** @param most jobs that run at once */
  constructor(private readonly most: number) {}

  /** Runs `act` when its turn has come. */
  async take<T>(act: () => Promise<T>): Promise<T> {
    if (this.running === this.most) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.running++;
    try {
      return await act();
    } finally {
      // A turn is handed on, so that nobody comes between.
      const next = this.waiting.shift();
      if (next === undefined) this.running--;
      else next();
      if (this.running === 0) for (const tell of this.whenIdle.splice(0)) tell();
    }
  }

  /** Resolves when nobody runs and nobody waits. */
  async idle(): Promise<void> {
    if (this.running > 0) await new Promise<void>((resolve) => this.whenIdle.push(resolve));
  }
}
