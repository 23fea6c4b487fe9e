/**
 * The key of a file that is calibrated by running its whole model depends on the model's other
 * sessions too. Which of them the host will open is not known while one is being opened, so all
 * files beside it count: too many at worst, which costs a calibration, never too few.
 */
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { baseName, extendKey, type Plan, type PlanKey } from "../prune/index.js";
import { contentHash } from "../store/index.js";
import { readsAnotherSession } from "./default-run.js";
import { sessionFileName } from "./session-file.js";

const ONNX_FILE = /^(.*)\.onnx(?:[._]data(?:_\d+)?)?$/;

/**
 * A key that also changes with the other sessions of the model.
 *
 * @param memory folder that remembers hashes of unchanged files
 * @returns null where they are not on disk, so that nothing can be said
 */
export async function withSiblings(key: PlanKey, plan: Plan, memory: string): Promise<PlanKey | null> {
  const { path } = plan.model.onnx.source;
  if (path === undefined) return readsAnotherSession(plan) ? null : key;
  const own = sessionFileName(baseName(path).replace(ONNX_FILE, "$1"));
  const isSibling = (name: string) => {
    const session = ONNX_FILE.exec(name)?.[1];
    return session !== undefined && sessionFileName(session) !== own;
  };
  const names = (await readdir(dirname(path))).filter(isSibling).sort();
  if (names.length === 0) return readsAnotherSession(plan) ? null : key;
  const siblings: Record<string, string> = {};
  for (const name of names) siblings[name] = await contentHash(join(dirname(path), name), memory, plan.options.signal);
  return extendKey(key, siblings);
}
