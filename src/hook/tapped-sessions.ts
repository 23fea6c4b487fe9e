/**
 * Calibration by running the whole model: it is loaded once more with its sessions tapped, whoever
 * calibrates runs it as an ordinary pipeline, and the taps count along.
 */
import type { ResolvedPrune } from "../options/index.js";
import type { Plan, SessionTap } from "../prune/index.js";
import { openEdited, type RuntimeSession, type SessionOptions } from "../runtime/index.js";
import { hostRuntime } from "./host.js";
import type { Create, SessionRequest } from "./intercept.js";
import type { OpenPlans } from "./open-plans.js";
import { modelFileOf, sameFileTwice, sessionFileName } from "./session-file.js";
import { SessionKeeper } from "./session-keeper.js";

/** What to tap. */
export interface TapJob {
  /** Options of a session file, null where it stays dense. */
  readonly optionsOf: (sessionFile: string) => ResolvedPrune | null;
  /** Whether a file is calibrated by this run; the others are opened as they are. */
  readonly covers: (plan: Plan) => boolean;
  /** Those that the load opens are added; whoever made it closes them. */
  readonly plans: OpenPlans;
  /** What a file's session is opened with; asked once for each file. */
  readonly tapOf: (plan: Plan) => SessionTap | Promise<SessionTap>;
  /** Called after each run of a tapped session with the number of its runs. */
  readonly onRun: (plan: Plan, runs: number) => void;
}

/** Opens the sessions of one model tapped. */
export class TappedSessions implements SessionRequest {
  private readonly sessions = new SessionKeeper();
  /** Options of the sessions that were tapped, as the host gave them. */
  readonly sessionOptions = new Map<Plan, SessionOptions>();

  constructor(private readonly job: TapJob) {}

  async open(model: unknown, options: SessionOptions, create: Create): Promise<RuntimeSession> {
    return this.sessions.open((keep) => this.openKept(model, options, async (...args) => keep(await create(...args))));
  }

  /** For when loading or the run fails: releases what is open. */
  release(): Promise<void> {
    return this.sessions.release();
  }

  private async openKept(model: unknown, options: SessionOptions, create: Create): Promise<RuntimeSession> {
    const { optionsOf, covers, plans, tapOf } = this.job;
    const file = modelFileOf(model, options);
    const wanted = optionsOf(sessionFileName(file.name));
    if (wanted === null) return create(model, options);
    const plan = await plans.open(file, wanted);
    if (plan.targets.length === 0 || !covers(plan)) return create(model, options);
    if (this.sessionOptions.has(plan)) throw sameFileTwice(file);
    this.sessionOptions.set(plan, options);
    const tap = await tapOf(plan);
    return this.tapped(await openEdited(hostRuntime(create), plan.model.onnx, tap.edits, options), plan, tap);
  }

  /** Plans whose sessions were tapped. */
  get plans(): readonly Plan[] {
    return [...this.sessionOptions.keys()];
  }

  /**
   * The session itself (the host assigns to it), with a `run` that takes the taps' outputs aside and
   * stops when the prune is aborted. What a caller passes beside the feeds only chooses among
   * outputs; here all are computed.
   */
  private tapped(session: RuntimeSession, plan: Plan, { outputNames, add }: SessionTap): RuntimeSession {
    const run = session.run.bind(session);
    let runs = 0;
    session.run = async (feeds) => {
      plan.options.signal?.throwIfAborted();
      const outputs = await run(feeds);
      add(outputs);
      this.job.onRun(plan, ++runs);
      return Object.fromEntries(Object.entries(outputs).filter(([name]) => !outputNames.has(name)));
    };
    return session;
  }
}
