/**
 * The options that say what chooses the mask and what moves afterwards: `preset`, `method`, `reconstruct`,
 * `sequential`, `target`, `repair`. A preset only fills in what is left out, and where the user names a method or what
 * only scores understand, nothing moves unless they say so.
 */
import { PruneError } from "../errors.js";
import {
  isAdaptive,
  type PruneMethodName,
  type ReconstructionName,
  type RepairName,
  reconstructionOf,
  type UpdateParameter,
} from "../reconstruct/table.js";
import { mustBeInteger, mustBeNumber, mustBeOneOf } from "./must-be.js";
import { nearest } from "./nearest.js";
import { badOption, describeValue, isOptionsObject, type Label, OptionReader, type Read } from "./option-reader.js";
import { type Preset, type PresetName, presetOf } from "./presets.js";
import {
  DEFAULTS,
  LIMITS,
  METHOD_NAMES,
  PRESET_NAMES,
  type PruneOptionName,
  RECONSTRUCTION_NAMES,
  REPAIR_NAMES,
} from "./table.js";
import type { ResolvedPrune } from "./types.js";

/** What the options mean together. */
export type Update = Pick<
  ResolvedPrune,
  "method" | "reconstruct" | "parameters" | "sequential" | "target" | "repair" | "damping" | "blockSize"
>;

/** Options that say how scores select: who gives one wants masks by scores. */
const OF_SCORES = ["method", "coefficients", "permute"] as const satisfies readonly PruneOptionName[];

/**
 * Reads them.
 *
 * @param source the object that holds them
 * @throws PruneError `bad-option`, `unknown-option`
 */
export function readUpdate(
  options: OptionReader<PruneOptionName>,
  source: Readonly<Record<string, unknown>>,
  label: Label,
): Update {
  const named = options.get("preset", mustBeOneOf(PRESET_NAMES));
  const base = baseOf(named, source);
  const method = options.get("method", readMethod) ?? base.method;
  const told = options.get("reconstruct", readReconstruct);
  const reconstruct = told === undefined ? base.reconstruct : told.name;
  const sequential = options.get("sequential", readSequential);
  const update: Update = {
    method,
    reconstruct,
    parameters: told?.parameters ?? {},
    sequential: sequential === undefined ? base.sequential : sequential,
    target: options.get("target", mustBeOneOf(["weights", "outputs"] as const)) ?? base.target,
    repair: Object.freeze(options.get("repair", readRepair) ?? base.repair),
    damping: options.get("damping", mustBeDamping) ?? DEFAULTS.damping,
    blockSize: options.get("blockSize", mustBeInteger(1, LIMITS.blockSize)) ?? DEFAULTS.blockSize,
  };
  const settled = settle(update);
  refuseIdle(settled, source, label);
  return settled;
}

/** What is taken where an option is left out. */
function baseOf(named: PresetName | undefined, source: Readonly<Record<string, unknown>>): Preset {
  if (named !== undefined) return presetOf(named);
  const isByScore = OF_SCORES.some((key) => source[key] !== undefined);
  return presetOf(isByScore ? "fast" : DEFAULTS.preset);
}

/** An adaptive method moves weights by its nature, and without groups there are no pruned layers to imitate anything behind. */
function settle(update: Update): Update {
  const reconstruct = update.reconstruct ?? (isAdaptive(update.method) ? "obs" : null);
  return {
    ...update,
    reconstruct,
    parameters: Object.freeze({ ...(reconstruct !== null && defaultsOf(reconstruct)), ...update.parameters }),
    target: update.sequential === null ? "weights" : update.target,
  };
}

