/** The parts of an exported directory that are not pruned: dense session files, config, tokenizer. */
import { readdir, readFile, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { PruneError } from "../errors.js";
import { writeModel } from "../onnx/index.js";
import { type ModelFile, openModelFile } from "../prune/index.js";
import { type EntryDraft, sha256, withStorageErrors } from "../store/folders.js";
import { configFor } from "./exported-config.js";
import { isInside } from "./model-folders.js";

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
  const names = (await draft.finishFiles()).map(({ name }) => name);
  for (const [name, content] of files)
    await draft.write(name, name === "config.json" ? configFor(content, names) : content);
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
