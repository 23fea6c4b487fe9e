/**
 * Which record fits a model. In each registry, the model's own records come before those of its family.
 * Among either, the record of the very pattern counts, else that of the nearest one of the same kind
 * (nearest-pattern.ts); among several the newest. A record that says of itself that RIA or Wanda was
 * as good is never taken: without it CRePE is RIA.
 */
import type { Pattern } from "../pattern/index.js";
import type { MethodName } from "../score/index.js";
import { type ServedPattern, servedPattern } from "./nearest-pattern.js";
import type { CoefficientRecord } from "./record.js";

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
 * @param registries in order: what an earlier one knows of the model or its family counts
 * @returns null where no registry knows the model or its family
 */
export function lookUp(registries: readonly Registry[], wanted: Wanted, model: ModelIdentity): FoundRecord | null {
  for (const { kind, records } of registries) {
    const found = bestOf(records.filter(isWorthTaking), wanted, model);
    if (found !== null) return { ...found, kind };
  }
  return null;
}

/** The record for a model among those of one registry, whatever they say of their worth. */
export function bestOf(
  records: readonly CoefficientRecord[],
  wanted: Wanted,
  model: ModelIdentity,
): FittingRecord | null {
  const own = nearest(
    records.filter((record) => record.model.fingerprint === model.fingerprint),
    wanted,
  );
  if (own !== null) return { ...own, of: "model" };
  const related = nearest(
    records.filter(({ family }) => family !== null && family === model.family),
    wanted,
  );
  return related && { ...related, of: "family" };
}

/** What is not known of a record does not speak against it. */
function isWorthTaking({ judged: { ria, wanda, tuned } }: CoefficientRecord): boolean {
  return tuned === null || [ria, wanda].every((other) => other === null || tuned < other);
}

const served = ({ method, pattern }: CoefficientRecord, wanted: Wanted): ServedPattern | null =>
  method === wanted.method ? servedPattern(pattern, wanted.patterns) : null;

/** The record of the very pattern, else of the nearest; the newest of several. */
function nearest(records: readonly CoefficientRecord[], wanted: Wanted): Omit<FittingRecord, "of"> | null {
  const [best] = records
    .flatMap((record) => {
      const serves = served(record, wanted);
      return serves === null ? [] : [{ record, ...serves }];
    })
    .sort(
      (a, b) =>
        Number(b.exact) - Number(a.exact) ||
        a.distance - b.distance ||
        Date.parse(b.record.date) - Date.parse(a.record.date),
    );
  return best === undefined ? null : { record: best.record, pattern: best.pattern, exact: best.exact };
}
