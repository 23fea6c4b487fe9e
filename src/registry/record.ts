/**
 * The record of one tuning: coefficients, and all that says how far they can be trusted. Records are
 * kept and shared in registry files, JSON of version 1 (docs/coefficients.md). The reader is strict: a
 * key that it does not know is an error, because half a record could mislead.
 */
import { PruneError } from "../errors.js";
import {
  badOption,
  coefficientValues,
  dottedLabel,
  isOptionsObject,
  type Label,
  mustBeInteger,
  mustBeOneOf,
  mustBeText,
  OptionReader,
  parseJson,
  type Read,
  readCoefficientSet,
  SCORE_NAMES,
} from "../options/index.js";
import type { CoefficientSet, MethodName } from "../score/index.js";

/** What a registry file says that it is. */
export const REGISTRY_FORMAT = "transformers-prune/coefficients";
/** Version of the format. */
export const REGISTRY_VERSION = 1;

/** Name of the judge that measures the perplexity of a text. */
export const PERPLEXITY = "perplexity";

/** Text on which perplexities were measured. */
export interface EvaluationText {
  readonly name: string;
  /** Of the text, UTF-8. */
  readonly sha256: string;
  readonly windows: number;
  /** Tokens in a window. */
  readonly length: number;
}

/** By what models were judged. */
export interface RecordedJudge {
  /** `"perplexity"`, or what the user calls their own metric. */
  readonly name: string;
  /** null where it is not perplexity, or where the text is not known. */
  readonly text: EvaluationText | null;
}

/** What beside the objective decides how good a search can be. */
export interface RecordedSearch {
  readonly optimiser: string;
  /** Tokens that the objective ran the model on. */
  readonly tokens: number;
  /** What had coefficients of its own: `"model"`, `"kind"`, `"4 segments"`. */
  readonly per: string;
}

/** The judge's figures, of which the lower is the better; null where one was not measured. */
export interface RecordedFigures {
  readonly dense: number | null;
  readonly ria: number | null;
  readonly wanda: number | null;
  /** With the coefficients of the record. */
  readonly tuned: number | null;
}

/** Coefficients that were tuned on one model, for one method and one pattern. */
export interface CoefficientRecord {
  readonly method: MethodName;
  /** As `describePattern` says: `"2:4"`, `"50% by row"`. */
  readonly pattern: string;
  readonly coefficients: CoefficientSet;
  /** Passes of calibration that they were tuned with. */
  readonly passes: number;
  /** As `familyOf` says: `"llama/512"`; null where the model's type is not known. */
  readonly family: string | null;
  readonly model: {
    /** Hub id or directory. */
    readonly name: string;
    /** As `fingerprintOf` says. */
    readonly fingerprint: string;
    /** In the host's words: `"fp32"`. */
    readonly dtype: string;
  };
  /** What the search looked at, by name. */
  readonly objective: string;
  /** How it searched. */
  readonly search: RecordedSearch;
  /** What the statistics were collected on, in words. */
  readonly calibration: string;
  readonly judge: RecordedJudge;
  readonly judged: RecordedFigures;
  /** Evaluations of the objective. */
  readonly evaluations: number;
  /** Wall clock of the whole tuning. */
  readonly seconds: number;
  readonly seed: number;
  /** UTC: `"2026-01-31T12:00:00.000Z"`. */
  readonly date: string;
  /** Of this package. */
  readonly version: string;
}

/** A record as files hold it. */
export const plainRecord = (record: CoefficientRecord): object => ({
  ...record,
  coefficients: coefficientValues(record.coefficients),
});

