/**
 * The session files of a model, found by the host itself: the model is loaded by its own class with
 * a request that notes each file and opens nothing. So dtype, device, external data, downloads and
 * cache are exactly the host's.
 */
import { PruneError } from "../errors.js";
import type { ModelFile } from "../prune/index.js";
import type { RuntimeSession, SessionOptions } from "../runtime/index.js";
import { FileNames } from "./file-names.node.js";
import { host } from "./host.js";
import { type SessionRequest, withRequest } from "./intercept.js";
import { refuseUnknownDtype, refuseUnknownFiles } from "./known-keys.js";
import { folderOf, modelIdOrFolder } from "./location.node.js";
import type { Reload } from "./model-run.js";
import type { PipelineTask } from "./pipeline.js";
import { modelFileOf } from "./session-file.js";
import type { LoadOptions } from "./tokenizer.js";
import type { ModelClass } from "./with-prune.js";

/** A session file as the host found it: a path in Node, bytes in browsers. */
export type ResolvedFile = ModelFile & { readonly sessionOptions: SessionOptions };

/** A model whose files are at hand, ready to be opened. */
export interface ResolvedModel {
  /** Hub id or absolute directory, as the host takes it. */
  readonly id: string;
  /** Options that load it again. */
  readonly options: HostLoadOptions;
  readonly modelClass: ModelClass<object>;
  /** In order of their names, and at least one. */
  readonly files: readonly ResolvedFile[];
  /** Folder with config, tokenizer and the rest; null where files came as bytes. */
  readonly folder: string | null;
  /** What names the files, where the host gives bytes; each further load goes through it too. */
  readonly fileNames: FileNames;
}

/**
 * The folder of a model.
 *
 * @throws PruneError `unsupported` where the host keeps its files in memory
 */
export function folderOnDisk({ folder, files, id }: ResolvedModel): string {
  const inMemory = files.find(({ input }) => typeof input !== "string");
  if (folder !== null && inMemory === undefined) return folder;
  throw new PruneError(
    "unsupported",
    `${id}: the host keeps "${inMemory?.name ?? "model"}" in memory; set env.useFSCache or name a directory`,
  );
}

/** Options of a model by its name, as the host has them. */
export interface HostLoadOptions
  extends LoadOptions,
    Pick<host.PretrainedModelOptions, "device" | "model_file_name" | "subfolder" | "use_external_data_format"> {
  /** `"fp32"`, `"fp16"`, …, or a map by session file. */
  readonly dtype?: string | Readonly<Record<string, string>>;
}

/** What a model class makes of a config, when its own name says nothing. */
const BY_SUFFIX: readonly (readonly [RegExp, string])[] = [
  [/ForCausalLM$|LMHeadModel$/, "AutoModelForCausalLM"],
  [/ForConditionalGeneration$/, "AutoModelForSeq2SeqLM"],
];

/** Files that tell whether there is a tokenizer and a processor, with what loads them. */
const COMPANIONS = [
  ["tokenizer_config.json", "AutoTokenizer"],
  ["preprocessor_config.json", "AutoProcessor"],
] as const;

/**
 * Finds the files of a model, downloading them where the host would.
 *
 * @throws PruneError `not-found` where the host cannot find or load the model
 */
export async function resolveModel(model: string, given: HostLoadOptions): Promise<ResolvedModel> {
  refuseUnknownDtype(given.dtype);
  const { id, isFolder } = modelIdOrFolder(model);
  const options: HostLoadOptions = isFolder ? { ...given, local_files_only: true } : given;
  const files: ResolvedFile[] = [];
  const note: SessionRequest = {
    open: async (input, sessionOptions) => {
      files.push({ ...modelFileOf(input, sessionOptions), sessionOptions });
      return unopened();
    },
  };
  try {
    const modelClass = await findClass(id, options);
    const fileNames = new FileNames();
    await modelClass.from_pretrained(id, { ...options, ...carrying(note, fileNames) });
    if (!isFolder) await downloadCompanions(id, options);
    const [first] = files;
    if (first === undefined) throw new Error("it opens no session");
    // The host opens them in the order in which they are found.
    files.sort((a, b) => (a.name < b.name ? -1 : 1));
    const names = files.map(({ name }) => name);
    for (const option of ["dtype", "device"] as const) refuseUnknownFiles(option, options[option], names);
    const path = typeof first.input === "string" ? first.input : null;
    return { id, options, modelClass, files, folder: isFolder ? id : folderOf(path), fileNames };
  } catch (cause) {
    if (cause instanceof PruneError) throw cause;
    throw new PruneError(
      "not-found",
      `${model} cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}; ` +
        "name a directory in the layout of transformers.js or a Hub id",
      { cause },
    );
  }
}

/** Options of a load that carry a request, which hears of files by their names. */
function carrying(request: SessionRequest, fileNames: FileNames) {
  const listening = fileNames.listening(undefined);
  return {
    session_options: withRequest({}, fileNames.naming(request)),
    ...(listening && { progress_callback: listening }),
  };
}

/** The class that the config names, else the one that fits its name. */
async function findClass(id: string, options: HostLoadOptions): Promise<ModelClass<object>> {
  const config = await host.AutoConfig.from_pretrained(id, options as object);
  const name = (config as { architectures?: string[] }).architectures?.[0] ?? "";
  const classes = host as unknown as Record<string, ModelClass<object> | undefined>;
  const suffixed = BY_SUFFIX.find(([pattern]) => pattern.test(name))?.[1];
  return classes[name] ?? (suffixed === undefined ? undefined : classes[suffixed]) ?? host.AutoModel;
}

/** Tokenizer and processor, which loading a model alone does not bring. */
async function downloadCompanions(id: string, options: HostLoadOptions): Promise<void> {
  for (const [file, loader] of COMPANIONS) {
    const { exists } = await host.ModelRegistry.get_file_metadata(id, file, options as object);
    if (exists) await host[loader].from_pretrained(id, options as object);
  }
}

/** Stands for a session in a model that is never run. The host assigns to it, so each is a new one. */
const unopened = (): RuntimeSession => ({
  inputNames: [],
  outputNames: [],
  inputMetadata: [],
  run: () => Promise.reject(new Error("this session was only looked up, not opened")),
  release: async () => {},
});

/**
 * Loads a resolved model again, to calibrate by running it.
 *
 * @param task the host's pipeline to load; the model alone where it is undefined
 */
export const reloadResolved =
  ({ id, options, modelClass, fileNames }: ResolvedModel, task: PipelineTask | undefined): Reload =>
  async (request, use) => {
    const all = { ...options, ...carrying(request, fileNames) };
    const loaded = await (task === undefined
      ? modelClass.from_pretrained(id, all)
      : host.pipeline(task, id, all as host.PretrainedModelOptions));
    try {
      await use(loaded);
    } finally {
      await (loaded as { dispose?: () => Promise<unknown> }).dispose?.();
    }
  };
