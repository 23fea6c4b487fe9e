/**
 * Coefficients of a method, as numbers by name. What a method takes, within which bounds and with
 * which defaults, is said in its row of METHODS; nothing here knows a method by name.
 */
import { PruneError } from "../errors.js";
import { type Coefficients, type MethodName, methodOf, type Parameter } from "../score/index.js";
import { badOption, isOptionsObject, type Label, OptionReader, type Read } from "./option-reader.js";

/** The defaults of a method's parameters; empty where it has none. Frozen. */
export function defaultCoefficients(method: MethodName): Coefficients {
  return Object.freeze(
    Object.fromEntries(methodOf(method).parameters.map(({ name, default: value }) => [name, value])),
  );
}

/**
 * Reads an object of coefficients. Parameters that it does not name take the method's default.
 *
 * @returns complete and frozen: a number for each parameter of the method
 * @throws PruneError `unknown-option` for a name that is no parameter; `bad-option` for a number
 *   out of range, coefficients that make every score 0, or a method without parameters
 */
export function readCoefficientValues(value: unknown, method: MethodName, label: Label): Coefficients {
  refuseWithoutParameters(method, label);
  if (!isOptionsObject(value)) throw badOption(label, `an object of numbers, such as ${example(method)}`, value);
  const reader = new OptionReader<string>(value, label);
  const values = Object.fromEntries(
    methodOf(method).parameters.map((parameter) => [
      parameter.name,
      reader.get(parameter.name, mustBeParameter(parameter)) ?? parameter.default,
    ]),
  );
  reader.refuseUnread();
  refuseNoTerms(values, method, label);
  return Object.freeze(values);
}

/**
 * @throws PruneError `bad-option` where the method has no parameters, so that coefficients can only be a mistake
 */
export function refuseWithoutParameters(method: MethodName, label: Label): void {
  if (methodOf(method).parameters.length > 0) return;
  throw new PruneError("bad-option", `${label.text}: method "${method}" has no coefficients; leave them out`, {
    details: { option: label.text, method },
  });
}

/** Coefficients as JSON text, for messages and help. */
export const example = (method: MethodName): string => JSON.stringify(defaultCoefficients(method));

function mustBeParameter({ min, max, values }: Parameter): Read<number> {
  return (value, label) => {
    const inRange = typeof value === "number" && value >= min && value <= max;
    if (!inRange || (values === "odd" && value % 2 !== 1))
      throw badOption(label, `${values === "odd" ? "an odd whole number" : "a number"} from ${min} to ${max}`, value);
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
