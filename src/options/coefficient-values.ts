/**
 * Coefficients of a method, as numbers by name. What a method takes, within which bounds and with
 * which defaults, is said in its row of METHODS; nothing here knows a method by name.
 */
import { PruneError } from "../errors.js";
import type { WeightKind } from "../graph/index.js";
import { type CoefficientSet, type Coefficients, type MethodName, methodOf, type Parameter } from "../score/index.js";
import { mustBeNumber } from "./must-be.js";
import { badOption, isOptionsObject, type Label, OptionReader, type Read } from "./option-reader.js";
import { LIMITS, WEIGHT_KINDS } from "./table.js";
import type { CoefficientValues } from "./types.js";

/** The keys of an object of coefficients that are no parameters. */
const PARTS = ["byKind", "byDepth"] as const;

/**
 * Reads an object of coefficients: numbers by parameter, and `byKind` or `byDepth` beside them. A
 * parameter that is left out takes its default, in `byKind` and `byDepth` the number beside them.
 *
 * @returns complete and frozen: every set of numbers has one for each parameter of the method
 * @throws PruneError `unknown-option` for a name that is no parameter or no kind of weight; `bad-option`
 *   for a number out of range, coefficients that make every score 0, `byKind` together with `byDepth`,
 *   or a method without parameters
 */
export function readCoefficientSet(value: unknown, method: MethodName, label: Label): CoefficientSet {
  refuseWithoutParameters(method, label);
  if (!isOptionsObject(value)) throw badOption(label, `an object of numbers, such as ${example(method)}`, value);
  const defaults = Object.fromEntries(
    methodOf(method).parameters.map((parameter) => [parameter.name, parameter.default]),
  );
  const reader = new OptionReader<string>(value, label);
  const all = readNumbers(reader, method, defaults, label);
  const byKind = reader.get("byKind", (kinds, at) => readByKind(kinds, method, all, at));
  const byDepth = reader.get("byDepth", (segments, at) => readByDepth(segments, method, all, at));
  reader.refuseUnread();
  if (byKind !== undefined && byDepth !== undefined)
    throw new PruneError(
      "bad-option",
      `${PARTS.map((part) => label.of(part).text).join(" and ")} exclude each other; leave one out`,
      { details: { option: label.text, method } },
    );
  return Object.freeze({ all, ...(byKind && { byKind }), ...(byDepth && { byDepth }) });
}

/** Coefficients as users write them, and as files hold them: the reverse of {@link readCoefficientSet}. */
export const coefficientValues = ({ all, ...parts }: CoefficientSet): CoefficientValues =>
  ({ ...all, ...parts }) as CoefficientValues;

/** One number for each parameter; those that are left out come from `others`. */
function readNumbers(
  reader: OptionReader<string>,
  method: MethodName,
  others: Coefficients,
  label: Label,
): Coefficients {
  const values = Object.fromEntries(
    methodOf(method).parameters.map((parameter) => [
      parameter.name,
      reader.get(parameter.name, mustBeParameter(parameter)) ?? (others[parameter.name] as number),
    ]),
  );
  refuseNoTerms(values, method, label);
  return Object.freeze(values);
}

/** The numbers of a part of the model. */
function readPart(value: unknown, method: MethodName, all: Coefficients, label: Label): Coefficients {
  if (!isOptionsObject(value)) throw badOption(label, `an object of numbers, such as ${example(method)}`, value);
  const reader = new OptionReader<string>(value, label);
  const values = readNumbers(reader, method, all, label);
  reader.refuseUnread();
  return values;
}

function readByKind(value: unknown, method: MethodName, all: Coefficients, label: Label) {
  if (!isOptionsObject(value) || Object.keys(value).length === 0)
    throw badOption(label, `an object by kind of weight, such as { "q": ${example(method)} }`, value);
  const reader = new OptionReader<WeightKind>(value, label);
  const kinds = WEIGHT_KINDS.flatMap((kind) => {
    const numbers = reader.get(kind, (own, at) => readPart(own, method, all, at));
    return numbers === undefined ? [] : [[kind, numbers] as const];
  });
  reader.refuseUnread();
  return Object.freeze(Object.fromEntries(kinds));
}

function readByDepth(value: unknown, method: MethodName, all: Coefficients, label: Label) {
  if (!Array.isArray(value) || value.length === 0 || value.length > LIMITS.segments)
    throw badOption(label, `an array of 1 to ${LIMITS.segments} objects of numbers, first blocks first`, value);
  return Object.freeze(value.map((own: unknown, i) => readPart(own, method, all, label.of(String(i)))));
}

/**
 * @throws PruneError `bad-option` where the method has no parameters, so that coefficients can only be a mistake
 */
export function refuseWithoutParameters(method: MethodName, label: Label): void {
  if (methodOf(method).parameters.length === 0) throw withoutCoefficients(method, label);
}

/** The error for coefficients of a method that has none. */
export const withoutCoefficients = (method: string, label: Label): PruneError =>
  new PruneError("bad-option", `${label.text}: method "${method}" has no coefficients; leave them out`, {
    details: { option: label.text, method },
  });

/** Coefficients as JSON text, for messages and help. */
export const example = (method: MethodName): string => JSON.stringify(methodOf(method).untuned);

function mustBeParameter({ min, max, values }: Parameter): Read<number> {
  if (values !== "odd") return mustBeNumber(min, max);
  return (value, label) => {
    if (typeof value !== "number" || !(value >= min && value <= max) || value % 2 !== 1)
      throw badOption(label, `an odd whole number from ${min} to ${max}`, value);
    return value;
  };
}

/** With every term 0 all scores are equal, and which weights go would depend on their position alone. */
function refuseNoTerms(values: Coefficients, method: MethodName, label: Label): void {
  const { row, column, window, one } = methodOf(method).terms(values, { out: 1, in: 1 });
  if (row + column + window + one > 0) return;
  throw new PruneError(
    "bad-option",
    `${label.text}: every term of method "${method}" is 0, so all scores would be equal; give at least one term a weight`,
    { details: { option: label.text, method } },
  );
}
