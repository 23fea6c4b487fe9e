/** Progress of a tuning as events: its phases with rough shares of the whole, and how long the search will take. */
import type { Phase, RunControl } from "../progress.js";
import type { ResolvedTuneSettings, SearchStep } from "../tune/index.js";

/** Shares of the phases; they count relative to each other. A study judges many candidates. */
const SHARES = { calibrate: 10, study: 150, search: 40, evaluate: 20 } as const satisfies Partial<
  Record<Phase, number>
>;

type TunePhase = keyof typeof SHARES;

export class TuneMeter {
  private highest = 0;
  private readonly order: readonly TunePhase[];

  constructor(
    private readonly onProgress: RunControl["onProgress"],
    private readonly file: string,
    /** With the name of the judge. */
    private readonly settings: Pick<ResolvedTuneSettings, "passes" | "study" | "evaluations"> & {
      readonly judge: string;
    },
  ) {
    this.order =
      settings.study > 0 ? ["calibrate", "study", "search", "evaluate"] : ["calibrate", "search", "evaluate"];
  }

  /** @param total samples of one pass */
  calibrate(pass: number, done: number, total: number | null): void {
    const { passes } = this.settings;
    this.say("calibrate", pass * (total ?? 0) + done, passes * (total ?? done), `sample ${done}`);
  }

  /** The dense model, RIA and Wanda are judged before the search; what is judged is the end of the whole otherwise. */
  baseline(done: number): void {
    const item = `${this.settings.judge} of ${["the dense model", "RIA", "Wanda"][done - 1]}`;
    this.onProgress?.({ phase: "evaluate", file: this.file, done, total: 3, item, percent: this.highest });
  }

  study(done: number): void {
    this.say("study", done, this.settings.study, `candidate ${done}`);
  }

  search(step: SearchStep, done: number): void {
    const { evaluations } = this.settings;
    const left = (step.seconds / done) * (evaluations - done);
    const best = step.best.toPrecision(5);
    this.say("search", done, evaluations, `generation ${step.generation}, best ${best}, ${duration(left)} left`);
  }

  check(done: number, total: number): void {
    this.say("evaluate", done, total, `${this.settings.judge} ${done} of ${total}`);
  }

  private say(phase: TunePhase, done: number, total: number, item: string): void {
    if (this.onProgress === undefined) return;
    const shareOf = (phases: readonly TunePhase[]) => phases.reduce((sum, one) => sum + SHARES[one], 0);
    const before = shareOf(this.order.slice(0, this.order.indexOf(phase)));
    const within = SHARES[phase] * (total > 0 ? Math.min(1, done / total) : 1);
    this.highest = Math.max(this.highest, (100 * (before + within)) / shareOf(this.order));
    this.onProgress({ phase, file: this.file, done, total, item, percent: this.highest });
  }
}

const duration = (seconds: number): string =>
  seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
