/**
 * The package as users get it: `dist/`, found by its own name and `exports`, in processes of their own.
 * Runs after `npm run build` (which `npm test` does first).
 */
import { type ExecFileOptions, execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const AUSTEN = join(ROOT, "models/austen-1.4m");
const scratch = mkdtempSync(join(tmpdir(), "transformers-prune-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

beforeAll(() => {
  if (!existsSync(join(ROOT, "dist/index.js"))) throw new Error("there is no dist/; run npm run build first");
});

const HOST = { esm: 'await import("@huggingface/transformers")', cjs: 'require("@huggingface/transformers")' };
const OURS = { esm: 'await import("transformers-prune")', cjs: 'require("transformers-prune")' };

/** Runs a script and returns what it prints as JSON. */
async function run(script: string): Promise<unknown> {
  const code = `
    import { createRequire } from "node:module";
    const require = createRequire(${JSON.stringify(join(ROOT, "package.json"))});
    ${script}
  `;
  const options: ExecFileOptions = { cwd: ROOT };
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code], options);
  return JSON.parse(stdout.toString());
}

const prologue = (imports: string) => `
  ${imports}
  host.env.allowRemoteModels = false;
  host.env.cacheDir = ${JSON.stringify(scratch)};
  const model = ${JSON.stringify(AUSTEN)};
  const reports = [];
  const onReport = (report) => reports.push(report);
`;

describe("the built package", () => {
  const modules = ["esm", "cjs"] as const;
  const cases = modules.flatMap((theirs) =>
    modules.flatMap((own) => [
      { first: "transformers.js", theirs, own, imports: `const host = ${HOST[theirs]}; const ours = ${OURS[own]};` },
      { first: "transformers-prune", theirs, own, imports: `const ours = ${OURS[own]}; const host = ${HOST[theirs]};` },
    ]),
  );

  test.each(cases)("prunes where $first is imported first (theirs $theirs, ours $own)", async ({ imports }) => {
    const prune = '{ method: "magnitude", pattern: "2:4", cache: false, onReport }';
    const result = await run(`${prologue(imports)}
      const theirs = await host.pipeline("text-generation", model, { dtype: "fp32", session_options: ours.prune(${prune}) });
      const mine = await ours.pipeline("text-generation", model, { dtype: "fp32", prune: ${prune} });
      const dense = await host.pipeline("text-generation", model, { dtype: "fp32" });
      const texts = [];
      for (const pipe of [theirs, mine, dense]) texts.push((await pipe("It was a fine morning", { max_new_tokens: 12 }))[0].generated_text);
      console.log(JSON.stringify({ texts, zeros: reports.map(({ zeros }) => zeros) }));
    `);
    const { texts, zeros } = result as { texts: string[]; zeros: number[] };
    expect(zeros).toEqual([589_824, 589_824]);
    expect(texts[0]).toBe(texts[1]);
    expect(texts[2]).not.toBe(texts[0]);
  });

  test("replaces nothing of the runtime before one of its own functions loads a model", async () => {
    const result = await run(`${prologue(`const host = ${HOST.esm}; const ours = ${OURS.esm};`)}
      const runtime = createRequire(require.resolve("@huggingface/transformers"))("onnxruntime-node");
      const { create } = runtime.InferenceSession;
      await host.pipeline("text-generation", model, { dtype: "fp32" });
      console.log(JSON.stringify("pipeline" in ours && runtime.InferenceSession.create === create));
    `);
    expect(result).toBe(true);
  });

  test("works twice in one process, as ES module and as CommonJS", async () => {
    const result =
      await run(`${prologue(`const host = ${HOST.esm}; const ours = ${OURS.esm}; const also = ${OURS.cjs};`)}
      const prune = { method: "magnitude", pattern: "2:4", cache: false, onReport };
      await Promise.all([ours, also].map((one) => one.pipeline("text-generation", model, { dtype: "fp32", prune })));
      console.log(JSON.stringify(reports.map(({ zeros }) => zeros)));
    `);
    expect(result).toEqual([589_824, 589_824]);
  });

  test("prunes once where two processes load the same model at the same time", async () => {
    const script = `${prologue(`const host = ${HOST.esm}; const ours = ${OURS.esm};`)}
      const calibration = { count: 4, length: 128 };
      await ours.pipeline("text-generation", model, { dtype: "fp32", prune: { pattern: "2:4", calibration, onReport } });
      console.log(JSON.stringify(reports[0].fromCache));
    `;
    expect((await Promise.all([run(script), run(script)])).sort()).toEqual([false, true]);
    const left = readdirSync(join(scratch, "transformers-prune"));
    expect(left.filter((name) => name !== "hashes")).toEqual([expect.stringMatching(/^model-[0-9a-f]{32}$/)]);
  });
});
