import { describe, expect, it } from "vitest";
import { dottedLabel } from "../../src/options/index.js";
import { plainRecord, readRecord } from "../../src/registry/index.js";
import { SHIPPED } from "../../src/registry/shipped.js";

describe("the shipped records", () => {
  it("are what a registry file may hold", () => {
    expect(SHIPPED.length).toBeGreaterThan(0);
    for (const record of SHIPPED)
      expect(readRecord(JSON.parse(JSON.stringify(plainRecord(record))), dottedLabel("shipped"))).toEqual(record);
  });

  it("are better than RIA and Wanda on the text that they were judged by", () => {
    for (const { judged } of SHIPPED) expect(judged.tuned).toBeLessThan(Math.min(judged.ria ?? 0, judged.wanda ?? 0));
  });

  it("are one for each model, method and pattern", () => {
    const keys = SHIPPED.map(({ model, method, pattern }) => [model.fingerprint, method, pattern].join(" "));
    expect(new Set(keys).size).toBe(keys.length);
  });
});
