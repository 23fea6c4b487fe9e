/**
 * Which record fits a model. Only records of the very method and pattern count: coefficients that are
 * best at 2:4 can be worse than untuned ones at 50%. In each registry, the model's own record comes
 * before one of its family; among several the newest counts.
 */
import type { MethodName } from "../score/index.js";
import type { CoefficientRecord } from "./record.js";

/** A set of records and where they are from: tuned or imported here, or shipped with this package. */
export interface Registry {
  readonly kind: "tuned" | "shipped";
  readonly records: readonly CoefficientRecord[];
}

/** For what coefficients are wanted. */
export interface Wanted {
  readonly method: MethodName;
  /** In words; several where the user left the scope open. */
  readonly patterns: readonly string[];
}

/** Who wants them. */
export interface ModelIdentity {
  readonly family: string | null;
  readonly fingerprint: string;
}

/** A record that fits, and why. */
export interface FoundRecord {
  readonly record: CoefficientRecord;
  readonly kind: Registry["kind"];
  /** Whether it was tuned on this very model, or on another of its family. */
  readonly of: "model" | "family";
}

/** Whether a record is of the method and of one of the patterns. */
export const fits = ({ method, pattern }: CoefficientRecord, wanted: Wanted): boolean =>
  method === wanted.method && wanted.patterns.includes(pattern);

/**
 * The record for a model.
 *
 * @param registries in order: what an earlier one knows of the model or its family counts
 * @returns null where no registry knows the model or its family
 */
export function lookUp(registries: readonly Registry[], wanted: Wanted, model: ModelIdentity): FoundRecord | null {
  for (const { kind, records } of registries) {
    const fitting = records.filter((record) => fits(record, wanted));
    const own = newest(fitting.filter((record) => record.model.fingerprint === model.fingerprint));
    if (own !== null) return { record: own, kind, of: "model" };
    const related = newest(fitting.filter(({ family }) => family !== null && family === model.family));
    if (related !== null) return { record: related, kind, of: "family" };
  }
  return null;
}

function newest(records: readonly CoefficientRecord[]): CoefficientRecord | null {
  return records.reduce<CoefficientRecord | null>(
    (best, record) => (best === null || record.date > best.date ? record : best),
    null,
  );
}
