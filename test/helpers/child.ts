/**
 * Child processes that run the package's source. Node cannot import TypeScript by itself and dist/
 * may be older than src/, so a child's script is bundled to a file of its own first.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build } from "esbuild";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

const SETTINGS = {
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  packages: "external",
  logLevel: "silent",
} as const satisfies BuildOptions;

/**
 * Bundles a script for children.
 *
 * @param source TypeScript; imports are relative to the repository: `./src/store/index.js`
 * @param folder where the bundle goes
 * @returns path of an .mjs file
 */
export async function bundleScript(source: string, folder: string): Promise<string> {
  const outfile = join(folder, "child.mjs");
  await build({
    stdin: { contents: source, resolveDir: ROOT, loader: "ts" },
    outfile,
    ...SETTINGS,
  });
  return outfile;
}

/** Bundles the worker of the cpu device, which a bundled device looks for beside itself. */
export async function bundleWorker(folder: string): Promise<void> {
  const worker = join(ROOT, "src/compute/cpu/worker.mjs");
  await build({ entryPoints: [worker], outfile: join(folder, "worker.mjs"), ...SETTINGS });
}

/** Starts a script. Its errors appear in the test's own output. */
export function startScript(file: string, ...args: string[]): ChildProcess {
  return spawn(process.execPath, [file, ...args], { stdio: ["ignore", "pipe", "inherit"] });
}

/** The exit code of a child, or the signal that ended it. */
export function ended(child: ChildProcess): Promise<number | NodeJS.Signals> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(signal ?? code ?? -1));
  });
}

/** Waits until a child prints its first line. */
export function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the child ended with ${code} before it printed anything`)));
    child.stdout?.once("data", (data: Buffer) => resolve(data.toString().trim()));
  });
}

/** A process id that belonged to a process which has ended. */
export async function deadProcessId(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""], { stdio: "ignore" });
  await ended(child);
  return child.pid as number;
}
