/** Calibration: samples in, statistics of input channels out. */
export { type CollectControl, type CollectOptions, collectStatistics } from "./collect.js";
export { collectMoments } from "./collect-moments.js";
export { TapCollector, type TargetStatistics } from "./collector.js";
export { DRAFT_PREFIX, END, GraphDraft } from "./draft.js";
export { textFeeds } from "./feeds.js";
export {
  MomentCollector,
  type MomentPlan,
  planMoments,
  type TargetMoments,
} from "./moments.js";
export {
  calibrationText,
  longestRun,
  openSamples,
  type Samples,
  type TokenCalibration,
  tokenSamples,
  type WindowsBehind,
  windowsBehind,
} from "./samples.js";
export { planTaps, type TapPlan } from "./taps.js";
export { cutAllWindows, cutWindows, type Tokenizer } from "./windows.js";
