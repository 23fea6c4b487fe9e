/** The parts of an exported directory that are not pruned: dense session files, config, tokenizer. */
import { readdir, readFile, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { PruneError } from "../errors.js";
import { writeModel } from "../onnx/index.js";
import { type ModelFile, openModelFile } from "../prune/index.js";
import { type EntryDraft, sha256, withStorageErrors } from "../store/folders.js";
import { isInside } from "./model-folders.js";
import { dtypeOf, sessionFileName } from "./session-file.js";

/** Weights of other frameworks, ONNX files outside of `onnx/`, hidden files and our own record are not copied. */
const NOT_COPIED = /^\.|\.(?:safetensors|bin|pt|pth|h5|msgpack|gguf|onnx|onnx[._]data.*|tflite|npz)$|^prune\.json$/i;

/** Config, tokenizer, generation config and whatever else lies beside the `onnx/` folder. */
export type SideFiles = ReadonlyMap<string, Uint8Array>;

/** Reads the side files of a model. They are small. */
export async function readSideFiles(folder: string): Promise<SideFiles> {
  const entries = await withStorageErrors(`cannot read ${folder}`, () => readdir(folder, { withFileTypes: true }));
  const files = new Map<string, Uint8Array>();
  for (const { name } of entries.filter((entry) => !entry.isDirectory() && !NOT_COPIED.test(entry.name)))
    files.set(name, await withStorageErrors(`cannot read ${join(folder, name)}`, () => readFile(join(folder, name))));
  return files;
}

/** Hashes of side files by name. */
export const hashesOf = (files: SideFiles): Record<string, string> =>
  Object.fromEntries([...files].sort().map(([name, content]) => [name, sha256(content)]));

/** Copies session files that stay dense, with their external data, byte for byte. */
export async function addDenseFiles(
  files: readonly ModelFile[],
  draft: EntryDraft,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const file of files) {
    const model = await openModelFile(file);
    try {
      await writeModel(model, {}, draft.sink("onnx"), { fileName: `${file.name}.onnx`, ...(signal && { signal }) });
    } finally {
      await model.close();
    }
  }
}

/** Adds the side files; to be called when all session files are written. */
export async function addSideFiles(files: SideFiles, draft: EntryDraft): Promise<void> {
  const chunks: Record<string, number> = {};
  const sessions: string[] = [];
  for (const { name } of await draft.finishFiles()) {
    const model = /^(.*\.onnx)[._]data(?:_\d+)?$/.exec(basename(name))?.[1];
    if (model !== undefined) chunks[model] = (chunks[model] ?? 0) + 1;
    if (name.endsWith(".onnx")) sessions.push(basename(name, ".onnx"));
  }
  for (const [name, content] of files)
    await draft.write(name, name === "config.json" ? configFor(content, sessions, chunks) : content);
}

/** The part of a config that the host reads. */
interface HostConfig {
  readonly dtype?: string | Readonly<Record<string, string>>;
  readonly device_config?: Readonly<Record<string, object>>;
}

/**
 * A config that tells the host what the directory holds: how many files of external data each session file has (it
 * asks only in browsers), and the dtype of files that it would not look for by itself. Else as it was, byte for byte.
 */
function configFor(
  config: Uint8Array,
  sessions: readonly string[],
  chunks: Readonly<Record<string, number>>,
): Uint8Array | string {
  const parsed = JSON.parse(new TextDecoder().decode(config)) as { "transformers.js_config"?: HostConfig };
  const given = parsed["transformers.js_config"] ?? {};
  const own = {
    ...given,
    ...(isFoundWithoutDtype(given, sessions) ? {} : dtypesOf(given, sessions)),
    ...(Object.keys(chunks).length > 0 && { use_external_data_format: chunks }),
  };
  if (JSON.stringify(own) === JSON.stringify(given)) return config;
  return `${JSON.stringify({ ...parsed, "transformers.js_config": own }, null, 2)}\n`;
}

/** Whether the host opens these session files when it is told no dtype. */
const isFoundWithoutDtype = ({ dtype = "fp32" }: HostConfig, sessions: readonly string[]): boolean =>
  sessions.every((name) => {
    const chosen = typeof dtype === "string" ? dtype : (dtype[sessionFileName(name)] ?? "fp32");
    return (chosen === "auto" ? "fp32" : chosen) === dtypeOf(name);
  });

/** The dtypes of the session files. What a config has for single devices is of files that are not there. */
function dtypesOf({ device_config }: HostConfig, sessions: readonly string[]): HostConfig {
  const [first = "fp32", ...others] = new Set(sessions.map(dtypeOf));
  const byFile = Object.fromEntries(sessions.map((name) => [sessionFileName(name), dtypeOf(name)]));
  const devices = Object.entries(device_config ?? {}).map(([device, config]) => {
    const { dtype: _, ...rest } = config as HostConfig;
    return [device, rest] as const;
  });
  return {
    dtype: others.length === 0 ? first : byFile,
    ...(device_config && { device_config: Object.fromEntries(devices) }),
  };
}

/**
 * @param force whether a directory that holds something may be replaced
 * @throws PruneError `storage` where `out` is a file, or holds something that may not be replaced
 */
export async function refuseOccupied(out: string, force: boolean): Promise<void> {
  const refuse = (why: string) => new PruneError("storage", `${out} ${why}`, { details: { out } });
  const names: readonly string[] = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    if (error.code === "ENOTDIR") throw refuse("is a file; name a directory");
    throw error;
  });
  if (names.length === 0) return;
  if (!force) throw refuse("exists and holds something else; name another directory, or replace it with force");
  if (isInside(process.cwd(), await realPath(out)))
    throw refuse("holds the working directory, which is not replaced; name another directory");
  if (!names.includes("config.json") && !names.includes("onnx") && !names.includes("prune.json"))
    throw refuse("is no model directory, and force replaces nothing else; name another directory");
}

/** @throws PruneError `storage` where `out` is, holds or lies in the folder of the source */
export async function refuseSource(out: string, source: string): Promise<void> {
  const [target, folder] = [await realPath(out), await realPath(source)];
  if (!isInside(folder, target) && !isInside(target, folder)) return;
  const where = target === folder ? "is" : isInside(folder, target) ? "holds" : "lies in";
  throw new PruneError(
    "storage",
    `${out} ${where} the folder of the source model, which stays untouched; name another directory`,
    { details: { out, source } },
  );
}

/** A path with links resolved, as far as it exists. */
async function realPath(path: string): Promise<string> {
  return realpath(path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT" || dirname(path) === path) throw error;
    return join(await realPath(dirname(path)), basename(path));
  });
}
