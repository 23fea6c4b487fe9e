/**
 * The `coefficients` option: from what users write to a `CoefficientSource`. What it comes to is
 * chosen when the model is known (registry/); no file is read here.
 */
import { PruneError } from "../errors.js";
import { isAdaptive, type PruneMethodName } from "../reconstruct/table.js";
import { example, readCoefficientSet, refuseWithoutParameters, withoutCoefficients } from "./coefficient-values.js";
import { badOption, isOptionsObject, type Label } from "./option-reader.js";
import type { CoefficientSource } from "./types.js";

/**
 * Reads the `coefficients` option: `"auto"`, `"default"`, an object, the text of a JSON object, else
 * the path or URL of a JSON file.
 *
 * @throws PruneError `bad-option`, `unknown-option`, see {@link readCoefficientSet}
 */
export function readCoefficients(value: unknown, method: PruneMethodName, label: Label): CoefficientSource {
  if (value === "auto" || value === "default") return { kind: value };
  if (isAdaptive(method)) throw withoutCoefficients(method, label);
  if (isOptionsObject(value)) return { kind: "values", values: readCoefficientSet(value, method, label) };
  if (typeof value !== "string" || value.trim() === "")
    throw badOption(
      label,
      `"auto", "default", an object such as ${example("crepe")}, or the path or URL of a JSON file`,
      value,
    );
  refuseWithoutParameters(method, label);
  if (value.trim().startsWith("{"))
    return { kind: "values", values: readCoefficientSet(parseJson(value, label.text), method, label) };
  return { kind: "file", location: value };
}

/**
 * JSON text of coefficients.
 *
 * @param label what the text is, for messages
 * @throws PruneError `bad-option`
 */
export function parseJson(text: string, label: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PruneError("bad-option", `${label}: expected a JSON object such as ${example("crepe")}; ${reason}`, {
      details: { option: label },
      cause,
    });
  }
}
