/**
 * Which record fits a model. Records of the very pattern come first, wherever they are kept; among them
 * those of this machine before those that were shipped, in each those of a file stored alike (floats, codes
 * of as many bits) before others, and the model's own before those of its family. Where there is none, records of near patterns of the same kind (nearest-pattern.ts) serve in the
 * same order; among several the nearest, and the newest. A record that says of itself that RIA or Wanda was
 * as good is never taken: without it CRePE is RIA.
 */
import type { Pattern } from "../pattern/index.js";
import type { MethodName } from "../score/index.js";
import { type ServedPattern, servedPattern } from "./nearest-pattern.js";
import type { CoefficientRecord } from "./record.js";
import { type Storage, storageOfDtype } from "./storage.js";

/** A set of records and where they are from: tuned or imported here, or shipped with this package. */
export interface Registry {
  readonly kind: "tuned" | "shipped";
  readonly records: readonly CoefficientRecord[];
}

/** For what coefficients are wanted. */
export interface Wanted {
  readonly method: MethodName;
  /** Several where the user left the scope open. */
  readonly patterns: readonly Pattern[];
}

/** Who wants them. */
export interface ModelIdentity {
  readonly family: string | null;
  readonly fingerprint: string;
  /** What its weights are stored in; null: whatever. */
  readonly storage: Storage | null;
}

/** A record that fits, and why. */
export interface FittingRecord {
  readonly record: CoefficientRecord;
  /** Whether it was tuned on this very model, or on another of its family. */
  readonly of: "model" | "family";
  /** The wanted pattern that it serves. */
  readonly pattern: Pattern;
  /** Whether it was tuned for this very pattern, or for a neighbouring one. */
  readonly exact: boolean;
}

/** A record that fits, and the registry that has it. */
export interface FoundRecord extends FittingRecord {
  readonly kind: Registry["kind"];
}

/** Whether a record is of the method and of one of the very patterns. */
export const fits = (record: CoefficientRecord, wanted: Wanted): boolean => served(record, wanted)?.exact === true;

/** Whether a record may be taken without being asked for, for these patterns or neighbouring ones. */
export const mayServe = (record: CoefficientRecord, wanted: Wanted): boolean =>
  isWorthTaking(record) && served(record, wanted) !== null;

/**
 * The record for a model.
 *
 * @param registries in order: of records that fit as well, an earlier registry's is taken
 * @returns null where no registry knows the model or its family
 */
export function lookUp(registries: readonly Registry[], wanted: Wanted, model: ModelIdentity): FoundRecord | null {
  const known = registries.flatMap(({ records }, place) =>
    records.filter(isWorthTaking).map((record) => ({ record, place })),
  );
  const found = bestAmong(known, wanted, model);
  return found && { ...found.fitting, kind: (registries[found.place] as Registry).kind };
}

/** The record for a model among those of one registry, whatever they say of their worth. */
export function bestOf(
  records: readonly CoefficientRecord[],
  wanted: Wanted,
  model: ModelIdentity,
): FittingRecord | null {
  const known = records.map((record) => ({ record, place: 0 }));
  return bestAmong(known, wanted, model)?.fitting ?? null;
}

/** What is not known of a record does not speak against it. */
function isWorthTaking({ judged: { ria, wanda, tuned } }: CoefficientRecord): boolean {
  return tuned === null || [ria, wanda].every((other) => other === null || tuned < other);
}

const served = ({ method, pattern }: CoefficientRecord, wanted: Wanted): ServedPattern | null =>
  method === wanted.method ? servedPattern(pattern, wanted.patterns) : null;

/** Of the very pattern before near ones; then by registry; then of a file stored alike; then the model's own; then the nearest and the newest. */
function bestAmong(
  known: readonly { readonly record: CoefficientRecord; readonly place: number }[],
  wanted: Wanted,
  model: ModelIdentity,
): { readonly fitting: FittingRecord; readonly place: number } | null {
  const [best] = known
    .flatMap(({ record, place }) => {
      const of = relation(record, model);
      const serves = served(record, wanted);
      return of === null || serves === null
        ? []
        : [{ record, place, of, isStoredAlike: isStoredAlike(record, model), ...serves }];
    })
    .sort(
      (a, b) =>
        Number(b.exact) - Number(a.exact) ||
        a.place - b.place ||
        Number(b.isStoredAlike) - Number(a.isStoredAlike) ||
        Number(b.of === "model") - Number(a.of === "model") ||
        a.distance - b.distance ||
        Date.parse(b.record.date) - Date.parse(a.record.date),
    );
  if (best === undefined) return null;
  const { place, record, of, pattern, exact } = best;
  return { fitting: { record, of, pattern, exact }, place };
}

const isStoredAlike = ({ model: own }: CoefficientRecord, { storage }: ModelIdentity): boolean =>
  storage !== null && storageOfDtype(own.dtype) === storage;

/** Whose record it is to a model; null: a stranger's. */
function relation({ model: own, family }: CoefficientRecord, model: ModelIdentity): FittingRecord["of"] | null {
  if (own.fingerprint === model.fingerprint) return "model";
  return family !== null && family === model.family ? "family" : null;
}
