/** What the example page draws of a mask, held to the weight itself. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { maskTiles, WINDOW_SIDE } from "../../examples/browser/src/mask-tiles.js";

const weights = fc
  .tuple(fc.integer({ min: 1, max: 130 }), fc.integer({ min: 1, max: 1100 }), fc.integer(), fc.nat(200), fc.nat(1200))
  .map(([out, inputs, seed, row, channel]) => {
    let state = seed >>> 0;
    const next = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state;
    };
    return {
      shape: { out, in: inputs },
      values: Float32Array.from({ length: out * inputs }, () => next() >>> 31),
      row,
      channel,
    };
  });

test("tiles cover the weight once: their shares add up to what was kept", () => {
  fc.assert(
    fc.property(weights, ({ shape, values, row, channel }) => {
      const { whole, kept } = maskTiles({ shape, values }, row, channel);
      const { side, rows, columns, shares } = whole;
      const sizeOf = (tile: number, length: number) => Math.min(side, length - tile * side);
      let sum = 0;
      for (const [index, share] of shares.entries())
        sum += (share / 255) * sizeOf(Math.floor(index / columns), shape.out) * sizeOf(index % columns, shape.in);
      expect(rows * columns).toBe(shares.length);
      expect(kept).toBe(values.filter((value) => value !== 0).length);
      expect(Math.abs(sum - kept)).toBeLessThanOrEqual(values.length / 510 + 1e-6);
    }),
  );
});

test("the window stays inside the weight and shows single weights", () => {
  fc.assert(
    fc.property(weights, ({ shape, values, row, channel }) => {
      const { close } = maskTiles({ shape, values }, row, channel);
      expect(close.rows).toBe(Math.min(WINDOW_SIDE, shape.out));
      expect(close.columns).toBe(Math.min(WINDOW_SIDE, shape.in));
      expect(close.row + close.rows).toBeLessThanOrEqual(shape.out);
      expect(close.channel + close.columns).toBeLessThanOrEqual(shape.in);
      for (const [k, bit] of close.kept.entries()) {
        const [r, c] = [Math.floor(k / close.columns), k % close.columns];
        if (bit !== values[(close.row + r) * shape.in + close.channel + c]) throw new Error(`row ${r}, channel ${c}`);
      }
    }),
  );
});
