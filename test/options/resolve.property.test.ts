import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PruneError } from "../../src/errors.js";
import { resolvePruneOption } from "../../src/options/index.js";
import {
  METHOD_NAMES,
  PRESET_NAMES,
  PRUNE_OPTION_NAMES,
  RECONSTRUCTION_NAMES,
  REPAIR_NAMES,
} from "../../src/options/table.js";
import { reconstructionOf } from "../../src/reconstruct/table.js";
import { METHODS } from "../../src/score/index.js";

const SETTINGS = { seed: 20, numRuns: 300 } as const;

const sparsity = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const pattern = fc
  .integer({ min: 2, max: 64 })
  .chain((of) => fc.integer({ min: 1, max: of - 1 }).map((keep) => `${keep}:${of}`));
const globs = fc.array(fc.constantFrom("mlp", "layers.*", "**.q_proj"), { minLength: 1, maxLength: 3 });
const calibration = fc.oneof(
  fc.record(
    { texts: fc.constant("text"), count: fc.integer({ min: 1, max: 64 }), bos: fc.boolean() },
    { requiredKeys: [] },
  ),
  fc.record({ tokens: fc.array(fc.array(fc.nat(), { minLength: 1 }), { minLength: 1 }) }),
);
const amount = fc.oneof(
  fc.record({ sparsity, scope: fc.constantFrom("row", "matrix") }, { requiredKeys: [] }),
  fc.record({ pattern, permute: fc.boolean() }, { requiredKeys: ["pattern"] }),
);
const rest = fc.record(
  {
    method: fc.constantFrom(...METHOD_NAMES),
    coefficients: fc.constantFrom("auto", "default"),
    include: fc.oneof(globs, fc.constant("lm_head")),
    exclude: globs,
    calibration,
    passes: fc.integer({ min: 1, max: 10 }),
    cache: fc.oneof(fc.boolean(), fc.constant("/tmp/pruned")),
  },
  { requiredKeys: [] },
);
const reconstruct = fc.constantFrom(...RECONSTRUCTION_NAMES).chain((name) => {
  const { parameters } = reconstructionOf(name);
  const number = ({ whole, ...range }: (typeof parameters)[number]) =>
    whole ? fc.integer(range) : fc.double({ ...range, noNaN: true });
  const told = Object.fromEntries(parameters.map((parameter) => [parameter.name, number(parameter)]));
  return fc.oneof(fc.constant(name), fc.record({ name: fc.constant(name), ...told }, { requiredKeys: ["name"] }));
});
const repair = fc.subarray(REPAIR_NAMES, { minLength: 1 });
const damping = fc.double({ min: 0, minExcluded: true, max: 1, noNaN: true });
const groups = fc.integer({ min: 1, max: 1024 }).map((count) => ({ groups: count }));
/** What moves, in combinations that make sense. */
const update = fc.oneof(
  fc.record({ preset: fc.constantFrom(...PRESET_NAMES) }, { requiredKeys: [] }),
  fc.record(
    { reconstruct, damping, blockSize: fc.integer({ min: 1, max: 1024 }), target: fc.constant("weights") },
    { requiredKeys: ["reconstruct"] },
  ),
  fc.record({ repair, damping }, { requiredKeys: ["repair"] }),
  fc.record(
    {
      reconstruct,
      sequential: fc.oneof(fc.constant(true), groups),
      target: fc.constantFrom("weights", "outputs"),
      repair: fc.oneof(repair, fc.constant([]), fc.constant(false)),
    },
    { requiredKeys: ["sequential"] },
  ),
);
/** Without what contradicts itself: scores for what has none, and passes over what has none. */
const options = fc.tuple(amount, rest, update).map(([a, b, c]) => {
  const { permute, ...plain } = { permute: undefined, ...a };
  const { passes, ...others } = b;
  const told = "reconstruct" in c ? c.reconstruct : undefined;
  const named = typeof told === "object" ? told.name : told;
  const exchanges = named === "swaps" || named === "dsnot";
  const isScored = b.method !== "sparsegpt" && !("preset" in c) && !exchanges;
  const isSequential = "sequential" in c || ("preset" in c && c.preset === "best");
  return {
    ...plain,
    ...others,
    ...c,
    ...(permute !== undefined && isScored && { permute }),
    ...(passes !== undefined && !isSequential && { passes }),
  };
});
const value = fc.oneof(fc.boolean(), sparsity, pattern, options);

