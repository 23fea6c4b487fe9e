/**
 * The examples, run as their readmes say: every command in a `sh` block must succeed, and the lines
 * of a `text` block must appear in this order, numbers apart. Runs on the built package.
 */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
// The page is tested in a browser: test/browser-page.
const examples = readdirSync(`${root}examples`).filter(
  (name) => name !== "browser" && existsSync(`${root}examples/${name}/README.md`),
);

const blocks = (readme: string, kind: string): string[][] =>
  [...readme.matchAll(new RegExp(`\`\`\`${kind}\n(.*?)\`\`\``, "gs"))].map(([, text = ""]) => text.trim().split("\n"));

/** What stays the same on every machine: words and order, not figures and spacing. */
const shape = (line: string): string =>
  line
    .replace(/\d+(?:\.\d+)?/g, "#")
    .replace(/\s+/g, " ")
    .trim();

describe.sequential("examples", () => {
  it("finds them all, numbered", () =>
    expect(examples.map((name) => name.slice(0, 2))).toEqual(["01", "02", "03", "04", "05", "06", "07"]));

  it.each(examples)("%s does what its readme shows", { timeout: 240_000 }, async (name) => {
    const readme = readFileSync(`${root}examples/${name}/README.md`, "utf8");
    let output = "";
    for (const command of blocks(readme, "sh").flat()) {
      // The demo's npm script builds first; the build is there already.
      const given = command === "npm run demo" ? "node examples/01-demo/demo.mjs" : command;
      const { stdout } = await promisify(execFile)("bash", ["-c", given], { cwd: root });
      expect(stdout, given).not.toBe("");
      output += stdout;
    }
    const lines = output.split("\n").map(shape);
    let from = 0;
    for (const expected of blocks(readme, "text").flat().map(shape)) {
      const at = lines.findIndex((line, i) => i >= from && line.startsWith(expected));
      expect(at, `"${expected}" in:\n${lines.slice(from).join("\n")}`).toBeGreaterThanOrEqual(from);
      from = at + 1;
    }
  });
});
