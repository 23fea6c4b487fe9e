/**
 * Holds what ARCHITECTURE.md says of src/: which room may import which, who may touch the process and
 * the host, and what a file looks like. Reads the source as text; nothing is run.
 */
import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { basename, dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const SRC = join(dirname(fileURLToPath(import.meta.url)), "..", "src");

/** Rooms in the order of the data's way; single files of src/ are rooms of their own. A room imports from itself and from rooms before it. */
const ROOMS = [
  "version",
  "errors",
  "progress",
  "file-system",
  "tensor",
  "pattern",
  "score",
  "linalg",
  "reconstruct",
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
  "web",
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

/** "x.node.ts" in Node, "x.web.ts" in browsers. */
const TWIN = /\.(?:node|web)(?=\.[jt]s$)/;

/** Every module that a file names: imports, re-exports, dynamic and type-only imports. */
function importsOf({ code }: SourceFile): string[] {
  const named = code.matchAll(/\b(?:from|import)\s*\(?\s*"([^"\n]+)"/g);
  return [...named].map(([, specifier]) => specifier as string);
}

const roomOf = (path: string): string =>
  path.includes("/") ? (path.split("/")[0] as string) : basename(path.replace(TWIN, ""), ".ts");

const isSource = (specifier: string): boolean => specifier.startsWith(".") && !specifier.endsWith(".json");

/** Path in src/ of what a file imports relatively. */
const targetOf = (path: string, specifier: string): string =>
  posix.join(posix.dirname(path), specifier.replace(/\?bundled$/, "")).replace(/\.js$/, ".ts");

/** The modules that are there at run time: all that a file names but what is imported as a type. */
function runtimeImportsOf(file: SourceFile): string[] {
  const code = file.code
    .replace(/\b(?:import|export)\s+type\b[^;]*?\bfrom\s*"[^"]+";/g, "")
    .replace(/\btypeof\s+import\(\s*"[^"]+"\s*\)/g, "");
  return importsOf({ ...file, code });
}

/** Files in the closure of the browser's entries, "x.web.ts" in the place of "x.node.ts", each with the file that names it. */
function browserClosure(entries: readonly string[]): ReadonlyMap<string, string> {
  const reached = new Map(entries.map((entry) => [entry, "package.json"]));
  for (const [path] of reached) {
    const file = files.find((each) => each.path === path);
    if (file === undefined) continue;
    for (const specifier of runtimeImportsOf(file).filter(isSource)) {
      const target = targetOf(path, specifier).replace(/\.node\.ts$/, ".web.ts");
      if (!reached.has(target)) reached.set(target, path);
    }
  }
  return reached;
}

/** Names that a file exports, types included. */
function exportsOf({ code }: SourceFile): string[] {
  const declared = code.matchAll(/^export\s+(?:async\s+)?(?:function|class|const|let|interface|type)\s*\*?\s+(\w+)/gm);
  const listed = code.matchAll(/^export\s+(?:type\s+)?\{([^}]*)\}/gm);
  return [
    ...[...declared].map(([, name]) => name as string),
    ...[...listed].flatMap(([, names = ""]) =>
      names.split(",").map((name) => name.trim().replace(/^type\s+|.*\sas\s/, "")),
    ),
  ]
    .filter((name) => name !== "")
    .sort();
}

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
        .filter(isSource)
        .map((specifier) => roomOf(targetOf(file.path, specifier)))
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
    // In browsers there is one copy by name, the host's.
    const wrong = findings((file) =>
      importsOf(file).filter(
        (specifier) => specifier.startsWith("onnxruntime") && file.path !== "hook/onnx-runtime.web.ts",
      ),
    );
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

describe("what differs between Node and browsers", () => {
  const twins = files.filter(({ path }) => path.endsWith(".node.ts"));
  const typeCheck = readFileSync(join(SRC, "..", "test", "twins.ts"), "utf8");

  it("lies in twins, x.node.ts and x.web.ts, that export the same names and types", () => {
    expect(twins.length).toBeGreaterThan(0);
    for (const twin of twins) {
      const other = files.find(({ path }) => path === twin.path.replace(".node.ts", ".web.ts"));
      expect(exportsOf(other ?? { path: "", text: "", code: "" }), twin.path).toEqual(exportsOf(twin));
      expect(typeCheck).toContain(`import("../src/${twin.path.replace(".ts", ".js")}")`);
    }
    const alone = files.filter(
      ({ path }) =>
        path.endsWith(".web.ts") && !twins.some((twin) => twin.path === path.replace(".web.ts", ".node.ts")),
    );
    expect(alone.map(({ path }) => path)).toEqual([]);
  });

  it("is imported by the name of Node's twin, which the browser build replaces", () => {
    const wrong = findings((file) => importsOf(file).filter((specifier) => specifier.endsWith(".web.js")));
    expect(wrong).toEqual([]);
  });

  it("keeps Node's modules out of what is reached from the browser's entries", () => {
    const reached = browserClosure(["web.ts", "onnx/index.ts"]);
    const wrong = [...reached].flatMap(([path, by]) => {
      const file = files.find((each) => each.path === path);
      if (file === undefined) return [`${by} imports ${path}, which does not exist`];
      const named = runtimeImportsOf(file).filter(isBuiltin);
      return named.map((specifier) => `${path}, imported by ${by}, imports ${specifier}`);
    });
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
      /^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)*[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:wasm|node|web|d))?\.(?:ts|mjs)$/.test(path) &&
      !/\b(?:utils?|helpers?|misc|common)\b/.test(path)
        ? []
        : [path],
    );
    expect(wrong).toEqual([]);
  });
});
