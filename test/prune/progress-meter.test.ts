import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Phase, ProgressEvent } from "../../src/progress.js";
import { ProgressMeter } from "../../src/prune/index.js";

function meter(calibrated: boolean, passes: number) {
  const events: ProgressEvent[] = [];
  return {
    events,
    meter: new ProgressMeter((event) => events.push(event), "model", { calibrated, updated: false, passes }),
  };
}

const everyStep = (total: number) => Array.from({ length: total + 1 }, (_, done) => done);

describe("the progress of a prune", () => {
  it.each([
    [true, 1],
    [true, 3],
    [false, 1],
  ])("never falls, moves in every phase and ends at 100 (calibrated %s, %i passes)", (calibrated, passes) => {
    const { events, meter: own } = meter(calibrated, passes);
    own.step("read", 1, 1);
    for (let pass = 0; pass < passes; pass++) {
      if (calibrated) for (const done of everyStep(5)) own.step("calibrate", done, 5, "", pass);
      for (const done of everyStep(4)) own.step("mask", done, 4, "", pass);
    }
    for (const done of everyStep(3)) own.step("write", done, 3);
    const percents = events.map(({ percent }) => percent);
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
    expect(percents.at(-1)).toBe(100);
    // Nothing stands still but where one phase ends and the next begins.
    const moves = events.filter(({ done, percent }, i) => done > 0 && percent > (percents[i - 1] ?? 0));
    expect(moves).toHaveLength(events.filter(({ done }) => done > 0).length);
  });

  it("stays within 0 and 100 and never falls, in whatever order steps come", () => {
    const step = fc.record({
      phase: fc.constantFrom<Phase>("read", "calibrate", "mask", "write", "cache", "load", "evaluate"),
      done: fc.nat(9),
      total: fc.nat(9),
      pass: fc.nat(2),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1 }), fc.boolean(), (steps, calibrated) => {
        const { events, meter: own } = meter(calibrated, 3);
        for (const { phase, done, total, pass } of steps) own.step(phase, done, total, "", pass);
        const percents = events.map(({ percent }) => percent);
        expect(percents).toEqual([...percents].sort((a, b) => a - b));
        expect(percents.every((percent) => percent >= 0 && percent <= 100)).toBe(true);
      }),
      { seed: 1 },
    );
  });

  it("is told with file, phase, item, and steps done of all", () => {
    const { events, meter: own } = meter(true, 1);
    own.step("mask", 3, 42, "layers.0.mlp.up_proj");
    expect(events).toEqual([
      { phase: "mask", file: "model", done: 3, total: 42, item: "layers.0.mlp.up_proj", percent: expect.any(Number) },
    ]);
  });

  it("is at 100 when a cached result was found", () => {
    const { events, meter: own } = meter(true, 1);
    own.finish("cache");
    expect(events).toMatchObject([{ phase: "cache", percent: 100 }]);
  });
});
