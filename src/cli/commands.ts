/**
 * What the command line needs done, as calls, so that it can be tested without a model. bin.ts
 * hands in the real ones.
 */
import type {
  EstimateOptions,
  EvaluateOptions,
  EvaluationReport,
  exportCoefficients,
  HostLoadOptions,
  InspectReport,
  importCoefficients,
  listCoefficients,
  PruneEstimate,
  PruneModelOptions,
  PruneResult,
  TuneOptions,
  TuneResult,
} from "../hook/index.js";
import type { RunControl } from "../progress.js";
import type { Io } from "./io.js";

/** What the command line can do. */
export interface Commands {
  pruneModel(model: string, options: PruneModelOptions): Promise<PruneResult>;
  estimatePrune(model: string, options: EstimateOptions): Promise<PruneEstimate>;
  evaluateModel(model: string, options: EvaluateOptions): Promise<EvaluationReport>;
  inspectModel(model: string, options: HostLoadOptions & RunControl): Promise<InspectReport>;
  tune(model: string, options: TuneOptions): Promise<TuneResult>;
  readonly listCoefficients: typeof listCoefficients;
  readonly importCoefficients: typeof importCoefficients;
  readonly exportCoefficients: typeof exportCoefficients;
}

/** What each command has at hand. */
export interface CliContext {
  readonly io: Io;
  readonly commands: Commands;
}
