/**
 * The judge that the settings of `tune()` ask for: what is known of it before the model is calibrated,
 * with what is wrong about it refused by then, and how it is opened afterwards.
 */
import { cutAllWindows, type Tokenizer } from "../calibrate/index.js";
import { PERPLEXITY, type RecordedJudge } from "../registry/index.js";
import { sha256 } from "../store/folders.js";
import { type Judge, type JudgeSettings, type PerplexityJudgeOptions, perplexityJudge } from "../tune/index.js";
import { type MetricJudgeOptions, metricJudge } from "./metric-judge.js";

/** A judge that is not open yet. */
export interface ChosenJudge {
  /** As reports and records have it. */
  readonly described: RecordedJudge;
  /** What its figures depend on beside the model and how it is pruned, for checkpoints. */
  readonly identity: readonly unknown[];
  /** @param known `results` of an earlier, stopped run */
  open(prepared: Omit<PerplexityJudgeOptions, "windows">, known?: Judge["results"]): Judge;
}

/**
 * Chooses the judge.
 *
 * @param loading how a metric loads the model
 * @throws PruneError `bad-option` where the text is too short
 */
export function chooseJudge(
  settings: JudgeSettings,
  tokenizer: Tokenizer,
  loading: Omit<MetricJudgeOptions, "metric">,
): ChosenJudge {
  switch (settings.kind) {
    case "perplexity": {
      const { text, length, windows: count } = settings;
      const windows = cutAllWindows(text, tokenizer, { count, length, bos: false }, "tune(): text");
      const described = { name: "the given text", sha256: sha256(text), windows: windows.length, length };
      return {
        described: { name: PERPLEXITY, text: described },
        identity: [PERPLEXITY, described],
        open: (prepared, known) => perplexityJudge({ ...prepared, windows }, known),
      };
    }
    case "metric": {
      const { metric } = settings;
      return {
        described: { name: metric.name, text: null },
        identity: ["metric", metric.name, metric.task],
        open: (_, known) => metricJudge({ ...loading, metric }, known),
      };
    }
    default:
      return settings satisfies never;
  }
}
