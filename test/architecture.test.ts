/**
 * Holds what ARCHITECTURE.md says of src/: which room may import which, who may touch the process and
 * the host, and what a file looks like. Reads the source as text; nothing is run.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const SRC = join(dirname(fileURLToPath(import.meta.url)), "..", "src");

/** Rooms in the order of the data's way; single files of src/ are rooms of their own. A room imports from itself and from rooms before it. */
const ROOMS = [
  "version",
  "errors",
  "progress",
  "tensor",
  "pattern",
  "score",
  "onnx",
  "graph",
  "report",
  "options",
  "runtime",
  "calibrate",
  "compute",
  "rewrite",
  "store",
  "registry",
  "eval",
  "prune",
  "tune",
  "hook",
  "cli",
  "index",
];

/** What of `process` a file outside of cli/ may use, and why. */
const PROCESS_USES: Readonly<Record<string, { readonly members: readonly string[]; readonly why: string }>> = {
  "store/process-identity.ts": {
    members: ["pid", "kill"],
    why: "locks and drafts say whose they are, and ask whether that process still runs",
  },
  "store/note.ts": { members: ["pid"], why: "two processes that write one note must not share its draft" },
  "hook/export-files.ts": { members: ["cwd"], why: "a directory that the user names is relative to where they are" },
};

/** Files that are data rather than code to be read. */
const GENERATED_OR_DATA = ["compute/cpu/kernel.wasm.ts", "calibrate/sample-text.ts"];
const MOST_LINES = 320;

interface SourceFile {
  /** Path in src/, with "/". */
  readonly path: string;
  readonly text: string;
  /** The text without comments, in which words mean what they say. */
  readonly code: string;
}

const files: readonly SourceFile[] = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => /\.(?:ts|mjs)$/.test(path))
  .map((path) => {
    const text = readFileSync(join(SRC, path), "utf8");
    return { path, text, code: text.replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, "") };
  });

/** Every module that a file names: imports, re-exports, dynamic and type-only imports. */
function importsOf({ code }: SourceFile): string[] {
  const named = code.matchAll(/\b(?:from|import)\s*\(?\s*"([^"\n]+)"/g);
  return [...named].map(([, specifier]) => specifier as string);
}

const roomOf = (path: string): string => (path.includes("/") ? (path.split("/")[0] as string) : basename(path, ".ts"));

/** All that is wrong with any file, one sentence each; the test's failure lists them. */
const findings = (check: (file: SourceFile) => readonly string[]): string[] => files.flatMap(check);

describe("the rooms of src", () => {
  it("are those of the list", () => {
    expect(files.length).toBeGreaterThan(100);
    expect([...new Set(files.map(({ path }) => roomOf(path)))].sort()).toEqual([...ROOMS].sort());
  });

  it("import only from themselves and from rooms before them, types included", () => {
    const wrong = findings((file) => {
      const own = roomOf(file.path);
      return importsOf(file)
        .filter((specifier) => specifier.startsWith(".") && !specifier.endsWith(".json"))
        .map((specifier) => roomOf(posix.join(posix.dirname(file.path), specifier).replace(/\.js$/, ".ts")))
        .filter((room) => !(ROOMS.indexOf(room) <= ROOMS.indexOf(own) && ROOMS.includes(room)))
        .map((room) => `${file.path} imports from ${room}, which comes after ${own}`);
    });
    expect(wrong).toEqual([]);
  });

  it("keep the host to hook/", () => {
    const wrong = findings((file) =>
      importsOf(file).some((specifier) => specifier.startsWith("@huggingface/")) && roomOf(file.path) !== "hook"
        ? [`${file.path} imports transformers.js`]
        : [],
    );
    expect(wrong).toEqual([]);
  });

  it("never import an ONNX Runtime of their own", () => {
    const wrong = findings((file) => importsOf(file).filter((specifier) => specifier.startsWith("onnxruntime")));
    expect(wrong).toEqual([]);
  });

  it("keep the process to cli/, with few exceptions that say why", () => {
    const wrong = findings(({ path, code }) => {
      if (roomOf(path) === "cli" || GENERATED_OR_DATA.includes(path)) return [];
      const allowed = PROCESS_USES[path]?.members ?? [];
      return [...code.matchAll(/\bprocess\.(\w+)/g)]
        .map(([, member]) => member as string)
        .filter((member) => !allowed.includes(member))
        .map((member) => `${path} uses process.${member}`);
    });
    expect(wrong).toEqual([]);
    for (const [path, { members, why }] of Object.entries(PROCESS_USES)) {
      const code = files.find((file) => file.path === path)?.code ?? "";
      for (const member of members) expect(code, `${path}: ${why}`).toContain(`process.${member}`);
    }
  });

  it("print nothing but by way of cli/", () => {
    const wrong = findings(({ path, code }) =>
      /\bconsole\./.test(code) && roomOf(path) !== "cli" && !GENERATED_OR_DATA.includes(path) ? [path] : [],
    );
    expect(wrong).toEqual([]);
  });
});

describe("a file of src", () => {
  it("opens with a comment on what it is for", () => {
    const wrong = findings(({ path, text }) => (/^(?:#!.*\n)?(?:\/\*\*|\/\/)/.test(text) ? [] : [path]));
    expect(wrong).toEqual([]);
  });

  it("is short enough to be read at one sitting", () => {
    const wrong = findings(({ path, text }) => {
      const lines = text.split("\n").length;
      return lines > MOST_LINES && !GENERATED_OR_DATA.includes(path) ? [`${path} has ${lines} lines`] : [];
    });
    expect(wrong).toEqual([]);
  });

  it("has a kebab-case name that says something", () => {
    const wrong = findings(({ path }) =>
      /^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)*[a-z0-9]+(?:-[a-z0-9]+)*(?:\.wasm)?\.(?:ts|mjs)$/.test(path) &&
      !/\b(?:utils?|helpers?|misc|common)\b/.test(path)
        ? []
        : [path],
    );
    expect(wrong).toEqual([]);
  });
});