/** A registry file as text, one record after the other in the order given. */
export function registryText(records: readonly CoefficientRecord[]): string {
  const file = { format: REGISTRY_FORMAT, version: REGISTRY_VERSION, records: records.map(plainRecord) };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** Names what is in a file: `coefficients.json: records.0.method`. */
export const fileLabel = (file: string): Label => ({ text: file, of: (key) => dottedLabel(`${file}: ${key}`) });

/**
 * Reads the text of a registry file.
 *
 * @param file path or address, for messages
 * @throws PruneError `bad-option` or `unknown-option` naming file and key
 */
export const readRegistryText = (text: string, file: string): readonly CoefficientRecord[] =>
  readRegistry(parseJson(text, file), fileLabel(file));

/** Reads the parsed content of a registry file. @throws PruneError as {@link readRegistryText} */
const readRegistry: Read<readonly CoefficientRecord[]> = (value, label) =>
  readObject(value, label, `a registry of coefficients, { "format": "${REGISTRY_FORMAT}", … }`, (need) => {
    need("format", mustBeOneOf([REGISTRY_FORMAT]));
    need("version", mustBeVersion);
    return need("records", readRecords);
  });

/**
 * The records of a parsed file: those of a registry, or the one that `tune` writes.
 *
 * @returns null where it claims to be neither
 * @throws PruneError as {@link readRegistryText}
 */
export function recordsIn(json: unknown, label: Label): readonly CoefficientRecord[] | null {
  if (!isOptionsObject(json)) return null;
  if ("format" in json || "records" in json) return readRegistry(json, label);
  return "method" in json ? [readRecord(json, label)] : null;
}

/**
 * Reads the text of a file of one record or of a registry.
 *
 * @param file path or address, for messages
 * @throws PruneError as {@link readRegistryText}
 */
export function readRecordsText(text: string, file: string): readonly CoefficientRecord[] {
  const [json, label] = [parseJson(text, file), fileLabel(file)];
  const records = recordsIn(json, label);
  if (records !== null) return records;
  throw badOption(label, "a registry of coefficients, or one record as tune writes it", json);
}

/** Reads one record. @throws PruneError as {@link readRegistryText} */
export const readRecord: Read<CoefficientRecord> = (value, label) =>
  readObject(value, label, "a record of coefficients", (need) => {
    const method = need("method", mustBeOneOf(SCORE_NAMES));
    return {
      method,
      pattern: need("pattern", mustBeText),
      coefficients: need("coefficients", (own, at) => readCoefficientSet(own, method, at)),
      passes: need("passes", mustBeInteger(1, 1000)),
      family: need("family", orNull(mustBeText)),
      model: need("model", readModel),
      objective: need("objective", mustBeText),
      search: need("search", readSearch),
      calibration: need("calibration", mustBeText),
      ...readJudgement(need),
      evaluations: need("evaluations", mustBeInteger(0, Number.MAX_SAFE_INTEGER)),
      seconds: need("seconds", mustBeNumber(0)),
      seed: need("seed", mustBeInteger(0, Number.MAX_SAFE_INTEGER)),
      date: need("date", mustBeDate),
      version: need("version", mustBeText),
    };
  });

const readRecords: Read<readonly CoefficientRecord[]> = (value, label) => {
  if (!Array.isArray(value)) throw badOption(label, "an array of records", value);
  return value.map((record: unknown, i) => readRecord(record, label.of(String(i))));
};

const readModel: Read<CoefficientRecord["model"]> = (value, label) =>
  readObject(value, label, "the model that was tuned", (need) => ({
    name: need("name", mustBeText),
    fingerprint: need("fingerprint", mustBeHash),
    dtype: need("dtype", mustBeText),
  }));

const readSearch: Read<RecordedSearch> = (value, label) =>
  readObject(value, label, "how it was searched", (need) => ({
    optimiser: need("optimiser", mustBeText),
    tokens: need("tokens", mustBeInteger(0, Number.MAX_SAFE_INTEGER)),
    per: need("per", mustBeText),
  }));

/** Which figures there can be depends on whose they are. */
function readJudgement(need: Need): Pick<CoefficientRecord, "judge" | "judged"> {
  const judge = need("judge", readJudge);
  return { judge, judged: need("judged", readFigures(judge)) };
}

const readJudge: Read<RecordedJudge> = (value, label) =>
  readObject(value, label, "by what models were judged", (need) => {
    const name = need("name", mustBeText);
    return { name, text: need("text", name === PERPLEXITY ? orNull(readEvaluationText) : mustBeNull) };
  });

const readEvaluationText: Read<EvaluationText> = (value, label) =>
  readObject(value, label, "the text of the perplexities", (need) => ({
    name: need("name", mustBeText),
    sha256: need("sha256", mustBeHash),
    windows: need("windows", mustBeInteger(1, Number.MAX_SAFE_INTEGER)),
    length: need("length", mustBeInteger(1, Number.MAX_SAFE_INTEGER)),
  }));

const readFigures =
  ({ name }: RecordedJudge): Read<RecordedFigures> =>
  (value, label) =>
    readObject(value, label, `figures of the judge (${name})`, (need) => {
      // No model has a perplexity below 1; of other metrics only their users know.
      const figure = orNull(name === PERPLEXITY ? mustBeNumber(1) : mustBeFinite);
      return {
        dense: need("dense", figure),
        ria: need("ria", figure),
        wanda: need("wanda", figure),
        tuned: need("tuned", figure),
      };
    });

/** Reads the value of a key that must be there. */
type Need = <V>(key: string, read: Read<V>) => V;

/** Reads an object in which every key must be there and no other may. `read` asks for the keys. */
function readObject<T>(value: unknown, label: Label, expected: string, read: (need: Need) => T): T {
  if (!isOptionsObject(value)) throw badOption(label, expected, value);
  const reader = new OptionReader<string>(value, label);
  const need: Need = (key, readValue) => {
    const found = reader.get(key, readValue);
    // A reader refuses `undefined` in its own words.
    return found === undefined ? readValue(undefined, label.of(key)) : found;
  };
  const result = read(need);
  reader.refuseUnread();
  return result;
}

const orNull =
  <T>(read: Read<T>): Read<T | null> =>
  (value, label) =>
    value === null ? null : read(value, label);

const mustBeNumber =
  (least: number): Read<number> =>
  (value, label) => {
    if (typeof value === "number" && Number.isFinite(value) && value >= least) return value;
    throw badOption(label, `a number from ${least}`, value);
  };

const mustBeFinite: Read<number> = (value, label) => {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw badOption(label, "a number", value);
};

/** A text is of perplexities. */
const mustBeNull: Read<null> = (value, label) => {
  if (value === null) return null;
  throw badOption(label, `null where the judge is not "${PERPLEXITY}"`, value);
};

const mustBeHash: Read<string> = (value, label) => {
  if (typeof value === "string" && /^[0-9a-f]{64}$/.test(value)) return value;
  throw badOption(label, "a SHA-256 as 64 hexadecimal digits", value);
};

const mustBeDate: Read<string> = (value, label) => {
  const date = typeof value === "string" ? new Date(value) : new Date(Number.NaN);
  if (!Number.isNaN(date.getTime()) && date.toISOString() === value) return value as string;
  throw badOption(label, 'a time in UTC, such as "2026-01-31T12:00:00.000Z"', value);
};

/** A newer format may say things that this version would not understand. */
const mustBeVersion: Read<number> = (value, label) => {
  if (value === REGISTRY_VERSION) return REGISTRY_VERSION;
  if (typeof value !== "number") throw badOption(label, String(REGISTRY_VERSION), value);
  throw new PruneError(
    "bad-option",
    `${label.text}: expected ${REGISTRY_VERSION}, received ${value}; another version of transformers-prune wrote it: use that one`,
    { details: { option: label.text, expected: String(REGISTRY_VERSION), received: String(value) } },
  );
};
