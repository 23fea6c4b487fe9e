/** PHO: coefficients that a cheap objective finds and a judge accepts. */
export { type Candidate, candidateKey } from "./candidate.js";
export { agreement, ranks, spearman } from "./correlation.js";
export { type Judge, judgeBy } from "./judge.js";
export type { Metric } from "./metric.js";
export type { Objective, OpenObjective } from "./objective.js";
export { refusalToMeasure } from "./objectives/by-device.js";
export { OBJECTIVE_NAMES, OBJECTIVES, type ObjectiveName, objectiveOf } from "./objectives/index.js";
export { defaultObjective, type ObjectiveChoice } from "./open-objective.js";
export { openSubject } from "./open-subject.js";
export { OPTIMISERS, type OptimiserName } from "./optimise/index.js";
export { PAGE_GENERATOR, tunePage } from "./page/index.js";
export { type PerplexityJudgeOptions, perplexityJudge } from "./perplexity-judge.js";
export { betterBaseline, type Finalist, type SearchedObjective, type TuneReport } from "./report.js";
export { type SearchStep, search } from "./search.js";
export {
  type JudgeSettings,
  OBJECTIVE_CHOICES,
  type ResolvedTuneSettings,
  readTuneSettings,
  TUNE_DEFAULTS,
  TUNE_OPTION_NAMES,
  TUNE_OPTIONS,
  type TuneSettingsOptions,
} from "./settings.js";
export { type Granularity, type SearchSpace, searchSpace } from "./space.js";
export { learnedCost, type ObjectiveStudy, type Study, type StudyRow, study } from "./study.js";
export type { Subject } from "./subject.js";
export { type ObjectiveCost, TimedObjective } from "./timed-objective.js";
export { type TuneSettings, type TuneState, tune } from "./tune.js";
