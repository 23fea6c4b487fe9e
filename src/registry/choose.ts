/**
 * Chooses the coefficients of a model once it is known: those that were given, those of a file, or for
 * `"auto"` the best that is known of the model or its family, else the untuned ones. With them come what
 * they were tuned for: the passes of calibration, and the scope where the user left it open. What looks among
 * records is loaded where there are some to look among.
 */
import type { Target } from "../graph/index.js";
import { type ResolvedPrune, withScope } from "../options/index.js";
import type { Pattern } from "../pattern/index.js";
import { ADAPTIVE_METHODS, isAdaptive } from "../reconstruct/table.js";
import { type CoefficientSet, type MethodName, methodOf } from "../score/index.js";
import type { Registry } from "./lookup.js";

/** What is known of models and coefficients outside of the model file. */
export interface CoefficientLibrary {
  /** Registries in the order in which they are asked. */
  readonly registries: () => Promise<readonly Registry[]>;
  /** `model_type` of the config of the model whose session file lies at `path` (null: bytes); null where unknown. */
  readonly modelType: (path: string | null) => Promise<string | null>;
}

/** A session file whose coefficients are to be chosen. */
export interface ModelAtHand {
  /** Where it lies, null where it was given as bytes. */
  readonly path: string | null;
  /** All linear layers, whatever is to be pruned. */
  readonly targets: readonly Target[];
}

/** Coefficients with all that comes with them. */
export interface Choice {
  readonly coefficients: CoefficientSet;
  /** Where they are from, for the report. */
  readonly from: string;
  /** Passes that they were tuned with, null where nobody says. */
  readonly passes: number | null;
  /** The pattern with its scope decided. */
  readonly pattern: Pattern;
}

/** What is asked of a method that scores. */
export type ScoreOptions = Pick<ResolvedPrune, "pattern" | "coefficients"> & { readonly method: MethodName };

/**
 * Chooses coefficients.
 *
 * @param library null: nothing is known but what the options say
 * @throws PruneError `not-found` where a file of coefficients cannot be read; `bad-option` or
 *   `unknown-option` where it holds none for this method and pattern, or a registry is damaged
 */
export async function chooseCoefficients(
  options: Pick<ResolvedPrune, "method" | "pattern" | "coefficients">,
  model: ModelAtHand,
  library: CoefficientLibrary | null,
): Promise<Choice> {
  const { method, coefficients: source } = options;
  if (isAdaptive(method))
    return { ...WITHOUT, pattern: withScope(options.pattern, ADAPTIVE_METHODS[method].defaultScope) };
  return chooseForScores({ ...options, method }, source, model, library);
}

/** What a method without coefficients has. */
const WITHOUT = { coefficients: { all: {} }, from: "none: the method has no coefficients", passes: null } as const;

async function chooseForScores(
  options: ScoreOptions,
  source: ResolvedPrune["coefficients"],
  model: ModelAtHand,
  library: CoefficientLibrary | null,
): Promise<Choice> {
  if (methodOf(options.method).parameters.length === 0) return untuned(options, WITHOUT.from);
  switch (source.kind) {
    case "auto":
      if (library === null) return untuned(options, "untuned: nothing was looked up");
      return (await import("./choose-known.js")).chooseKnown(options, model, library);
    case "default":
      return untuned(options, "default");
    case "values":
      return given(options, source.values, "given");
    case "file":
      return (await import("./choose-known.js")).chooseFromFile(options, source.location, model, library);
    default:
      return source satisfies never;
  }
}

/** The coefficients of a method that nobody tuned. */
export function untuned(options: ScoreOptions, from: string): Choice {
  const { untuned: all, untunedScope } = methodOf(options.method);
  return { coefficients: { all }, from, passes: null, pattern: withScope(options.pattern, untunedScope) };
}

/** Coefficients that somebody names, for whatever they were tuned. */
export function given(options: ScoreOptions, coefficients: CoefficientSet, from: string): Choice {
  const { defaultScope } = methodOf(options.method);
  return { coefficients, from, passes: null, pattern: withScope(options.pattern, defaultScope) };
}
