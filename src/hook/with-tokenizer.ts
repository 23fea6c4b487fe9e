/**
 * The part of a cache key that text calibration adds: the same text is other tokens to another
 * tokenizer, and a tokenizer can change beside a session file that does not.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { extendKey, type Plan, type PlanKey } from "../prune/index.js";
import { contentHash } from "../store/index.js";
import { modelFolder } from "./location.js";

/**
 * A key that also changes with the model's tokenizer, where calibration or `verify` reads text and the model is on disk.
 *
 * @param memory folder that remembers hashes of unchanged files
 * @param load loads the tokenizer; called where its file is not there yet, so that the first load of a
 *   model of the Hub finds the same key as the second
 */
export async function withTokenizer(
  key: PlanKey,
  plan: Plan,
  memory: string,
  load: () => Promise<unknown>,
): Promise<PlanKey> {
  const { path } = plan.model.onnx.source;
  const { calibration, verify } = plan.options;
  const { kind } = calibration.source;
  if (!(plan.calibrated || verify) || path === undefined || !(kind === "built-in" || kind === "texts")) return key;
  const file = join(modelFolder(path), "tokenizer.json");
  if (!existsSync(file)) await load().catch(() => {}); // calibration will say what is wrong with it
  if (!existsSync(file)) return key;
  return extendKey(key, { "tokenizer.json": await contentHash(file, memory, plan.options.signal) });
}
