/**
 * What tests of loading share: fixtures by name, a host that stays off the network and keeps its cache
 * in a folder of the test file, and a record of every session that ONNX Runtime really opened. Import
 * it before anything prunes, so that the record lies beneath the hook.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { env } from "@huggingface/transformers";
import { afterAll, beforeEach } from "vitest";
import { buildModel, findTargets, resolveCoding, type Target } from "../../src/graph/index.js";
import { onnxRuntime } from "../../src/hook/host.js";
import { openModel, readTensor } from "../../src/onnx/index.js";
import { countZeroValues } from "../../src/rewrite/index.js";
import type { RuntimeSession } from "../../src/runtime/index.js";

const fixture = (name: string) => resolve(import.meta.dirname, "../fixtures", name);

/** Directories of the models. */
export const AUSTEN = resolve(import.meta.dirname, "../../models/austen-1.4m");
export const GPT2 = fixture("austen-gpt2");
export const T5 = fixture("tiny-t5");
export const BERT = fixture("tiny-bert");
export const VIT = fixture("tiny-vit");
export const WHISPER = fixture("tiny-whisper");
export const LLAVA = fixture("tiny-llava");

/** Calibration that takes a moment: two samples of 64 tokens of the built-in text. */
export const SHORT = { count: 2, length: 64 } as const;

/** A session that ONNX Runtime opened. */
export interface OpenedSession {
  readonly model: string | Uint8Array;
  readonly options: Readonly<Record<string, unknown>>;
  readonly session: RuntimeSession;
  isReleased: boolean;
}

/** All sessions since the test began, in the order in which they were open. */
export const sessions: OpenedSession[] = [];

/** Sessions that nobody has released. */
export const openSessions = (): OpenedSession[] => sessions.filter(({ isReleased }) => !isReleased);

const { InferenceSession } = onnxRuntime();
const create = InferenceSession.create.bind(InferenceSession);
InferenceSession.create = async (model, ...rest) => {
  const session = await create(model, ...rest);
  const record = {
    model: model as string | Uint8Array,
    options: rest[0] as OpenedSession["options"],
    session,
    isReleased: false,
  };
  sessions.push(record);
  const release = session.release.bind(session);
  session.release = async () => {
    record.isReleased = true;
    await release();
  };
  return session;
};

/** A folder that is removed when the test file is done. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "transformers-prune-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

env.allowRemoteModels = false;
env.cacheDir = temporaryFolder();

beforeEach(() => {
  sessions.length = 0;
});

/** Share of zeros in each linear layer of a model as it was given to the runtime, those dense by default left out. */
export async function sparsities({ model, options }: Pick<OpenedSession, "model" | "options">) {
  const { session } = (options.extra ?? {}) as { session?: Record<string, string> };
  const folder = session?.model_external_initializers_file_folder_path;
  // A skeleton refers to files of that folder.
  const externalData =
    folder === undefined ? [] : readdirSync(folder).map((path) => ({ path, data: join(folder, path) }));
  const onnx = await openModel(model, { externalData });
  try {
    const all = new Map<string, number>();
    for (const target of findTargets(buildModel(onnx)).targets.filter((one) => one.denseByDefault === null))
      all.set(target.name, await sparsityOf(target));
    return all;
  } finally {
    await onnx.close();
  }
}

async function sparsityOf(target: Target): Promise<number> {
  const { tensor, shape } = target;
  return countZeroValues(await readTensor(tensor), await resolveCoding(target), target) / (shape.out * shape.in);
}

/** File name of an opened model without extension; "bytes" where it was given in memory. */
export const fileOf = ({ model }: OpenedSession): string =>
  typeof model === "string" ? basename(model, ".onnx") : "bytes";

/** Names of the files whose sessions nobody has released. */
export const openFiles = (): string[] => openSessions().map(fileOf);
