import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { cutWindows, type Tokenizer } from "../../src/calibrate/index.js";
import { SAMPLE_TEXT } from "../../src/calibrate/sample-text.js";
import { AUSTEN, austenTokenizer } from "../helpers/tokenizer.js";

/** One token a character, by its code; BOS is −1. Counts the characters that it was given. */
function characters(): Tokenizer & { encoded: number } {
  return {
    encoded: 0,
    bosId: -1,
    encode(text) {
      this.encoded += text.length;
      return Array.from(text, (character) => character.codePointAt(0) as number);
    },
  };
}

describe("windows of a text", () => {
  it("are the ids of the whole text, cut from the start without overlap, each of full length", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "b", " ", "\n", "é"), maxLength: 400 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 2, max: 20 }),
        fc.boolean(),
        (text, count, length, bos) => {
          const whole = characters().encode(text);
          const windows = cutWindows(text, characters(), { count, length, bos });
          const ids = windows.map((window) => (bos ? window.slice(1) : window));
          expect(ids.flat()).toEqual(whole.slice(0, ids.flat().length));
          if (bos) expect(windows.every(([first]) => first === -1)).toBe(true);
          const step = bos ? length - 1 : length;
          const full = Math.min(count, Math.floor(whole.length / step));
          // A text too short for one window is a window all the same.
          expect(windows).toHaveLength(full === 0 && whole.length > 0 ? 1 : full);
          if (full > 0) expect(windows.every((window) => window.length === length)).toBe(true);
          else expect(ids.flat()).toEqual(whole);
        },
      ),
      { seed: 1, numRuns: 300 },
    );
  });

  it("are none where there is no text", () => {
    expect(cutWindows("", characters(), { count: 4, length: 8, bos: true })).toEqual([]);
  });

  it("do not cost the tokenising of a whole book", () => {
    const tokenizer = characters();
    cutWindows("It was a dark night.\n".repeat(100_000), tokenizer, { count: 4, length: 100, bos: false });
    expect(tokenizer.encoded).toBeLessThan(10_000);
  });

  it("are complete where a token takes far more characters than usual", () => {
    const lines: Tokenizer = { encode: (text) => text.split("\n").map((line) => Number(line)), bosId: null };
    const text = Array.from({ length: 1000 }, (_, k) => `${k}`.padStart(80)).join("\n");
    const windows = cutWindows(text, lines, { count: 10, length: 10, bos: false });
    expect(windows.flat()).toEqual(Array.from({ length: 100 }, (_, k) => k));
  });

  it("need no second tokenising where the text is short", () => {
    const tokenizer = characters();
    cutWindows("It was a dark night.\n".repeat(100), tokenizer, { count: 32, length: 512, bos: false });
    expect(tokenizer.encoded).toBe(2100);
  });

  it("with BOS need a tokenizer that has one", () => {
    const without = { ...characters(), bosId: null };
    expect(() => cutWindows("text", without, { count: 1, length: 8, bos: true })).toThrow(
      /no BOS token; leave bos out/,
    );
  });

  it.each([
    [0, false],
    [1, true],
    [Number.NaN, false],
  ])("of %d tokens (BOS: %s) hold no text", (length, bos) => {
    expect(() => cutWindows("text", characters(), { count: 1, length, bos })).toThrow(/holds no text; give a larger/);
  });
});

describe("windows by a real tokenizer", () => {
  let tokenizer: Tokenizer;
  let texts: Readonly<Record<string, string>>;
  beforeAll(async () => {
    tokenizer = await austenTokenizer();
    texts = { novel: (await readFile(`${AUSTEN}/persuasion.txt`, "utf8")).slice(0, 150_000), mixed: SAMPLE_TEXT };
  });

  it.each(["novel", "mixed"])("are those of the whole %s text, however little of it is tokenised", (name) => {
    const text = texts[name] as string;
    const whole = tokenizer.encode(text);
    const seen: number[] = [];
    const watched: Tokenizer = {
      bosId: 7,
      encode: (part) => {
        seen.push(part.length);
        return tokenizer.encode(part);
      },
    };
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 2, max: 64 }),
        fc.boolean(),
        (count, length, bos) => {
          const windows = cutWindows(text, watched, { count, length, bos });
          const ids = windows.flatMap((window) => (bos ? window.slice(1) : window));
          expect(ids).toEqual(whole.slice(0, count * (bos ? length - 1 : length)));
        },
      ),
      { seed: 2, numRuns: 25 },
    );
    expect(Math.min(...seen)).toBeLessThan(text.length / 4);
  });
});
