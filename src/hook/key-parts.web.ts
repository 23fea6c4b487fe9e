/**
 * What the key of a result depends on beside the plan, in browsers: the tokenizer, and the other
 * sessions of the model where calibration runs them (see key-parts.node.ts). Sessions are opened when
 * the host has fetched all of them (deferred-sessions.web.ts), so they are known.
 */
import { PruneError } from "../errors.js";
import { openModelFile, readsText, sourceHashes } from "../prune/index.js";
import { digest, type HashSource } from "../store/index.js";
import type { KeyQuestion } from "./key-question.js";
import { readsAnotherSession } from "./model-run.js";

/**
 * SHA-256 of the files that the key also depends on, by name.
 *
 * @returns why there is no key, in words
 */
export async function keyParts(question: KeyQuestion, hash: HashSource): Promise<Record<string, string> | string> {
  const { plan, needsSiblings, files, sideFile } = question;
  const siblings = needsSiblings ? files.filter(({ name }) => name !== plan.name) : [];
  if (needsSiblings && siblings.length === 0 && readsAnotherSession(plan))
    return "not cached: calibration runs the model's other sessions too, and nobody knows them here; use pipeline() or withPrune()";
  const parts: Record<string, string> = {};
  for (const file of siblings) {
    const onnx = await openModelFile(file);
    const hashes = await sourceHashes(onnx, hash, plan.options.signal).finally(() => onnx.close());
    parts[file.name] = await digest(JSON.stringify(hashes));
  }
  if (!readsText(plan)) return parts;
  try {
    const text = await sideFile("tokenizer.json");
    if (text !== null) return { ...parts, "tokenizer.json": await digest(text) };
  } catch (error) {
    if (!(error instanceof PruneError)) throw error;
    return `not cached: ${error.message}`;
  }
  return "not cached: nothing tells this tokenizer from another, because tokenizer.json cannot be found";
}
