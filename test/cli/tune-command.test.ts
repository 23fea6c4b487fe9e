import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PruneError } from "../../src/errors.js";
import type { TuneResult } from "../../src/hook/index.js";
import { plainRecord } from "../../src/registry/index.js";
import { madeUpReport, madeUpStudy } from "../tune/page/made-up-report.js";
import { event, run, TUNED } from "./harness.js";

let folder: string;
let novel: string;
let out: string;
let page: string;
let tune: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-"));
  [novel, out, page] = [join(folder, "novel.txt"), join(folder, "coefficients.json"), join(folder, "page.html")];
  await writeFile(novel, "It was a truth");
  tune = ["tune", "smol", "--text", novel, "--out", out];
});
afterEach(() => rm(folder, { recursive: true }));

/** What is printed, with the made-up folder left out. */
const plain = (text: string): string => text.replaceAll(`${folder}/`, "");
const tuning = (result: TuneResult) => ({ commands: { tune: async () => result } });

describe("what tune asks for", () => {
  it("is the model, the text, a checkpoint beside the result and the options' own defaults", async () => {
    const { code, calls } = await run(tune);
    expect(code).toBe(0);
    const common = { signal: expect.any(AbortSignal), onProgress: expect.any(Function) };
    expect(calls).toEqual([["tune", "smol", { text: "It was a truth", checkpoint: `${out}.checkpoint`, ...common }]]);
  });

  it("turns every flag into the option of the same name", async () => {
    const first = join(folder, "a.txt");
    await writeFile(first, "First");
    const flags = [
      ...[
        "--method",
        "crepe",
        "--pattern",
        "2:4",
        "--permute",
        "--include",
        "mlp",
        "--include",
        "q_proj",
        "--exclude",
        "up",
      ],
      ...["--calibration", first, novel, "--calibration-count", "8", "--calibration-length", "64", "--objective", "kl"],
      ...[
        "--optimiser",
        "random",
        "--evaluations",
        "50",
        "--seed",
        "7",
        "--passes",
        "2",
        "--tokens",
        "128",
        "--study",
        "9",
      ],
      ...[
        "--windows",
        "4",
        "--length",
        "32",
        "--finalists",
        "5",
        "--per-depth",
        "4",
        "--no-register",
        "--dtype",
        "fp16",
      ],
      ...["--cache-dir", "/cache", "--local-files-only", "--revision", "v2", "--quiet", "--json"],
    ];
    expect((await run([...tune, ...flags])).calls[0]?.[2]).toEqual({
      method: "crepe",
      pattern: "2:4",
      permute: true,
      include: ["mlp", "q_proj"],
      exclude: ["up"],
      calibration: { texts: ["First", "It was a truth"], count: 8, length: 64 },
      objective: "kl",
      optimiser: "random",
      evaluations: 50,
      seed: 7,
      passes: 2,
      tokens: 128,
      study: 9,
      text: "It was a truth",
      windows: 4,
      length: 32,
      finalists: 5,
      per: { segments: 4 },
      register: false,
      checkpoint: `${out}.checkpoint`,
      dtype: "fp16",
      cache_dir: "/cache",
      local_files_only: true,
      revision: "v2",
      signal: expect.any(AbortSignal),
      onProgress: expect.any(Function),
    });
  });

  it.each([
    [["--per-kind"], { per: "kind" }],
    [["--sparsity", "60%", "--scope", "matrix"], { sparsity: "60%", scope: "matrix" }],
  ])("%j is %j", async (flags, options) => {
    expect((await run([...tune, ...flags])).calls[0]?.[2]).toMatchObject(options);
  });

  it.each([
    [["--evaluations", "many"], '--evaluations: expected a whole number from 1 to 100000, received "many"'],
    [["--objective", "ginny"], '--objective: expected "'],
    [["--objective", "learned"], '--objective: expected the name of an objective, received "learned"'],
    [["--optimiser", "randon"], 'did you mean "random"?'],
    [["--per-depth", "1"], "--per-depth: expected a whole number from 2"],
    [["--per-depth", "4", "--per-kind"], "'--per-kind' cannot be used with option '--per-depth <segments>'"],
    [["--length", "1"], "--length: expected a whole number from 2"],
    [["--pattern", "2:4", "--sparsity", "0.5"], "--sparsity and --pattern exclude each other"],
    [["--calibration-count", "0"], "--calibration-count: expected a whole number from 1"],
    [["--coefficients", "auto"], "unknown option '--coefficients'"],
    [["--study", "-1"], "--study: expected a whole number from 0"],
  ])("refuses %j before the model is looked at, naming the flag", async (flags, message) => {
    const { code, stdout, stderr, calls } = await run([...tune, ...flags]);
    expect({ code, stdout, calls }).toEqual({ code: 2, stdout: "", calls: [] });
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("tune()");
  });

  it.each([["--text"], ["--out"]])("needs %s", async (flag) => {
    const { code, stderr } = await run(tune.filter((_, i) => tune[i] !== flag && tune[i - 1] !== flag));
    expect(code).toBe(2);
    expect(stderr).toContain(`required option '${flag} <file>' not specified`);
  });

  it("is explained from the tables of options, objectives and optimisers", async () => {
    const { stdout } = await run(["tune", "--help"]);
    expect(stdout).toMatch(
      /--evaluations <n> +candidates that the search measures by the objective \(default:\s+200\)/,
    );
    expect(stdout).toMatch(/--text <file> +text to judge on, which calibration has not seen\n/);
    expect(stdout).toMatch(/Objectives:\n(?: {2}\S.*\n)* {2}hidden-drift +cosine distance/);
    expect(stdout).toMatch(/Optimisers:\n {2}cma-es +a normal distribution/);
  });
});

