/**
 * Plans of the session files of one model. The host opens its sessions side by side, and a run that
 * calibrates them loads the model once more meanwhile; whoever asks for a file gets the same plan.
 */
import type { ResolvedPrune } from "../options/index.js";
import { type ModelFile, openPlan, type Plan } from "../prune/index.js";
import type { CoefficientLibrary } from "../registry/index.js";
import { fileKey } from "./session-file.js";

/** Opens the plan of each file once. */
export class OpenPlans {
  private readonly plans = new Map<string, Promise<Plan>>();

  /** @param library what is known of coefficients */
  constructor(private readonly library: CoefficientLibrary) {}

  /** A plan that somebody else opened, and closes. */
  add(file: Pick<ModelFile, "input" | "name">, plan: Plan): void {
    this.plans.set(fileKey(file), Promise.resolve(plan));
  }

  /**
   * The plan of a file; with the options of the first who asks, which are the same for all.
   *
   * @throws PruneError as `openPlan` says
   */
  open(file: ModelFile, wanted: ResolvedPrune): Promise<Plan> {
    const key = fileKey(file);
    const plan = this.plans.get(key) ?? openPlan(file, wanted, this.library);
    this.plans.set(key, plan);
    return plan;
  }

  /** Plans asked for so far; one that could not be opened is left out, because whoever asked for it has heard. */
  async all(): Promise<Plan[]> {
    const settled = await Promise.allSettled(this.plans.values());
    return settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  }

  /** Closes all files but those of `kept`. Nothing may be asked for while it does. */
  async close(kept: readonly Plan[] = []): Promise<void> {
    const plans = await this.all();
    this.plans.clear();
    await Promise.all(plans.filter((plan) => !kept.includes(plan)).map((plan) => plan.model.onnx.close()));
  }
}
