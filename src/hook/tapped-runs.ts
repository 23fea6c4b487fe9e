/** One run of a model after another, each with the model loaded anew and other taps in its sessions. */
import { PruneError } from "../errors.js";
import type { ResolvedPrune } from "../options/index.js";
import type { Plan } from "../prune/index.js";
import type { SessionOptions } from "../runtime/index.js";
import type { Unfinished } from "../store/index.js";
import { type ModelRun, type Reload, runOf } from "./model-run.js";
import type { OpenPlans } from "./open-plans.js";
import { type TapJob, TappedSessions } from "./tapped-sessions.js";
import type { HostTokenizer } from "./tokenizer.js";

/** The model, as far as running it needs to know it. */
export interface RunContext {
  readonly model: string;
  readonly optionsOf: (sessionFile: string) => ResolvedPrune | null;
  /** Those that the load opens are added; whoever made it closes them. */
  readonly plans: OpenPlans;
  readonly tokenizer: () => Promise<HostTokenizer>;
  /** null where nobody knows how to load the model again. */
  readonly reload: Reload | null;
  /** Threads that compute masks; the device's choice where absent. */
  readonly threads?: number | undefined;
  /** Where finished parts of a file's updates are put aside; null: in memory. */
  readonly unfinishedOf: (plan: Plan) => Unfinished | null;
}

/** What a run left. */
export interface TappedRun {
  /** The plans whose sessions were tapped, with the options of these sessions, as the host gave them. */
  readonly tapped: ReadonlyMap<Plan, SessionOptions>;
  readonly seconds: number;
}

/** Hears how far a run is, for each file that it calibrates. */
export type OnStep = (plan: Plan, done: number, total: number, item: string) => void;

/** Loads a model again and runs it. */
export class TappedRuns {
  private described = "";
  private readonly reload: Reload;

  /** @throws PruneError `bad-calibration` where the model cannot be loaded a second time */
  constructor(
    private readonly context: RunContext,
    private readonly how: ModelRun,
  ) {
    if (context.reload === null)
      throw new PruneError(
        "bad-calibration",
        `${context.model}: this calibration runs the whole model, which must be loaded a second time for it; ` +
          "prune() in session_options cannot do that: use pipeline() or withPrune()",
      );
    this.reload = context.reload;
  }

  /** What the model was run on, in words; known after the first run. */
  get calibration(): string {
    return this.described;
  }

  /** Whether this run calibrates a file. */
  readonly covers = (plan: Plan): boolean => runOf(plan, this.context.tokenizer)?.key === this.how.key;

  /**
   * Loads the model with its sessions tapped, runs it and disposes of it.
   *
   * @throws PruneError where the model or what is added to it cannot be opened; whatever the run throws
   */
  async next(tapOf: TapJob["tapOf"], onStep: OnStep): Promise<TappedRun> {
    const { optionsOf, plans } = this.context;
    let isCounted = false;
    const sessions = new TappedSessions({
      ...{ optionsOf, covers: this.covers, plans, tapOf },
      // Nobody knows how many runs of the user's there will be: the bar stands still while the count goes on.
      onRun: (plan, runs) => {
        if (!isCounted) onStep(plan, 0, 1, `run ${runs}`);
      },
    });
    const onSample = (done: number, total: number) => {
      isCounted = true;
      for (const plan of sessions.plans) onStep(plan, done, total, `sample ${done}`);
    };
    const start = performance.now();
    try {
      await this.reload(sessions, async (loaded) => {
        this.described = await this.how.run(loaded, onSample);
      });
    } catch (error) {
      await sessions.release();
      throw error;
    }
    if (!isCounted) for (const plan of sessions.plans) onStep(plan, 1, 1, "");
    return { tapped: sessions.sessionOptions, seconds: (performance.now() - start) / 1000 };
  }
}
