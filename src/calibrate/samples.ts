/**
 * Calibration samples in the order they are run: windows of a text, token ids, or ready feeds.
 */
import { PruneError } from "../errors.js";
import type { RawFeeds, ResolvedCalibration } from "../options/types.js";
import type { Runtime, RuntimeSession } from "../runtime/index.js";
import { textFeeds } from "./feeds.js";
import { cutWindows, type Tokenizer } from "./windows.js";

/** Short samples are batched up to about this many tokens a run; more gains nothing on a CPU. */
const TOKENS_PER_RUN = 512;

/** Samples that need a session's input list to become feeds. */
export interface Samples {
  /** Number of samples, null where a stream does not say. */
  readonly total: number | null;
  /** Whether feeds may hold padding. */
  readonly padding: boolean;
  /** In words, for the report. */
  readonly description: string;
  /** Feeds of one run after another, and how many samples each holds. */
  batches(runtime: Runtime, session: RuntimeSession): AsyncIterable<{ feeds: RawFeeds; samples: number }>;
}

/**
 * The samples of a resolved calibration.
 *
 * @param tokenizer asked for only where there is text
 * @throws PruneError `bad-calibration` where nothing is left to calibrate on
 */
export async function openSamples(
  calibration: ResolvedCalibration,
  tokenizer: () => Promise<Tokenizer>,
  file: string,
): Promise<Samples> {
  const { source } = calibration;
  switch (source.kind) {
    case "built-in":
    case "texts": {
      const text = source.kind === "texts" ? source.text : (await import("./sample-text.js")).SAMPLE_TEXT;
      const windows = cutWindows(text, await tokenizer(), calibration);
      const from = source.kind === "texts" ? "the given text" : "the built-in text";
      const lengths = windows.length === 0 ? "" : ` of ${windows[0]?.length} tokens`;
      return fromTokens(windows, `${windows.length} samples${lengths} of ${from}`, file);
    }
    case "tokens":
      return fromTokens(source.samples, `${source.samples.length} samples of token ids`, file);
    case "feeds":
      return {
        total: null,
        padding: true,
        description: "the given feeds",
        async *batches() {
          for await (const feeds of source.feeds) yield { feeds, samples: 1 };
        },
      };
    case "run":
      throw new PruneError(
        "bad-calibration",
        `${file}: calibration by run() needs the pipeline; give it to pipeline() or withPrune(), or calibrate with texts, tokens or feeds`,
      );
    default:
      return source satisfies never;
  }
}

function fromTokens(samples: readonly (readonly number[])[], description: string, file: string): Samples {
  const filled = samples.filter((ids) => ids.length > 0);
  if (filled.length === 0)
    throw new PruneError("bad-calibration", `${file}: calibration has no tokens; give a text of at least a few words`, {
      details: { file },
    });
  return {
    total: filled.length,
    padding: false,
    description,
    async *batches(runtime, session) {
      for (const batch of ofEqualLength(filled))
        yield { feeds: textFeeds(runtime, session, batch, file), samples: batch.length };
    },
  };
}

/** Consecutive samples of one length, as many as fit a run: batches need no padding then. */
function* ofEqualLength(samples: readonly (readonly number[])[]): Iterable<(readonly number[])[]> {
  let batch: (readonly number[])[] = [];
  for (const ids of samples) {
    const length = batch[0]?.length ?? 0;
    if (batch.length > 0 && (ids.length !== length || (batch.length + 1) * length > TOKENS_PER_RUN)) {
      yield batch;
      batch = [];
    }
    batch.push(ids);
  }
  if (batch.length > 0) yield batch;
}
