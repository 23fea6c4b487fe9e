/**
 * Chooses coefficients among records of tuning: the best that is known of a model or its family, or what a file
 * holds of this method and pattern. Loaded where there are records to look among.
 */
import { PruneError } from "../errors.js";
import { parseJson, readCoefficientSet, SCOPES } from "../options/index.js";
import { describePattern, type Pattern, type Scope } from "../pattern/index.js";
import { methodOf } from "../score/index.js";
import { type Choice, type CoefficientLibrary, given, type ModelAtHand, type ScoreOptions, untuned } from "./choose.js";
import { familyOf, fingerprintOf } from "./family.js";
import { bestOf, type FittingRecord, fits, lookUp, mayServe, type Wanted } from "./lookup.js";
import { readText } from "./read-text.js";
import { type CoefficientRecord, fileLabel, recordsIn } from "./record.js";
import { storageOf } from "./storage.js";

/**
 * The best that is known of the model or its family, else the untuned ones.
 *
 * @throws PruneError `bad-option` where a registry is damaged
 */
export async function chooseKnown(
  options: ScoreOptions,
  { path, targets }: ModelAtHand,
  library: CoefficientLibrary,
): Promise<Choice> {
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

/**
 * What a file says of this method and pattern.
 *
 * @throws PruneError `not-found` where it cannot be read; `bad-option` or `unknown-option` where it holds nothing that fits
 */
export async function chooseFromFile(
  options: ScoreOptions,
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

/** The choice that a record stands for. */
const recorded = ({ record, pattern }: Pick<FittingRecord, "record" | "pattern">, from: string): Choice => ({
  coefficients: record.coefficients,
  from,
  passes: record.passes,
  pattern,
});

/** The patterns that the options allow, with the method's own scope first. */
function patternsOf({ pattern, method }: ScoreOptions): Pattern[] {
  if (pattern.kind !== "unstructured") return [pattern];
  const { defaultScope } = methodOf(method);
  const scopes: readonly Scope[] = pattern.scope === null ? SCOPES : [pattern.scope];
  return [...scopes]
    .sort((a, b) => Number(b === defaultScope) - Number(a === defaultScope))
    .map((scope) => ({ ...pattern, scope }));
}

const wantedOf = (options: ScoreOptions): Wanted => ({ method: options.method, patterns: patternsOf(options) });

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