describe("the files that tune writes", () => {
  it("are the record, as prune's --coefficients reads it, and the page if one is asked for", async () => {
    const { code } = await run([...tune, "--report", page]);
    expect(code).toBe(0);
    expect(JSON.parse(await readFile(out, "utf8"))).toEqual(plainRecord(TUNED.record));
    expect(await readFile(page, "utf8")).toMatch(/^<!doctype html>\n[\s\S]*crepe tuned for smol at 2:4/);
    expect((await readdir(folder)).sort()).toEqual(["coefficients.json", "novel.txt", "page.html"]);
  });

  it("make their folders, and take the place of an earlier record and page", async () => {
    const [deepOut, deepPage] = [join(folder, "a", "b", "c.json"), join(folder, "d", "e.html")];
    const argv = ["tune", "smol", "--text", novel, "--out", deepOut, "--report", deepPage];
    expect((await run(argv)).code).toBe(0);
    expect((await run(argv)).code).toBe(0);
  });

  it.each([
    [
      "--out",
      '{"row":0.3}',
      "exists and is no coefficients of a tuning; name another file, or replace it with --force",
    ],
    ["--report", "<html></html>", "exists and is no report of a tuning; name another file, or replace it with --force"],
  ])("do not take the place of something else: %s", async (flag, content, message) => {
    const file = flag === "--out" ? out : page;
    await writeFile(file, content);
    const { code, stderr, calls } = await run([...tune, "--report", page]);
    expect({ code, calls }).toEqual({ code: 1, calls: [] });
    expect(plain(stderr)).toContain(message);
    expect(await readFile(file, "utf8")).toBe(content);
    expect((await run([...tune, "--report", page, "--force"])).code).toBe(0);
    expect(await readFile(file, "utf8")).not.toBe(content);
  });

  it("are known to be writable before the work", async () => {
    await mkdir(`${page}.draft`);
    const { code, stderr, calls } = await run([...tune, "--report", page]);
    expect({ code, calls }).toEqual({ code: 1, calls: [] });
    expect(plain(stderr)).toContain("--report page.html cannot be written");
  });

  it("go to stderr where the record cannot be written after all", async () => {
    const { code, stdout, stderr } = await run([...tune, "--quiet"], {
      commands: {
        tune: async () => {
          await mkdir(out);
          return TUNED;
        },
      },
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    const [, record = "", end] = stderr.match(/would hold:\n(\{[\s\S]*\n\})\n(error: .*)/) ?? [];
    expect(JSON.parse(record)).toEqual(plainRecord(TUNED.record));
    expect(end).toContain("cannot be written");
  });

  it("never take the place of a folder, or of each other", async () => {
    await mkdir(out);
    const { code, stderr, calls } = await run([...tune, "--force"]);
    expect({ code, calls }).toEqual({ code: 1, calls: [] });
    expect(stderr).toContain("[storage]");
    await rm(out, { recursive: true });
    for (const same of [out, `${dirname(out)}/./${basename(out)}`])
      expect((await run([...tune, "--report", same])).stderr).toContain("--out and --report name the same file");
  });
});

describe("what tune prints", () => {
  it("is what the judge said, coefficients, cost, and how to use them", async () => {
    const { stdout } = await run([...tune, "--pattern", "2:4", "--exclude", "layers.0.**", "--report", page]);
    expect(plain(stdout)).toMatchInlineSnapshot(`
      "smol → coefficients.json
      crepe, 2:4, fp32, family llama/576
      calibration: built-in text, 32 samples of 512 tokens
      judged by: perplexity, 16 windows of 512 tokens of the text

               perplexity
        dense       29.60
        ria        160.83
        wanda      147.20
        tuned      121.40  −17.5% against wanda, the better of ria and wanda

      coefficients: row 0.5316, column 0.1585, window 0.3099, size 5, power 0.8506, shape 0.79

      objective: hidden-drift, 60 candidates by cma-es, 1.2 s each
      5 min 25 s in all: prepare 42 s, search 78 s, check 3 min 24 s

      written to coefficients.json; to use it:
        transformers-prune prune smol --pattern 2:4 --exclude 'layers.0.**' --coefficients coefficients.json --out pruned
      kept for coefficients: "auto" on this machine, so this finds it too:
        transformers-prune prune smol --pattern 2:4 --exclude 'layers.0.**' --out pruned
      report: page.html
      "
    `);
  });

  it("names in the command lines all that made the result what it is", async () => {
    const flags = ["--pattern", "2:4", "--cache-dir", "/my cache", "--revision", "v2", "--local-files-only"];
    const samples = ["--calibration", novel, "--calibration-count", "8", "--calibration-length", "64"];
    const line = "--pattern 2:4 --calibration novel.txt --calibration-count 8 --calibration-length 64 ";
    const rest = "--cache-dir '/my cache' --revision v2 --local-files-only --out pruned\n";
    const { stdout } = await run([...tune, ...flags, ...samples]);
    expect(plain(stdout)).toContain(`prune smol ${line}--coefficients coefficients.json ${rest}`);
    expect(plain(stdout)).toContain(`prune smol ${line}${rest}`);
  });

  it("says which file prune needs where tune calibrated on several", async () => {
    const second = join(folder, "b.txt");
    await writeFile(second, "Second");
    const { stdout } = await run([...tune, "--calibration", novel, second]);
    expect(plain(stdout)).toContain(
      "  (calibration.txt: novel.txt, b.txt one after the other, with two line breaks between them)\n" +
        "  transformers-prune prune smol --calibration calibration.txt --coefficients coefficients.json --out pruned\n",
    );
  });

  it("is with --study how well each objective ranks as perplexity does, and what it costs", async () => {
    const { stdout } = await run(tune, tuning({ ...TUNED, report: madeUpReport({ study: madeUpStudy(24) }) }));
    expect(stdout.match(/study:[\s\S]*?\n\n/)?.[0]).toMatchInlineSnapshot(`
      "study: 24 random candidates, perplexity takes 41 s each; ρ is Spearman's rank correlation with perplexity
        objective     better     ρ  ρ among best third  setup  per candidate
        hidden-drift  lower   1.00                0.98  3.2 s          1.2 s
        kl            lower   0.98                0.90  2.2 s          0.6 s
        learned       lower   0.98                0.71  3.2 s          1.2 s
        learned: ranks from the logarithms of hidden-drift (weight 0.38); its ρ is over candidates that it was not fitted to
        not on this model: likelihood: the model has no logits

      "
    `);
  });

  it("says how far the objective was to be trusted, and which parts have coefficients of their own", async () => {
    const { all } = TUNED.record.coefficients;
    const coefficients = { all, byKind: { q: all, down: { ...all, power: 1.25 } } };
    const record = { ...TUNED.record, coefficients, passes: 2 };
    const { stdout } = await run(tune, tuning({ ...TUNED, record, report: madeUpReport({ study: madeUpStudy(24) }) }));
    expect(stdout).toContain("each; its rank correlation with perplexity is 0.97 over 24 candidates\n");
    expect(stdout).toMatch(/\n {2}down: row .*, power 1\.25, shape .*\npasses of calibration: 2\n/);
  });

  it("calls what decided by its name, and says what was decided for the user", async () => {
    const judge = { name: "error rate", text: null };
    const judged = { dense: 0, ria: 0, wanda: 0.25, tuned: 0.125 };
    const report = madeUpReport({ judge, judged, accepted: false, notes: ["the objective is another"] });
    const { stdout } = await run(tune, tuning({ ...TUNED, report, registered: false }));
    expect(stdout).toContain("judged by: error rate\nthe objective is another\n");
    expect(stdout).toMatch(/\n {9}error rate\n {2}dense +0\n/);
    expect(stdout).toContain("0.125  +0.125 against ria, the better of ria and wanda");
  });

  it("says plainly that nothing better was found, and ends well", async () => {
    const judged = { dense: 29.6, ria: 118, wanda: 147.2, tuned: 121.4 };
    const result = { ...TUNED, report: madeUpReport({ accepted: false, judged }), registered: false };
    const { code, stdout } = await run(tune, tuning(result));
    expect(code).toBe(0);
    expect(stdout).toContain("+2.9% against ria, the better of ria and wanda");
    expect(stdout).toContain("Nothing better than ria was found");
    expect(stdout).toContain('all the same, and not kept for coefficients: "auto"');
    expect(stdout).not.toContain("to use it");
  });

  it("is only JSON with --json: coefficients, history, study and the figures that decided", async () => {
    const report = madeUpReport({ study: madeUpStudy(24) });
    const { stdout } = await run([...tune, "--json"], tuning({ ...TUNED, report }));
    const json = JSON.parse(stdout);
    expect(json).toMatchObject({
      model: report.model,
      family: "llama/576",
      method: "crepe",
      pattern: "2:4",
      objective: { name: "hidden-drift", better: "lower", spearman: 0.97 },
      coefficients: TUNED.record.coefficients.all,
      passes: 1,
      accepted: true,
      registered: true,
      out,
      judge: report.judge,
      judged: report.judged,
      notes: [],
      seconds: report.seconds,
    });
    expect(json.history).toHaveLength(60);
    expect(json.history[3]).toMatchObject({
      value: report.steps[3]?.value,
      generation: 1,
      best: report.steps[3]?.best,
    });
    expect(json.finalists.map(({ judged }: { judged: number }) => judged)).toEqual([121.4, 131.03]);
    expect(json.study.rows).toHaveLength(24);
    expect(json.study.objectives.map(({ name }: { name: string }) => name)).toEqual(["hidden-drift", "kl"]);
  });
});

describe("a tuning under way", () => {
  const search = (done: number, item: string) => event("search", done, 200, item);

  it("shows generation, best value and time left, in lines and in bars", async () => {
    const item = "generation 12, best 1.2340, 40 s left";
    const showing = (options: Parameters<typeof run>[1]) =>
      run(tune, {
        ...options,
        commands: {
          tune: async (_, { onProgress }) => {
            onProgress?.(search(100, item));
            return TUNED;
          },
        },
      });
    expect((await showing({})).stderr).toBe(` 50%  search 100/200 ${item}\n`);
    const bars = [
      [80, "████░░░░"],
      [120, "████████████░░░░░░░░░░░░"],
    ] as const;
    for (const [columns, bar] of bars)
      expect((await showing({ isTTY: true, columns })).stderr).toContain(
        ` 50%  search           ${bar}   100/200  ${item}`,
      );
  });

  /** Runs until the user stops it; `measured` says whether the checkpoint was written before. */
  const stopping = async (events: readonly ReturnType<typeof event>[], measured: boolean) => {
    const controller = new AbortController();
    return run([...tune, "--quiet"], {
      signal: controller.signal,
      commands: {
        tune: async (_, { signal, onProgress, checkpoint = "" }) => {
          for (const one of events) onProgress?.(one);
          if (measured) await writeFile(checkpoint, "{}");
          controller.abort();
          signal?.throwIfAborted();
          return TUNED;
        },
      },
    });
  };

  it("says on Ctrl-C how far it came, the best so far, and that the same command goes on", async () => {
    const events = [search(57, "generation 3, best 1.2340, 40 s left"), event("evaluate", 2, 6, "perplexity 2 of 6")];
    const { code, stdout, stderr } = await stopping(events, true);
    expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
    expect(plain(stderr)).toBe(
      "stopped in evaluate 2/6; search: generation 3, best 1.2340\n" +
        "what was measured is kept in coefficients.json.checkpoint; the same command goes on from there\n",
    );
    const again = await run(tune);
    expect(again.code).toBe(0);
    expect(plain(again.stderr)).toBe("going on with what coefficients.json.checkpoint holds\n");
    expect(again.calls[0]?.[2]).toMatchObject({ checkpoint: `${out}.checkpoint` });
  });

  it("claims no checkpoint where nothing was measured", async () => {
    const { code, stderr } = await stopping([event("calibrate", 1, 32, "sample 1")], false);
    expect({ code, stderr }).toEqual({ code: 130, stderr: "stopped; nothing was measured yet\n" });
  });

  it("passes other failures on as they are", async () => {
    const error = new PruneError("storage", "c.json.checkpoint is of a run with another model, judge or options");
    const { code, stderr } = await run(tune, { commands: { tune: async () => Promise.reject(error) } });
    expect(code).toBe(1);
    expect(stderr).toBe(`error: ${error.message} [storage]\n`);
  });
});
