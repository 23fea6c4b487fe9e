/** Model files written again, for tests in which a source changes. */
import { writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type ModelEdits, openModel, writeModel } from "../../src/onnx/index.js";

/** With another line of metadata: other bytes, the same model. */
export const touch = (path: string): Promise<void> => rewrite(path, { metadata: { touched: "yes" } }, "auto");

/** With its weights in a file of their own. */
export const externalise = (path: string): Promise<void> => rewrite(path, {}, "always");

async function rewrite(path: string, edits: ModelEdits, external: "auto" | "always"): Promise<void> {
  const model = await openModel(path);
  const files = new Map<string, Uint8Array[]>();
  const sink = {
    write: async (name: string, chunk: Uint8Array) => {
      files.set(name, [...(files.get(name) ?? []), Uint8Array.from(chunk)]);
    },
  };
  await writeModel(model, edits, sink, { fileName: basename(path), external });
  await model.close();
  for (const [name, chunks] of files) writeFileSync(join(dirname(path), name), Buffer.concat(chunks));
}
