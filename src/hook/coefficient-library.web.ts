/**
 * What is known of coefficients where models are loaded in browsers: the records that come with this
 * package, and the type of a model, which its config tells.
 */
import type { CoefficientLibrary } from "../registry/index.js";
import { host } from "./host.js";
import type { LoadOptions } from "./tokenizer.js";

/**
 * The library for one model.
 *
 * @param id Hub id; null: nobody knows it
 * @param options with which the host loads the model
 */
export function coefficientLibrary(id: string | null, options: LoadOptions): CoefficientLibrary {
  return {
    registries: async () => [{ kind: "shipped", records: (await import("../registry/shipped.js")).SHIPPED }],
    modelType: () => modelTypeOf(id, options),
  };
}

/** `model_type` of a model's config, null where there is none. The report says what came of it. */
async function modelTypeOf(id: string | null, options: LoadOptions): Promise<string | null> {
  if (id === null) return null;
  try {
    const { model_type: type } = (await host.AutoConfig.from_pretrained(id, options as object)) as {
      model_type?: unknown;
    };
    return typeof type === "string" && type !== "" ? type : null;
  } catch {
    return null;
  }
}
