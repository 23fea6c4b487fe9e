/**
 * Chooses the coefficients of a model once it is known: those that were given, those of a file, or for
 * `"auto"` the best that is known of the model or its family, else the untuned ones. With them come what
 * they were tuned for: the passes of calibration, and the scope where the user left it open.
 */
import { PruneError } from "../errors.js";
import type { Target } from "../graph/index.js";
import { parseJson, type ResolvedPrune, readCoefficientSet, SCOPES, withScope } from "../options/index.js";
import { describePattern, type Pattern, type Scope } from "../pattern/index.js";
import { type CoefficientSet, methodOf } from "../score/index.js";
import { familyOf, fingerprintOf } from "./family.js";
import { bestOf, type FittingRecord, fits, lookUp, mayServe, type Registry, type Wanted } from "./lookup.js";
import { readText } from "./read-text.js";
import { type CoefficientRecord, fileLabel, recordsIn } from "./record.js";
import { storageOf } from "./storage.js";

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

type Options = Pick<ResolvedPrune, "method" | "pattern" | "coefficients">;

/**
 * Chooses coefficients.
 *
 * @param library null: nothing is known but what the options say
 * @throws PruneError `not-found` where a file of coefficients cannot be read; `bad-option` or
 *   `unknown-option` where it holds none for this method and pattern, or a registry is damaged
 */
export async function chooseCoefficients(
  options: Options,
  model: ModelAtHand,
  library: CoefficientLibrary | null,
): Promise<Choice> {
  const { method, coefficients: source } = options;
  if (methodOf(method).parameters.length === 0) return untuned(options, "none: the method has no coefficients");
  switch (source.kind) {
    case "auto":
      return chooseKnown(options, model, library);
    case "default":
      return untuned(options, "default");
    case "values":
      return given(options, source.values, "given");
    case "file":
      return chooseFromFile(options, source.location, model, library);
    default:
      return source satisfies never;
  }
}

function untuned(options: Options, from: string): Choice {
  const { untuned: all, untunedScope } = methodOf(options.method);
  return { coefficients: { all }, from, passes: null, pattern: withScope(options.pattern, untunedScope) };
}

function given(options: Options, coefficients: CoefficientSet, from: string): Choice {
  const { defaultScope } = methodOf(options.method);
  return { coefficients, from, passes: null, pattern: withScope(options.pattern, defaultScope) };
}

/** The choice that a record stands for. */
const recorded = ({ record, pattern }: Pick<FittingRecord, "record" | "pattern">, from: string): Choice => ({
  coefficients: record.coefficients,
  from,
  passes: record.passes,
  pattern,
});

async function chooseKnown(
  options: Options,
  { path, targets }: ModelAtHand,
  library: CoefficientLibrary | null,
): Promise<Choice> {
  if (library === null) return untuned(options, "untuned: nothing was looked up");
  const wanted = wantedOf(options);
  const registries = await library.registries();
  const family = familyOf(await library.modelType(path), targets);
  // Values are read only where a record might be the model's.
  const isPossible = registries.some(({ records }) => records.some((record) => mayServe(record, wanted)));
  const found = isPossible
    ? lookUp(registries, wanted, { family, fingerprint: await fingerprintOf(targets), storage: storageOf(targets) })
    : null;
  if (found !== null) {
    const { record, kind, of, pattern, exact } = found;
    const whose = of === "model" ? "this model" : `family ${record.family}`;
    const where = exact ? "" : ` at ${record.pattern}, taken for ${describePattern(pattern)}`;
    const facts =
      of === "model"
        ? `${record.objective}, ${record.date.slice(0, "yyyy-mm-dd".length)}`
        : `${record.model.name}, ${record.model.dtype}`;
    return recorded(found, `${kind === "tuned" ? "tuned on" : "shipped for"} ${whose}${where} (${facts})`);
  }
  const unknown = family === null ? "the model, whose family is unknown," : `family ${family}`;
  return untuned(options, `untuned: nothing known of ${unknown} at ${described(wanted)}; run transformers-prune tune`);
}

async function chooseFromFile(
  options: Options,
  location: string,
  { path, targets }: ModelAtHand,
  library: CoefficientLibrary | null,
): Promise<Choice> {
  const json = parseJson(await readText(location), location);
  const label = fileLabel(location);
  const records = recordsIn(json, label);
  if (records === null) return given(options, readCoefficientSet(json, options.method, label), location);
  const wanted = wantedOf(options);
  // Who names a file is taken at their word: no record serves another pattern, and a poor one serves too.
  const fitting = records.filter((record) => fits(record, wanted));
  const [only, second] = fitting;
  if (only === undefined) throw nothingFits(location, wanted, records);
  // One is a clear choice; of several, only one that belongs to the model is.
  const identity =
    second === undefined
      ? { family: null, fingerprint: only.model.fingerprint, storage: null }
      : {
          family: familyOf((await library?.modelType(path)) ?? null, targets),
          fingerprint: await fingerprintOf(targets),
          storage: storageOf(targets),
        };
  const found = bestOf(fitting, wanted, identity);
  if (found === null) throw noneIsOfModel(location, fitting);
  return recorded(found, `${location} (tuned on ${found.record.model.name})`);
}

/** The patterns that the options allow, with the method's own scope first. */
function patternsOf({ pattern, method }: Options): Pattern[] {
  if (pattern.kind !== "unstructured") return [pattern];
  const { defaultScope } = methodOf(method);
  const scopes: readonly Scope[] = pattern.scope === null ? SCOPES : [pattern.scope];
  return [...scopes]
    .sort((a, b) => Number(b === defaultScope) - Number(a === defaultScope))
    .map((scope) => ({ ...pattern, scope }));
}

const wantedOf = (options: Options): Wanted => ({ method: options.method, patterns: patternsOf(options) });

const described = ({ patterns }: Wanted): string => patterns.map(describePattern).join(" or ");

function nothingFits(location: string, wanted: Wanted, records: readonly CoefficientRecord[]): PruneError {
  const { method } = wanted;
  const held = [...new Set(records.map((record) => `${record.method} at ${record.pattern}`))];
  return new PruneError(
    "bad-option",
    `${location} has no coefficients of ${method} at ${described(wanted)}; ` +
      `it has ${held.length === 0 ? "none at all" : `those of ${held.join(", ")}`}; tune for this pattern, or give the numbers themselves`,
    { details: { file: location, method, patterns: wanted.patterns.map(describePattern), found: held } },
  );
}

function noneIsOfModel(location: string, records: readonly CoefficientRecord[]): PruneError {
  const names = [...new Set(records.map(({ model, family }) => `${model.name} (${family ?? "family unknown"})`))];
  return new PruneError(
    "bad-option",
    `${location} has coefficients of ${names.join(", ")}, none of this model or its family; ` +
      "name a file with one record, or give the numbers themselves",
    { details: { file: location, found: names } },
  );
}
