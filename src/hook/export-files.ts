/** The parts of an exported directory that are not pruned: dense session files, config, tokenizer. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { PruneError } from "../errors.js";
import { openModel, writeModel } from "../onnx/index.js";
import type { ModelFile } from "../prune/index.js";
import { type FolderDraft, withStorageErrors } from "../store/index.js";

/** Weights of other frameworks, ONNX files outside of `onnx/`, hidden files and our own record are not copied. */
const NOT_COPIED = /^\.|\.(?:safetensors|bin|pt|pth|h5|msgpack|gguf|onnx|onnx[._]data.*|tflite|npz)$|^prune\.json$/i;

/** Copies session files that stay dense, with their external data, byte for byte. */
export async function addDenseFiles(
  files: readonly ModelFile[],
  draft: FolderDraft,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const file of files) {
    const model = await openModel(file.input, file.externalData ? { externalData: file.externalData } : {});
    try {
      await writeModel(model, {}, draft.sink("onnx"), { fileName: `${file.name}.onnx`, ...(signal && { signal }) });
    } finally {
      await model.close();
    }
  }
}

/** Copies config, tokenizer, generation config and whatever else lies beside the `onnx/` folder. */
export async function addSideFiles(folder: string, draft: FolderDraft): Promise<void> {
  const entries = await withStorageErrors(`cannot read ${folder}`, () => readdir(folder, { withFileTypes: true }));
  for (const entry of entries) {
    if (!entry.isFile() || NOT_COPIED.test(entry.name)) continue;
    const content = await withStorageErrors(`cannot read ${join(folder, entry.name)}`, () =>
      readFile(join(folder, entry.name)),
    );
    await draft.write(entry.name, content);
  }
}

/**
 * @throws PruneError `storage` where the directory holds anything
 */
export async function refuseOccupied(out: string): Promise<void> {
  const names = await readdir(out).catch(() => []);
  if (names.length > 0)
    throw new PruneError(
      "storage",
      `${out} exists and holds something else; name another directory, or replace it with force`,
      {
        details: { out },
      },
    );
}
