import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Pattern } from "../../src/pattern/index.js";
import { methodOf } from "../../src/score/index.js";
import { type Candidate, candidateKey } from "../../src/tune/candidate.js";
import { OPTIMISERS, type OptimiserName } from "../../src/tune/optimise/index.js";
import { bestApart, type SearchOptions, type SearchState, type SearchStep, search } from "../../src/tune/search.js";
import { searchSpace } from "../../src/tune/space.js";

const NAMES = Object.keys(OPTIMISERS) as OptimiserName[];
const PATTERN: Pattern = { kind: "n:m", keep: 2, of: 4, permute: false };
const SPACE = searchSpace("crepe", PATTERN, { by: "model" }, 2);
/** Two candidates in all: without parameters only the passes can differ. */
const TINY = searchSpace("wanda", PATTERN, { by: "model" }, 2);
const STARTS: Candidate[] = methodOf("crepe").starts.map(({ coefficients: all }) => ({
  method: "crepe",
  pattern: PATTERN,
  coefficients: { all },
  passes: 1,
}));

const OPTIONS: SearchOptions = {
  space: SPACE,
  optimiser: "cma-es",
  better: "lower",
  evaluations: 40,
  seed: 3,
  starts: STARTS,
};

/** A bowl in power, window and passes, with its bottom where neither start nor bound is. */
const bowl = async ({ coefficients: { all }, passes }: Candidate): Promise<number> => {
  const { power = 0.9, window = 0.2 } = all;
  return 1 + (power - 0.9) ** 2 + (window - 0.2) ** 2 + 0.1 * (passes - 1);
};

const withoutTime = (steps: readonly SearchStep[]) => steps.map(({ seconds: _, ...rest }) => rest);

/** Runs a search until `after` candidates are measured, then stops it. @returns what was saved last, as JSON gives it back */
async function stopped(options: SearchOptions, after: number): Promise<SearchState | null> {
  const controller = new AbortController();
  let saved: SearchState | null = null;
  let measured = 0;
  const measure = (candidate: Candidate) => {
    if (++measured >= after) controller.abort(new Error("enough"));
    return bowl(candidate);
  };
  const running = search(measure, options, {
    signal: controller.signal,
    onStep: (_, state) => {
      saved = JSON.parse(JSON.stringify(state()));
    },
  });
  await running.catch((reason) => expect(reason).toMatchObject({ message: "enough" }));
  return saved;
}

describe.each(NAMES)("a search by %s", (optimiser) => {
  it("measures the starts first, no candidate twice, and as many as are asked for", async () => {
    const measured: string[] = [];
    const steps = await search(
      async (candidate) => {
        measured.push(candidateKey(candidate));
        return bowl(candidate);
      },
      { ...OPTIONS, optimiser, evaluations: 60 },
    );
    expect(measured).toHaveLength(60);
    expect(new Set(measured).size).toBe(60);
    expect(steps.map(({ candidate }) => candidateKey(candidate))).toEqual(measured);
    expect(steps.slice(0, 3).map(({ candidate, generation }) => [candidate, generation])).toEqual(
      STARTS.map((start) => [start, 0]),
    );
    for (const [i, { value, best, generation }] of steps.entries()) {
      expect(best).toBe(Math.min(...steps.slice(0, i + 1).map((step) => step.value)));
      expect(value).toBe(await bowl((steps[i] as SearchStep).candidate));
      expect(generation).toBeGreaterThanOrEqual(steps[i - 1]?.generation ?? 0);
    }
  });

  it("goes on from wherever it was stopped as if it had not been, and measures nothing again", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.nat(100),
        fc.constantFrom(SPACE, TINY),
        async (after, seed, space) => {
          const starts = space === SPACE ? STARTS : [];
          const options: SearchOptions = { ...OPTIONS, optimiser, seed, space, starts };
          const whole = await search(bowl, options);
          const state = await stopped(options, after);
          let measuredAgain = 0;
          const measure = (candidate: Candidate) => {
            measuredAgain++;
            return bowl(candidate);
          };
          const rest = await search(measure, { ...options, ...(state && { state }) });
          expect(withoutTime(rest)).toEqual(withoutTime(whole));
          expect(measuredAgain).toBe(whole.length - (state?.steps.length ?? 0));
        },
      ),
      { seed: 1, numRuns: 15 },
    );
  });

  it("raises what is better higher, exactly as it lowers the negative", async () => {
    const options = { ...OPTIONS, optimiser };
    const lowered = await search(bowl, options);
    const raised = await search(async (candidate) => -(await bowl(candidate)), { ...options, better: "higher" });
    expect(raised.map(({ candidate, value, best }) => [candidate, -value, -best])).toEqual(
      lowered.map(({ candidate, value, best }) => [candidate, value, best]),
    );
  });

  it("ends where nothing new is left to be measured", async () => {
    const steps = await search(bowl, { ...OPTIONS, optimiser, space: TINY, starts: [] });
    expect(steps.map(({ candidate }) => candidate.passes).sort()).toEqual([1, 2]);
  });
});

