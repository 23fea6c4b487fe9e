/**
 * What is known of coefficients where models are loaded in Node: the registry beside the host's cache, the
 * records that come with this package, and the type of a model, which its config tells.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { CoefficientLibrary } from "../registry/index.js";
import { readRegistryFile, registryIn } from "../registry/local.js";
import { SHIPPED } from "../registry/shipped.js";
import { host } from "./host.js";
import { cacheRootOf, modelFolder, placeOf } from "./model-folders.js";
import type { LoadOptions } from "./tokenizer.js";

/**
 * The library for one model.
 *
 * @param id Hub id or directory; null: the config is found by the path of the session file
 * @param options with which the host loads the model
 */
export function coefficientLibrary(id: string | null, options: LoadOptions): CoefficientLibrary {
  const path = registryIn(cacheRootOf(options.cache_dir));
  return {
    registries: async () => [
      { kind: "tuned", records: path === null ? [] : await readRegistryFile(path) },
      { kind: "shipped", records: SHIPPED },
    ],
    modelType: (session) => modelTypeOf(id, session, options),
  };
}

/** `model_type` of a model's config, null where there is none. The report says what came of it. */
async function modelTypeOf(id: string | null, path: string | null, options: LoadOptions): Promise<string | null> {
  const file = path === null ? null : join(modelFolder(path), "config.json");
  // The host may have kept its config in memory only; then it is asked by the model's id.
  const place = id === null ? placeOf(path, options) : { id, options };
  try {
    const config: unknown =
      file !== null && existsSync(file)
        ? JSON.parse(await readFile(file, "utf8"))
        : place && (await host.AutoConfig.from_pretrained(place.id, place.options as object));
    const { model_type: type } = (config ?? {}) as { model_type?: unknown };
    return typeof type === "string" && type !== "" ? type : null;
  } catch {
    return null;
  }
}
