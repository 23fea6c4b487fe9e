/**
 * Calibration samples in the order they are run: windows of a text, token ids, or ready feeds; and the
 * windows behind them, for whoever judges what came of the calibration.
 */
import { PruneError } from "../errors.js";
import type { CalibrationSource, RawFeeds, ResolvedCalibration } from "../options/types.js";
import type { Runtime, RuntimeSession } from "../runtime/index.js";
import { textFeeds } from "./feeds.js";
import { cutWindows, type Tokenizer, type WindowOptions } from "./windows.js";

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
    case "texts":
    case "tokens": {
      const { ids, description } = await tokenSamples({ ...calibration, source }, tokenizer);
      return fromTokens(ids, description, file);
    }
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

/** A calibration whose samples are token ids, or become such. */
export type TokenCalibration = ResolvedCalibration & {
  readonly source: Extract<CalibrationSource, { kind: "built-in" | "texts" | "tokens" }>;
};

/**
 * Token ids of the samples, one array each, and what they are in words.
 *
 * @param tokenizer asked for only where there is text
 * @throws PruneError as `cutWindows` says
 */
export async function tokenSamples(
  calibration: TokenCalibration,
  tokenizer: () => Promise<Tokenizer>,
): Promise<{ readonly ids: readonly (readonly number[])[]; readonly description: string }> {
  const { source } = calibration;
  if (source.kind === "tokens") return { ids: source.samples, description: `${amount(source.samples)} of token ids` };
  const { text, name } = await calibrationText(source);
  const ids = cutWindows(text, await tokenizer(), calibration);
  const wanted = ids.length < calibration.count ? ` (${calibration.count} were asked for)` : "";
  return { ids, description: `${amount(ids)} of ${ids[0]?.length} tokens of ${name}${wanted}` };
}

/** Tokens that the longest run over these samples holds. */
export const longestRun = (ids: readonly (readonly number[])[]): number =>
  ids.reduce((most, { length }) => Math.max(most, length), Math.min(TOKENS_PER_RUN, ids.flat().length));

/** Windows of the text or the token ids that a calibration has as samples, for judging what came of it. */
export interface WindowsBehind {
  /** Token ids, [windows][length], without BOS; one shorter window where there are fewer than `length` ids in all. */
  readonly windows: number[][];
  /** Whether calibration meets none of these tokens. */
  readonly unseen: boolean;
}

/**
 * Up to `count` windows of `length` tokens behind those that are calibrated on. Where the text ends sooner they
 * are its last ones, and of token ids, all of which are samples, they are always the last ones: then they are
 * not unseen.
 *
 * @param tokenizer asked for only where there is text
 * @returns null where calibration is neither by text nor by token ids
 * @throws PruneError as `cutWindows` says
 */
export async function windowsBehind(
  calibration: ResolvedCalibration,
  { count, length }: Pick<WindowOptions, "count" | "length">,
  tokenizer: () => Promise<Tokenizer>,
): Promise<WindowsBehind | null> {
  const { source } = calibration;
  switch (source.kind) {
    case "built-in":
    case "texts": {
      const { text } = await calibrationText(source);
      const opened = await tokenizer();
      const startTokens = calibration.bos ? 1 : 0;
      const seen = cutWindows(text, opened, calibration).reduce((sum, ids) => sum + ids.length - startTokens, 0);
      const all = cutWindows(text, opened, { count: Math.ceil(seen / length) + count, length, bos: false });
      const first = Math.max(0, all.length - count);
      return { windows: all.slice(first), unseen: first * length >= seen };
    }
    case "tokens": {
      const ids = source.samples.flat();
      const whole = Math.min(count, Math.floor(ids.length / length));
      const start = ids.length - whole * length;
      const windows = Array.from({ length: whole }, (_, i) => ids.slice(start + i * length, start + (i + 1) * length));
      return { windows: whole === 0 ? [ids] : windows, unseen: false };
    }
    case "feeds":
    case "run":
      return null;
    default:
      return source satisfies never;
  }
}

/** The text that a source of text stands for, and what a report calls it. The built-in one is loaded when it is asked for. */
export async function calibrationText(
  source: Extract<CalibrationSource, { kind: "built-in" | "texts" }>,
): Promise<{ readonly text: string; readonly name: string }> {
  if (source.kind === "texts") return { text: source.text, name: "the given text" };
  return { text: (await import("./sample-text.js")).SAMPLE_TEXT, name: "the built-in text" };
}

const amount = ({ length }: readonly unknown[]): string => `${length} ${length === 1 ? "sample" : "samples"}`;

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
      for (const batch of ofEqualLength(filled, largestBatch(session)))
        yield { feeds: textFeeds(runtime, session, batch, file), samples: batch.length };
    },
  };
}

/** Sequences that a session takes at once: what the file fixes, as a rule any number. */
function largestBatch({ inputMetadata }: RuntimeSession): number {
  const [batch] = inputMetadata.find(({ name }) => name === "input_ids")?.shape ?? [];
  return typeof batch === "number" ? batch : Number.POSITIVE_INFINITY;
}

/** Consecutive samples of one length, as many as fit a run: batches need no padding then. */
function* ofEqualLength(
  samples: readonly (readonly number[])[],
  most: number,
): Iterable<readonly (readonly number[])[]> {
  let batch: (readonly number[])[] = [];
  for (const ids of samples) {
    const fits = ids.length === batch[0]?.length && (batch.length + 1) * ids.length <= TOKENS_PER_RUN;
    if (batch.length > 0 && !(fits && batch.length < most)) {
      yield batch;
      batch = [];
    }
    batch.push(ids);
  }
  if (batch.length > 0) yield batch;
}
