/**
 * Text to windows of tokens, the way calibration and perplexity both cut it: the whole text is
 * tokenised without special tokens and cut from the start into windows, which do not overlap unless asked to.
 */
import { PruneError } from "../errors.js";

/** What the package needs of a tokenizer. */
export interface Tokenizer {
  /** Token ids of a text, without special tokens. */
  encode(text: string): readonly number[];
  /** Id of the token that starts a sequence, null where the tokenizer has none. */
  readonly bosId: number | null;
}

export interface WindowOptions {
  /** Windows wanted. */
  readonly count: number;
  /** Tokens of a window, BOS included. */
  readonly length: number;
  /** Start every window with BOS; it then holds length − 1 tokens of text. */
  readonly bos: boolean;
  /** Tokens of text from one window's start to the next one's; absent: windows do not overlap. */
  readonly stride?: number;
}

/** Characters of text that are enough for one token in all but odd texts; a first guess, checked. */
const CHARACTERS_PER_TOKEN = 12;
/** A cut through the text can change the last tokens before it, never those that are this many away. */
const TOKENS_NEAR_CUT = 256;

/**
 * The first `count` windows of `length` token ids; fewer where the text ends sooner. The last,
 * incomplete window is dropped, unless it is the only one.
 *
 * @throws PruneError `bad-option` where BOS is asked for and the tokenizer has none, or where a window
 *   holds no text
 */
export function cutWindows(
  text: string,
  tokenizer: Tokenizer,
  { count, length, bos, stride }: WindowOptions,
): number[][] {
  const { bosId } = tokenizer;
  if (bos && bosId === null)
    throw new PruneError("bad-option", "bos is set, but the tokenizer has no BOS token; leave bos out");
  const start = bos ? [bosId as number] : [];
  const held = length - start.length;
  const step = stride ?? held;
  if (!(held >= 1))
    throw new PruneError(
      "bad-option",
      `a window of ${length} tokens${bos ? " with BOS" : ""} holds no text; give a larger length`,
    );
  const ids = encodeEnough(text, tokenizer, (count - 1) * step + held);
  const windows: number[][] = [];
  for (let at = 0; windows.length < count && at + held <= ids.length; at += step)
    windows.push([...start, ...ids.slice(at, at + held)]);
  if (windows.length === 0 && ids.length > 0) windows.push([...start, ...ids]);
  return windows;
}

/**
 * The windows that were asked for, all of them and all whole.
 *
 * @param what what the text is called in messages
 * @throws PruneError `bad-option` where the text is too short, and as {@link cutWindows}
 */
export function cutAllWindows(text: string, tokenizer: Tokenizer, options: WindowOptions, what: string): number[][] {
  const { count, length } = options;
  const windows = cutWindows(text, tokenizer, options);
  const whole = windows.filter((window) => window.length === length).length;
  if (whole === count) return windows;
  throw new PruneError(
    "bad-option",
    `${what} holds ${whole} windows of ${length} tokens, ${count} are asked for; give a longer text or fewer windows`,
    { details: { option: "text", found: whole, expected: count } },
  );
}

/** Tokenises only as much of a long text as `needed` tokens take; their ids are those of the whole text. */
function encodeEnough(text: string, tokenizer: Tokenizer, needed: number): readonly number[] {
  const enough = (needed + TOKENS_NEAR_CUT) * CHARACTERS_PER_TOKEN;
  const end = text.length > enough ? text.lastIndexOf("\n", enough) : -1;
  if (end > 0) {
    const ids = tokenizer.encode(text.slice(0, end));
    if (ids.length >= needed + TOKENS_NEAR_CUT) return ids;
  }
  return tokenizer.encode(text);
}