describe("a search", () => {
  it("finds the bottom of a bowl, from the best of its starts", async () => {
    const steps = await search(bowl, { ...OPTIONS, evaluations: 150 });
    const { all } = steps.reduce((a, b) => (b.value < a.value ? b : a)).candidate.coefficients;
    expect(all.power).toBeCloseTo(0.9, 1);
    expect(all.window).toBeCloseTo(0.2, 1);
    expect(steps.at(-1)?.best).toBeLessThan(1.01);
  });

  it("can be carried further than was first asked for", async () => {
    const short = { ...OPTIONS, evaluations: 17 };
    const states: SearchState[] = [];
    await search(bowl, short, { onStep: (_, state) => void states.push(state()) });
    const state = states.at(-1) as SearchState;
    const further = await search(bowl, { ...OPTIONS, state });
    expect(withoutTime(further)).toEqual(withoutTime(await search(bowl, OPTIONS)));
  });

  it("measures no more than is asked for, starts included", async () => {
    expect((await search(bowl, { ...OPTIONS, evaluations: 2 })).map(({ candidate }) => candidate)).toEqual(
      STARTS.slice(0, 2),
    );
  });

  it("of a space without dimensions measures its starts", async () => {
    const space = searchSpace("ria", PATTERN, { by: "model" }, 1);
    const starts = [space.decode([])];
    expect(await search(async () => 7, { ...OPTIONS, space, starts })).toMatchObject([{ value: 7, generation: 0 }]);
  });

  it("measures nothing once it is aborted, and passes on what the objective throws", async () => {
    const signal = AbortSignal.abort(new Error("too late"));
    let measured = 0;
    const count = async () => ++measured;
    await expect(search(count, OPTIONS, { signal })).rejects.toThrow("too late");
    expect(measured).toBe(0);
    const failing = async () => Promise.reject(new Error("no luck"));
    await expect(search(failing, OPTIONS)).rejects.toThrow("no luck");
  });

  it("counts its seconds on from those before it was stopped", async () => {
    const state = await stopped(OPTIONS, 5);
    const before = state?.steps.map((step) => ({ ...step, seconds: 100 })) ?? [];
    const steps = await search(bowl, { ...OPTIONS, state: { optimiser: state?.optimiser, steps: before } });
    for (const { seconds } of steps.slice(before.length)) {
      expect(seconds).toBeGreaterThanOrEqual(100);
      expect(seconds).toBeLessThan(110);
    }
  });
});

describe("the best steps that differ", () => {
  const stepOf = (power: number, value: number): SearchStep => ({
    candidate: {
      method: "crepe",
      pattern: PATTERN,
      coefficients: { all: { ...methodOf("crepe").untuned, power } },
      passes: 1,
    },
    value,
    best: value,
    generation: 1,
    seconds: 0,
  });
  // Powers are searched from 0 to 1.5: 0.1 of the cube's side is 0.15.
  const steps = [stepOf(0.9, 4), stepOf(0.5, 1), stepOf(0.6, 2), stepOf(0.8, 3), stepOf(0.1, 9)];
  const powers = (count: number, better: "lower" | "higher" = "lower") =>
    bestApart(steps, count, { space: SPACE, better, distance: 0.1 }).map(
      ({ candidate }) => candidate.coefficients.all.power,
    );

  it("are the best first, and none is near a better one", () => {
    expect(powers(2)).toEqual([0.5, 0.8]);
    expect(powers(10)).toEqual([0.5, 0.8, 0.1]);
  });

  it("are the highest where higher is better", () => expect(powers(3, "higher")).toEqual([0.1, 0.9, 0.6]));

  it("are none where there is none", () =>
    expect(bestApart([], 3, { space: SPACE, better: "lower", distance: 0.1 })).toEqual([]));
});
