import { describe, expect, it } from "vitest";
import type { ListedCoefficients } from "../../src/hook/index.js";
import { plainRecord } from "../../src/registry/index.js";
import { recordOf } from "../registry/arbitrary-record.js";
import { run } from "./harness.js";

const RECORD = recordOf();
const LISTED: readonly ListedCoefficients[] = [
  { from: "tuned", record: RECORD },
  {
    from: "shipped",
    record: recordOf({
      pattern: "50% by row",
      family: null,
      model: { ...RECORD.model, name: "another/one" },
      judge: { name: "error rate", text: null },
      judged: { dense: null, ria: null, wanda: 0, tuned: 0.01234 },
    }),
  },
];

describe("coefficients list", () => {
  it("is a table of what is known", async () => {
    const { code, stdout, calls } = await run(["coefficients", "list", "--cache-dir", "/cache"], {
      commands: { listCoefficients: async () => LISTED },
    });
    expect(code).toBe(0);
    expect(calls[0]?.slice(0, 2)).toEqual(["listCoefficients", { cache_dir: "/cache" }]);
    expect(stdout).toMatchInlineSnapshot(`
      "from     family     method  pattern     judge         ria  wanda    tuned  date        model
      tuned    llama/512  crepe   2:4         perplexity  40.00  41.50    35.00  2026-01-31  someone/small
      shipped  unknown    crepe   50% by row  error rate             0  0.01234  2026-01-31  another/one
      "
    `);
  });

  it("says what to do where nothing is known", async () => {
    const { stdout } = await run(["coefficients", "list"]);
    expect(stdout).toBe("no coefficients are known; run transformers-prune tune, or import a registry file\n");
  });

  it("prints records as files hold them with --json", async () => {
    const { stdout } = await run(["coefficients", "list", "--json"], {
      commands: { listCoefficients: async () => LISTED },
    });
    expect(JSON.parse(stdout)).toEqual(LISTED.map(({ from, record }) => ({ from, record: plainRecord(record) })));
  });
});

describe("coefficients import and export", () => {
  it("name the file, and say how much went over", async () => {
    const imported = await run(["coefficients", "import", "theirs.json"], {
      commands: { importCoefficients: async () => [RECORD] },
    });
    expect(imported.stdout).toBe("1 record imported\n");
    expect(imported.calls[0]).toEqual(["importCoefficients", "theirs.json", {}]);
    const exported = await run(["coefficients", "export", "ours.json", "--cache-dir", "/cache"], {
      commands: { exportCoefficients: async () => [RECORD, RECORD] },
    });
    expect(exported.stdout).toBe("2 records exported to ours.json\n");
    expect(exported.calls[0]).toEqual(["exportCoefficients", "ours.json", { cache_dir: "/cache" }]);
    const nothing = await run(["coefficients", "import", "theirs.json"]);
    expect(nothing.stdout).toBe("nothing was imported: what is known here is as new\n");
  });

  it.each([
    [["coefficients"], "Usage: transformers-prune coefficients"],
    [["coefficients", "lst"], "unknown command 'lst'"],
    [["coefficients", "import"], "missing required argument 'file'"],
    [["coefficients", "list", "--jsn"], "unknown option '--jsn'"],
  ])("%j is wrong usage", async (argv, part) => {
    const { code, stderr } = await run(argv);
    expect(code).toBe(2);
    expect(stderr).toContain(part);
  });
});
