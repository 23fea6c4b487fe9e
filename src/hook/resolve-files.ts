/**
 * The session files of a model, found by the host itself: the model is loaded by its own class with
 * a request that notes each file and opens nothing. So dtype, device, external data, downloads and
 * cache are exactly the host's.
 */
import { PruneError } from "../errors.js";
import type { ModelFile } from "../prune/index.js";
import type { RuntimeSession, SessionOptions } from "../runtime/index.js";
import { host } from "./host.js";
import { type SessionRequest, withRequest } from "./intercept.js";
import { type LoadOptions, modelFolder, modelIdOrFolder } from "./location.js";
import type { Reload } from "./mask-by-run.js";
import { modelFileOf } from "./session-file.js";
import type { ModelClass } from "./with-prune.js";

/** A model on disk, ready to be opened. */
export interface ResolvedModel {
  /** Hub id or absolute directory, as the host takes it. */
  readonly id: string;
  /** Options that load it again. */
  readonly options: HostLoadOptions;
  readonly modelClass: ModelClass<object>;
  readonly files: readonly (ModelFile & { readonly input: string; readonly sessionOptions: SessionOptions })[];
  /** Folder with config, tokenizer and the rest. */
  readonly folder: string;
}

/** Options of the commands that the host understands. */
export interface HostLoadOptions extends LoadOptions {
  readonly dtype?: string;
}

/** What a model class makes of a config, when its own name says nothing. */
const BY_SUFFIX: readonly (readonly [RegExp, string])[] = [
  [/ForCausalLM$|LMHeadModel$/, "AutoModelForCausalLM"],
  [/ForConditionalGeneration$/, "AutoModelForSeq2SeqLM"],
];

/**
 * Finds the files of a model, downloading them where the host would.
 *
 * @throws PruneError `not-found` where the host cannot find or load the model
 */
export async function resolveModel(model: string, given: HostLoadOptions): Promise<ResolvedModel> {
  const { id, isFolder } = modelIdOrFolder(model);
  const options: HostLoadOptions = isFolder ? { ...given, local_files_only: true } : given;
  const notes: { model: unknown; options: SessionOptions }[] = [];
  const note: SessionRequest = {
    open: async (file, sessionOptions) => {
      notes.push({ model: file, options: sessionOptions });
      return UNOPENED;
    },
  };
  const modelClass = await findClass(id, options);
  try {
    await modelClass.from_pretrained(id, { ...options, session_options: withRequest({}, note) });
  } catch (cause) {
    throw notFound(model, cause);
  }
  const files = notes.map((one) => {
    const file = modelFileOf(one.model, one.options);
    if (typeof file.input !== "string")
      throw new PruneError(
        "unsupported",
        `${model}: the host keeps "${file.name}" in memory; set env.useFSCache or name a directory`,
      );
    return { ...file, input: file.input, sessionOptions: one.options };
  });
  const first = files[0];
  if (first === undefined) throw notFound(model, undefined);
  return { id, options, modelClass, files, folder: modelFolder(first.input) };
}

async function findClass(id: string, options: HostLoadOptions): Promise<ModelClass<object>> {
  try {
    const config = await host.AutoConfig.from_pretrained(id, options as object);
    const name = (config as { architectures?: string[] }).architectures?.[0] ?? "";
    const classes = host as unknown as Record<string, ModelClass<object> | undefined>;
    const suffixed = BY_SUFFIX.find(([pattern]) => pattern.test(name))?.[1];
    return classes[name] ?? (suffixed === undefined ? undefined : classes[suffixed]) ?? host.AutoModel;
  } catch (cause) {
    throw notFound(id, cause);
  }
}

function notFound(model: string, cause: unknown): PruneError {
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new PruneError(
    "not-found",
    `${model} cannot be loaded${why}; name a directory in the layout of transformers.js or a Hub id`,
    { cause },
  );
}

/** Stands for a session in a model that is never run. */
const UNOPENED: RuntimeSession = {
  inputNames: [],
  outputNames: [],
  inputMetadata: [],
  run: () => Promise.reject(new Error("this session was only looked up, not opened")),
  release: async () => {},
};

/** Loads a resolved model again, for calibration by `run`. */
export const reloadResolved =
  ({ id, options, modelClass }: ResolvedModel): Reload =>
  async (request, use) => {
    const model = await modelClass.from_pretrained(id, { ...options, session_options: withRequest({}, request) });
    try {
      await use(model);
    } finally {
      await (model as { dispose?: () => Promise<unknown> }).dispose?.();
    }
  };
