import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutWindows, type Tokenizer, windowsBehind } from "../../src/calibrate/index.js";
import { resolvePruneOption } from "../../src/options/index.js";
import type { ResolvedCalibration } from "../../src/options/types.js";

const calibrationOf = (calibration: object): ResolvedCalibration => {
  const options = resolvePruneOption({ calibration }).forFile("model");
  if (options === null) throw new Error("left dense");
  return options.calibration;
};

/** One token a word, which is a number: its place in the text. */
const words: Tokenizer = { encode: (text) => text.split(/\s+/).map(Number), bosId: -1 };
const textOf = (tokens: number) => Array.from({ length: tokens }, (_, place) => place).join(" ");
const noTokenizer = () => Promise.reject(new Error("asked for a tokenizer"));

describe("windows behind those that are calibrated on", () => {
  it("are unseen exactly where calibration has none of their tokens, and lie behind wherever the text goes on", async () => {
    const sizes = fc.record({
      tokens: fc.integer({ min: 1, max: 200 }),
      samples: fc.record({
        count: fc.integer({ min: 1, max: 5 }),
        length: fc.integer({ min: 2, max: 30 }),
        bos: fc.boolean(),
      }),
      wanted: fc.record({ count: fc.integer({ min: 1, max: 4 }), length: fc.integer({ min: 1, max: 20 }) }),
    });
    await fc.assert(
      fc.asyncProperty(sizes, async ({ tokens, samples, wanted }) => {
        const texts = textOf(tokens);
        const seen = new Set(cutWindows(texts, words, samples).flat());
        const found = await windowsBehind(calibrationOf({ texts, ...samples }), wanted, async () => words);
        const { windows = [], unseen } = found ?? {};
        const judged = windows.flat();
        expect(unseen).toBe(judged.every((token) => !seen.has(token)));
        expect(judged).toEqual(judged.map((_, i) => (judged[0] as number) + i));
        expect(windows.length).toBe(Math.min(wanted.count, Math.max(1, Math.floor(tokens / wanted.length))));
        const room = (wanted.count + 1) * wanted.length + samples.count * samples.length;
        if (tokens >= room) expect(unseen).toBe(true);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it("of token ids are the last ones, which calibration has seen", async () => {
    const calibration = calibrationOf({ tokens: [[0, 1, 2, 3], [4], [5, 6]] });
    const behind = (count: number, length: number) => windowsBehind(calibration, { count, length }, noTokenizer);
    expect(await behind(2, 3)).toEqual({
      windows: [
        [1, 2, 3],
        [4, 5, 6],
      ],
      unseen: false,
    });
    expect(await behind(4, 3)).toEqual(await behind(2, 3));
    expect(await behind(4, 8)).toEqual({ windows: [[0, 1, 2, 3, 4, 5, 6]], unseen: false });
  });

  it("are none where calibration is neither by text nor by token ids", async () => {
    const wanted = { count: 1, length: 4 };
    expect(await windowsBehind(calibrationOf({ feeds: [{}] }), wanted, noTokenizer)).toBeNull();
    expect(await windowsBehind(calibrationOf({ run: () => 0 }), wanted, noTokenizer)).toBeNull();
  });
});
