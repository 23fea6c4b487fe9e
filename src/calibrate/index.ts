/** Calibration: samples in, statistics of input channels out. */
export { type CollectControl, collectStatistics } from "./collect.js";
export { TapCollector, type TargetStatistics } from "./collector.js";
export { DRAFT_PREFIX, END, GraphDraft } from "./draft.js";
export { textFeeds } from "./feeds.js";
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
