/**
 * The `coefficients` option: from what users write to a `CoefficientSource`, and from there, once
 * the model is about to be pruned, to numbers. Only `loadCoefficients` reads files.
 */
import { PruneError } from "../errors.js";
import type { Coefficients, MethodName } from "../score/index.js";
import { defaultCoefficients, example, readCoefficientValues, refuseWithoutParameters } from "./coefficient-values.js";
import { badOption, dottedLabel, isOptionsObject, type Label } from "./option-reader.js";
import type { CoefficientSource } from "./types.js";

/**
 * Reads the `coefficients` option: `"auto"`, `"default"`, an object, the text of a JSON object, else
 * the path or URL of a JSON file.
 *
 * @throws PruneError `bad-option`, `unknown-option`, see {@link readCoefficientValues}
 */
export function readCoefficients(value: unknown, method: MethodName, label: Label): CoefficientSource {
  if (value === "auto" || value === "default") return { kind: value };
  if (isOptionsObject(value)) return { kind: "values", values: readCoefficientValues(value, method, label) };
  if (typeof value !== "string" || value.trim() === "")
    throw badOption(
      label,
      `"auto", "default", an object such as ${example("crepe")}, or the path or URL of a JSON file`,
      value,
    );
  refuseWithoutParameters(method, label);
  if (value.trim().startsWith("{"))
    return { kind: "values", values: readCoefficientValues(parseJson(value, label.text), method, label) };
  return { kind: "file", location: value };
}

/**
 * The numbers themselves. `"auto"` gives the method's defaults, as `"default"` does.
 *
 * @returns complete, frozen coefficients, and where they are from: `"given"`, `"default"` or the file's location
 * @throws PruneError `not-found` where the file cannot be read; `bad-option` or `unknown-option`
 *   where it holds no coefficients of this method
 */
export async function loadCoefficients(
  source: CoefficientSource,
  method: MethodName,
): Promise<{ coefficients: Coefficients; from: string }> {
  switch (source.kind) {
    case "auto":
    case "default":
      return { coefficients: defaultCoefficients(method), from: "default" };
    case "values":
      return { coefficients: source.values, from: "given" };
    case "file": {
      const label = `coefficients in ${source.location}`;
      const json = parseJson(await readText(source.location), label);
      return { coefficients: readCoefficientValues(json, method, dottedLabel(label)), from: source.location };
    }
  }
}

function parseJson(text: string, label: string): unknown {
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

/** In a page every location is an address (relative to the page); elsewhere what has no web scheme is a path. */
async function readText(location: string): Promise<string> {
  const page: { readonly href: string } | undefined = globalThis.location;
  try {
    if (/^file:/i.test(location)) return await readFileText(new URL(location));
    if (page === undefined && !/^(https?|data|blob):/i.test(location)) return await readFileText(location);
    const response = await fetch(new URL(location, page?.href));
    if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`.trimEnd());
    return await response.text();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PruneError(
      "not-found",
      `coefficients file "${location}" cannot be read: ${reason}; give "auto", "default", an object, or a JSON file that exists`,
      { details: { file: location }, cause },
    );
  }
}

async function readFileText(path: string | URL): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  return readFile(path, "utf8");
}
