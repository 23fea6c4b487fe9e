/** Browsers have no files that a runtime could map (see create-from-files.node.ts). */
import { PruneError } from "../errors.js";
import type { ModelEdits, OnnxModel } from "../onnx/index.js";
import type { RuntimeSession, SessionOptions } from "../runtime/index.js";
import type { Create } from "./intercept.js";

/** @throws PruneError `unsupported`, always */
export async function createFromFiles(
  onnx: OnnxModel,
  _edits: ModelEdits,
  _options: SessionOptions,
  _create: Create,
): Promise<RuntimeSession> {
  throw new PruneError(
    "unsupported",
    `${onnx.name}: its packed weights expand to more than 2 GB, which a browser cannot open; load the dense file`,
    { details: { file: onnx.name } },
  );
}
