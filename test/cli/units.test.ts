import { describe, expect, it } from "vitest";
import { formatTable } from "../../src/cli/text-table.js";
import {
  formatBytes,
  formatJudged,
  formatPerplexity,
  formatSeconds,
  formatShare,
  formatSteps,
} from "../../src/cli/units.js";

describe("numbers for people", () => {
  it.each([
    [formatBytes, 0, "0 B"],
    [formatBytes, 999, "999 B"],
    [formatBytes, 1000, "1.0 kB"],
    [formatBytes, 999_999, "1.0 MB"],
    [formatBytes, 539_285_833, "539.3 MB"],
    [formatBytes, 2_147_483_648, "2.15 GB"],
    [formatSeconds, 0.04, "0.0 s"],
    [formatSeconds, 9.96, "10 s"],
    [formatSeconds, 99.4, "99 s"],
    [formatSeconds, 185, "3 min 5 s"],
    [formatShare, 0, "0.0%"],
    [formatShare, 0.000001, "<0.1%"],
    [formatShare, 0.5, "50.0%"],
    [formatShare, 0.99999, ">99.9%"],
    [formatShare, 1, "100.0%"],
    [formatPerplexity, 29.602, "29.60"],
    [formatPerplexity, 2654.924, "2,654.92"],
    [formatPerplexity, 12_345_678, "1.23e+7"],
    [formatJudged, 147.204, "147.20"],
    [formatJudged, 0.123456, "0.1235"],
    [formatJudged, -1.5, "−1.50"],
    [formatJudged, 0, "0"],
    [formatPerplexity, Number.POSITIVE_INFINITY, "Infinity"],
  ])("%o of %d is %s", (format, value, text) => expect(format(value)).toBe(text));

  it("gives large totals a unit", () => {
    expect(formatSteps(12, 32)).toBe("12/32");
    expect(formatSteps(134_821_458, 539_285_833)).toBe("134.8/539.3 M");
  });
});

describe("formatTable", () => {
  it("lines columns up and leaves no trailing spaces", () => {
    const rows = [["", "dense", "pruned"], ["zeros", "0", "1,234", "half"], ["bytes"]];
    expect(formatTable(rows, ["left", "right", "right", "left"])).toEqual([
      "       dense  pruned",
      "zeros      0   1,234  half",
      "bytes",
    ]);
  });

  it("makes nothing of nothing", () => expect(formatTable([], ["left"])).toEqual([]));
});