function expectFrozen(thing: unknown): void {
  if (typeof thing !== "object" || thing === null) return;
  expect(Object.isFrozen(thing)).toBe(true);
  for (const inner of Object.values(thing)) expectFrozen(inner);
}

describe("resolvePruneOption", () => {
  it("makes complete, deeply frozen options of everything that is valid", () => {
    fc.assert(
      fc.property(value, (option) => {
        const resolved = resolvePruneOption(option);
        const forFile = resolved.forFile("model");
        expectFrozen(resolved);
        expectFrozen(forFile);
        if (forFile === null) expect(option).toBe(false);
        else
          expect(Object.keys(forFile).sort()).toEqual(
            // What says how something else is meant is gone, and an update's own numbers lie beside its name.
            [
              "parameters",
              ...PRUNE_OPTION_NAMES.filter((name) => !/^(preset|sparsity|scope|permute)$/.test(name)),
            ].sort(),
          );
      }),
      SETTINGS,
    );
  });

  it("gives a map's file what the plain form would give", () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        const map = resolvePruneOption({ encoder_model: a, decoder_model_merged: b });
        expect(map.forFile("encoder_model")).toEqual(resolvePruneOption(a).forFile("model"));
        expect(map.forFile("decoder_model_merged")).toEqual(resolvePruneOption(b).forFile("model"));
      }),
      SETTINGS,
    );
  });

  it("refuses every unknown key beside a known one, wherever it stands", () => {
    const unknown = fc
      .string({ minLength: 1 })
      .filter((key) => !(PRUNE_OPTION_NAMES as readonly string[]).includes(key));
    fc.assert(
      fc.property(options, unknown, fc.jsonValue(), fc.boolean(), (known, key, anything, first) => {
        const stray = JSON.parse(`{${JSON.stringify(key)}:${JSON.stringify(anything)}}`);
        const all = { include: "mlp", ...known };
        const entries = first ? [stray, all] : [all, stray];
        const mixed = JSON.parse(`{${entries.map((part) => JSON.stringify(part).slice(1, -1)).join(",")}}`);
        expect(() => resolvePruneOption(mixed)).toThrow(expect.objectContaining({ code: "unknown-option" }));
      }),
      SETTINGS,
    );
  });

  it("completes any coefficients within their ranges", () => {
    const { parameters } = METHODS.crepe;
    const values = fc.record(
      Object.fromEntries(
        parameters.map(({ name, min, max, values }) => [
          name,
          values === "odd"
            ? fc.integer({ min: (min - 1) / 2, max: (max - 1) / 2 }).map((half) => 2 * half + 1)
            : fc.double({ min: name === "row" ? 0.01 : min, max, noNaN: true }),
        ]),
      ),
      { requiredKeys: ["row"] },
    );
    fc.assert(
      fc.property(values, (coefficients) => {
        const source = resolvePruneOption({ coefficients }).forFile("model")?.coefficients;
        expect(source?.kind === "values" && Object.keys(source.values.all)).toEqual(parameters.map(({ name }) => name));
        expect(source?.kind === "values" && source.values.all).toMatchObject(coefficients);
      }),
      SETTINGS,
    );
  });

  it("throws nothing but a PruneError, whatever JSON it is given", () => {
    const keys = fc.constantFrom(...PRUNE_OPTION_NAMES, "model", "texts", "__proto__", "row");
    const objects = fc.dictionary(keys, fc.oneof(fc.jsonValue(), options, fc.dictionary(keys, fc.jsonValue())));
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), objects), (json) => {
        try {
          resolvePruneOption(json);
        } catch (error) {
          expect(error).toBeInstanceOf(PruneError);
        }
      }),
      { ...SETTINGS, numRuns: 1000 },
    );
  });
});
