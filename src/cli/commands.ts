/**
 * What the command line needs done: three calls, so that it can be tested without a model. bin.ts
 * hands in the real ones.
 */
import type {
  EvaluateOptions,
  EvaluationReport,
  HostLoadOptions,
  InspectReport,
  PruneModelOptions,
  PruneResult,
} from "../hook/index.js";
import type { RunControl } from "../progress.js";
import type { Io } from "./io.js";

/** What the command line can do. */
export interface Commands {
  pruneModel(model: string, options: PruneModelOptions): Promise<PruneResult>;
  evaluateModel(model: string, options: EvaluateOptions): Promise<EvaluationReport>;
  inspectModel(model: string, options: HostLoadOptions & RunControl): Promise<InspectReport>;
}

/** What each command has at hand. */
export interface CliContext {
  readonly io: Io;
  readonly commands: Commands;
}
