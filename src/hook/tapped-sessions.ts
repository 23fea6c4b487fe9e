/**
 * Calibration through `run(pipe)`: the model is loaded once more with every session tapped, the
 * user's function runs it as it likes, and the taps count along. The user sees an ordinary pipeline.
 */
import { planTaps, TapCollector, type TargetStatistics } from "../calibrate/index.js";
import type { ResolvedPrune } from "../options/index.js";
import { openPlan, type Plan, type TensorEdits } from "../prune/index.js";
import { openEdited, type RuntimeSession, type SessionOptions } from "../runtime/index.js";
import { hostRuntime } from "./host.js";
import type { Create, SessionRequest } from "./intercept.js";
import { modelFileOf, sessionFileName } from "./session-file.js";

/** Opens the sessions of one model tapped, and keeps what their taps counted. */
export class TappedSessions implements SessionRequest {
  /** Plans of the files seen, by file name; they outlive the sessions. */
  readonly plans: Map<string, Plan>;
  private readonly collectors = new Map<Plan, TapCollector>();

  /**
   * @param optionsOf options of a session file, null where it is not calibrated by `run`
   * @param plans plans of an earlier pass, to be used again
   * @param tensors tensors that an earlier pass pruned
   */
  constructor(
    private readonly optionsOf: (sessionFile: string) => ResolvedPrune | null,
    plans: ReadonlyMap<string, Plan>,
    private readonly tensors: ReadonlyMap<Plan, TensorEdits>,
  ) {
    this.plans = new Map(plans);
  }

  async open(model: unknown, options: SessionOptions, create: Create): Promise<RuntimeSession> {
    const file = modelFileOf(model, options);
    const wanted = this.optionsOf(sessionFileName(file.name));
    if (wanted === null) return create(model, options);
    const plan = this.plans.get(file.name) ?? (await openPlan(file, wanted));
    this.plans.set(file.name, plan);
    if (plan.targets.length === 0) return create(model, options);
    const taps = planTaps(plan.model, plan.targets, { padding: true, keepOutputs: true });
    const edits = { ...taps.edits, tensors: this.tensors.get(plan) ?? new Map() };
    const session = await openEdited(hostRuntime(create), plan.model.onnx, edits, options);
    const collector = new TapCollector(taps.taps);
    this.collectors.set(plan, collector);
    return withTapsTaken(session, collector);
  }

  /**
   * What the taps counted, per file.
   *
   * @throws PruneError `bad-calibration` where a weight saw no token; `bad-statistics`
   */
  statistics(): Map<Plan, TargetStatistics> {
    return new Map([...this.collectors].map(([plan, collector]) => [plan, collector.statistics()]));
  }
}

/** The session itself (the host assigns to it), with a `run` that takes the taps' outputs aside. */
function withTapsTaken(session: RuntimeSession, collector: TapCollector): RuntimeSession {
  const names = collector.outputNames;
  const run = session.run.bind(session);
  session.run = async (feeds) => {
    const outputs = await run(feeds);
    collector.add(outputs);
    return Object.fromEntries(Object.entries(outputs).filter(([name]) => !names.has(name)));
  };
  return session;
}