function refuseIdle(
  { method, reconstruct, sequential, repair }: Update,
  source: Readonly<Record<string, unknown>>,
  label: Label,
): void {
  const refuse = (key: PruneOptionName, why: string) => {
    throw new PruneError("bad-option", `${label.of(key).text} ${why}`, { details: { option: label.of(key).text } });
  };
  if (source.permute === true && isAdaptive(method))
    refuse(
      "permute",
      `is for methods that score weights, and "${method}" chooses them one after the other; leave it out or name another method`,
    );
  if (source.permute === true && reconstruct !== null && !reconstructionOf(reconstruct).choosesMask)
    refuse(
      "permute",
      `chooses groups of channels, within which "${reconstruct}" cannot exchange weights; leave one of them out`,
    );
  if (source.reconstruct === false && isAdaptive(method))
    refuse(
      "reconstruct",
      `is false, but method "${method}" moves weights to choose its masks; leave it out or name another method`,
    );
  if (source.target === "outputs" && sequential === null)
    refuse("target", 'is "outputs", which pruned layers can only be held to one after the other; add sequential: true');
  if (sequential !== null && typeof source.passes === "number" && source.passes > 1)
    refuse(
      "sequential",
      "measures every layer behind the pruned ones as it is, and passes would do so once more; leave one of them out",
    );
  if (source.damping !== undefined && reconstruct === null && repair.length === 0)
    refuse("damping", "is for second moments, and nothing here uses them; add reconstruct or leave it out");
  if (source.blockSize !== undefined && reconstruct === null)
    refuse("blockSize", "is for updates of weights, and there is none; add reconstruct or leave it out");
}

const readMethod: Read<PruneMethodName> = (value, label) => {
  const found = METHOD_NAMES.find((name) => name === value);
  if (found !== undefined) return found;
  const expected = METHOD_NAMES.map((name) => `"${name}"`).join(", ");
  if (typeof value !== "string") throw badOption(label, `a method: ${expected}`, value);
  const near = nearest(value, METHOD_NAMES);
  throw new PruneError(
    "unknown-option",
    `${label.text}: there is no method ${describeValue(value)}${near === null ? "" : `; did you mean "${near}"?`} Methods: ${expected}`,
    { details: { option: label.text, allowed: METHOD_NAMES, ...(near === null ? {} : { nearest: near }) } },
  );
};

/** An update by its name, and the numbers that the user told it. */
interface Told {
  readonly name: ReconstructionName | null;
  readonly parameters: Update["parameters"];
}

const readReconstruct: Read<Told> = (value, label) => {
  if (value === false) return { name: null, parameters: {} };
  if (!isOptionsObject(value)) return { name: mustBeOneOf(RECONSTRUCTION_NAMES)(value, label), parameters: {} };
  const reader = new OptionReader<string>(value, label);
  const name = reader.get("name", mustBeOneOf(RECONSTRUCTION_NAMES));
  if (name === undefined)
    throw badOption(label, `the name of an update, as in { name: "${RECONSTRUCTION_NAMES[0]}" }`, value);
  const told = reconstructionOf(name).parameters.map((parameter) => [
    parameter.name,
    reader.get(parameter.name, mustBeParameter(parameter)),
  ]);
  reader.refuseUnread();
  return { name, parameters: Object.fromEntries(told.filter(([, number]) => number !== undefined)) };
};

const mustBeParameter = ({ min, max, whole }: UpdateParameter): Read<number> =>
  whole ? mustBeInteger(min, max) : mustBeNumber(min, max);

const defaultsOf = (name: ReconstructionName): Update["parameters"] =>
  Object.fromEntries(reconstructionOf(name).parameters.map((parameter) => [parameter.name, parameter.default]));

const readSequential: Read<ResolvedPrune["sequential"]> = (value, label) => {
  if (value === true) return "input";
  if (value === false) return null;
  if (!isOptionsObject(value)) throw badOption(label, "true, false or { groups: n }", value);
  const reader = new OptionReader<"groups">(value, label);
  const groups = reader.get("groups", mustBeInteger(1, LIMITS.groups));
  reader.refuseUnread();
  if (groups === undefined) throw badOption(label, "true, false or { groups: n }", value);
  return groups;
};

const readRepair: Read<readonly RepairName[]> = (value, label) => {
  if (value === false) return [];
  if (!Array.isArray(value))
    throw badOption(label, `an array of ${REPAIR_NAMES.map((name) => `"${name}"`).join(", ")}, or false`, value);
  const wanted = new Set(value.map((one: unknown, i) => mustBeOneOf(REPAIR_NAMES)(one, label.of(String(i)))));
  return REPAIR_NAMES.filter((name) => wanted.has(name));
};

const mustBeDamping: Read<number> = (value, label) => {
  if (typeof value !== "number" || !(value > 0 && value <= 1))
    throw badOption(label, "a number above 0 up to 1", value);
  return value;
};
