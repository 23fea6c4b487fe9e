/**
 * Opens an edited model by way of the system's temporary folder: the runtime maps external data, so a
 * model that is larger than a message is never in our memory as a whole.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ModelEdits, type OnnxModel, writeModel } from "../onnx/index.js";
import type { RuntimeSession, SessionOptions } from "../runtime/index.js";
import { FolderDraft } from "../store/folders.js";
import type { Create } from "./intercept.js";

/**
 * Opens an edited model by way of files that are gone when the runtime has them.
 *
 * @throws PruneError `storage` where there is no room for them
 */
export async function createFromFiles(
  onnx: OnnxModel,
  edits: ModelEdits,
  { externalData: _, ...options }: SessionOptions,
  create: Create,
): Promise<RuntimeSession> {
  // In a folder of its own: drafts clear up after dead ones beside them, which may be another user's.
  const folder = await mkdtemp(join(tmpdir(), "transformers-prune-expanded-"));
  const draft = await FolderDraft.create(join(folder, "model"));
  try {
    await writeModel(onnx, edits, draft.sink(""), { fileName: "model.onnx", external: "always" });
    await draft.finishFiles();
    return await create(join(draft.path, "model.onnx"), options);
  } finally {
    // What the runtime has mapped lives on without its name.
    await draft.discard();
    await rm(folder, { recursive: true, force: true });
  }
}
