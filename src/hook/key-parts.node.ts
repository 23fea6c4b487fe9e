/**
 * What the key of a result depends on beside the plan, in Node: files that lie beside the session file.
 *
 * The same text is other tokens to another tokenizer, and a tokenizer can change beside a session file
 * that does not. A file that is calibrated by running its whole model depends on the model's other
 * sessions too. Which of them the host will open is not known while one is being opened, so all files
 * beside it count: too many at worst, which costs a calibration, never too few.
 */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileSource } from "../onnx/sources.js";
import { baseName, type Plan, readsText } from "../prune/index.js";
import type { HashSource } from "../store/index.js";
import type { KeyQuestion } from "./key-question.js";
import { modelFolder } from "./model-folders.js";
import { readsAnotherSession } from "./model-run.js";
import { sessionFileName } from "./session-file.js";

const ONNX_FILE = /^(.*)\.onnx(?:[._]data(?:_\d+)?)?$/;

/**
 * SHA-256 of the files that the key also depends on, by name.
 *
 * @returns why there is no key, in words, where they are not on disk
 */
export async function keyParts(question: KeyQuestion, hash: HashSource): Promise<Record<string, string> | string> {
  const { plan, needsSiblings } = question;
  const paths = needsSiblings ? await siblingsOf(plan) : [];
  if (paths === null)
    return "not cached: calibration runs the model's other sessions too, and they are not on disk; load the model from files";
  const parts: Record<string, string> = {};
  for (const path of [...paths, ...(await tokenizerOf(question))]) {
    const source = await fileSource(path, { missing: "not-found" });
    parts[baseName(path)] = await hash(source, plan.options.signal).finally(() => source.close());
  }
  return parts;
}

/** Paths of the other sessions of the model; null where they are needed and not on disk. */
async function siblingsOf(plan: Plan): Promise<string[] | null> {
  const { path } = plan.model.onnx.source;
  if (path === undefined) return readsAnotherSession(plan) ? null : [];
  const own = sessionFileName(baseName(path).replace(ONNX_FILE, "$1"));
  const isSibling = (name: string) => {
    const session = ONNX_FILE.exec(name)?.[1];
    return session !== undefined && sessionFileName(session) !== own;
  };
  const names = (await readdir(dirname(path))).filter(isSibling).sort();
  if (names.length === 0) return readsAnotherSession(plan) ? null : [];
  return names.map((name) => join(dirname(path), name));
}

/** Path of the tokenizer, where text is read and the model is on disk. */
async function tokenizerOf({ plan, tokenizer }: KeyQuestion): Promise<string[]> {
  const { path } = plan.model.onnx.source;
  if (path === undefined || !readsText(plan)) return [];
  const file = join(modelFolder(path), "tokenizer.json");
  // Loaded where it is not there yet, so that the first load of a model of the Hub finds the same key as the second.
  if (!existsSync(file)) await tokenizer().catch(() => {}); // calibration will say what is wrong with it
  return existsSync(file) ? [file] : [];
}
