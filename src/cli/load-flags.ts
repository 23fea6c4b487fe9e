/**
 * Flags that every command has: which files of which model to load, in transformers.js's own words, and what to print.
 */
import type { Command } from "commander";
import { PruneError } from "../errors.js";
import type { HostLoadOptions } from "../hook/index.js";
import { badOption, dottedLabel } from "../options/index.js";
import { numberOrText } from "./flags.js";

/** Flags that every command has. */
export interface CommonFlags {
  readonly dtype?: string;
  readonly device?: string;
  readonly subfolder?: string;
  readonly modelFileName?: string;
  readonly externalData?: string;
  readonly cacheDir?: string;
  readonly localFilesOnly?: boolean;
  readonly revision?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** Where a flag is not given, the host decides. */
const AS_HOST = "(default: the config's, else the host's)";

/** Adds the flags that every command has. */
export function addCommonFlags(command: Command): void {
  command
    .optionsGroup("Model and output:")
    .option("--dtype <name|JSON>", `which of the model's files: fp32, fp16, q8, q4, …, or one for each ${AS_HOST}`)
    .option("--device <name|JSON>", `device that calibrates; config and host may have a dtype for it ${AS_HOST}`)
    .option("--subfolder <dir>", "folder of the model's files (default: onnx)")
    .option(
      "--model-file-name <name>",
      "name of the model's file, without dtype suffix and .onnx (default: the model class's)",
    )
    .option("--external-data <n|JSON>", `data files beside each file, to be fetched ${AS_HOST}`)
    .option("--cache-dir <dir>", "where models from the Hub are kept (default: the host's cache)")
    .option("--local-files-only", "never go to the network")
    .option("--revision <name>", "branch, tag or commit of a model on the Hub (default: main)")
    .option("--quiet", "no progress, only the result")
    .option("--json", "print the result as JSON and nothing else");
}

/** How to find and open the model, in the host's words. @throws PruneError `bad-option` for text that is no JSON */
export function loadOptions(flags: CommonFlags): HostLoadOptions {
  return {
    ...fileOptions(flags),
    ...(flags.externalData !== undefined && {
      use_external_data_format: dataFormat(flags.externalData) as NonNullable<
        HostLoadOptions["use_external_data_format"]
      >,
    }),
    ...(flags.subfolder !== undefined && { subfolder: flags.subfolder }),
    ...(flags.cacheDir !== undefined && { cache_dir: flags.cacheDir }),
    ...(flags.localFilesOnly !== undefined && { local_files_only: flags.localFilesOnly }),
    ...(flags.revision !== undefined && { revision: flags.revision }),
  };
}

/** Which of a model's files to open, also once it was pruned into a folder. @throws PruneError as {@link loadOptions} */
export function fileOptions(flags: CommonFlags): HostLoadOptions {
  const { dtype, device, modelFileName } = flags;
  return {
    ...(dtype !== undefined && { dtype: mapOrText("--dtype", dtype) as NonNullable<HostLoadOptions["dtype"]> }),
    ...(device !== undefined && { device: mapOrText("--device", device) as NonNullable<HostLoadOptions["device"]> }),
    ...(modelFileName !== undefined && { model_file_name: modelFileName }),
  };
}

const MAP = '{"decoder_model_merged":"q4"}';

/** A map by session file where the text is JSON of one; anything else is a name. */
const mapOrText = (flag: string, text: string): unknown => objectOrText(flag, text, MAP);

/**
 * An object where the text is JSON of one; anything else is itself.
 *
 * @param example for the error
 * @throws PruneError `bad-option`
 */
export function objectOrText(flag: string, text: string, example: string): unknown {
  if (!text.trimStart().startsWith("{")) return text;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PruneError(
      "bad-option",
      `${flag}: expected a name, or JSON such as ${example}; ${(cause as Error).message}`,
      { details: { option: flag }, cause },
    );
  }
}

/** The host takes true, false, a number of files or a map of those. @throws PruneError `bad-option` */
function dataFormat(text: string): unknown {
  const flag = "--external-data";
  const value = /^(?:true|false)$/.test(text) ? text === "true" : numberOrText(text);
  const given = typeof value === "string" ? mapOrText(flag, value) : value;
  if (typeof given === "string" || (typeof given === "number" && !(Number.isInteger(given) && given >= 0)))
    throw badOption(dottedLabel(flag), "true, false, a number of files, or JSON of a map of those", text);
  return given;
}
