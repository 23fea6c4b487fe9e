/** The example page for those who use the keyboard or a screen reader, in light and in dark. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ExampleSite, type Visitor } from "./example-page.js";

let site: ExampleSite;
let visitor: Visitor;
beforeAll(async () => {
  site = await ExampleSite.open();
  visitor = await site.visitor();
  await visitor.arrive();
}, 120_000);
afterAll(() => site?.close());

describe.sequential("the keyboard", () => {
  test("reaches what the form shows in reading order, and starts the prune", { timeout: 240_000 }, async () => {
    const { page } = visitor;
    const reached: string[] = [];
    await page.locator("body").click({ position: { x: 2, y: 2 } });
    for (let presses = 0; presses < 20 && reached.at(-1) !== "prune"; presses++) {
      await page.keyboard.press("Tab");
      reached.push(
        await page.evaluate(() => document.activeElement?.id || document.activeElement?.getAttribute("name") || "?"),
      );
      if (reached.at(-1) === "preset") await page.keyboard.type("fast");
      if (reached.at(-1) === "method") await page.keyboard.type("mag");
      if (reached.at(-1) === "device") await page.keyboard.type("CPU");
    }
    expect(reached).toEqual(["?", "from", "preset", "method", "pattern", "device", "dtype", "encoding", "?", "prune"]);
    await page.keyboard.press("Enter");
    await visitor.hears(/^Pruned in/);
    await expect(page.locator("#outcome").textContent()).resolves.toMatch(/magnitude at 2:4/);
  });

  test("shows where it is", async () => {
    const { page } = visitor;
    await page.keyboard.press("Tab");
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle);
    expect(outline).toBe("solid");
  });
});

describe("a screen reader", () => {
  test("has a name for every control and picture", async () => {
    const nameless = await visitor.page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>("input, select, textarea, button, progress, canvas, svg, fieldset")]
        .filter((element) => {
          const labels = (element as HTMLInputElement).labels;
          const own = element.getAttribute("aria-label") ?? element.querySelector("legend")?.textContent;
          return !(labels?.length || own?.trim() || (element.matches("button") && element.textContent?.trim()));
        })
        .map((element) => element.outerHTML.slice(0, 80)),
    );
    expect(nameless).toEqual([]);
  });

  test("finds one first heading, a language, and headings without gaps", async () => {
    const { page } = visitor;
    expect(await page.locator("html").getAttribute("lang")).toBe("en");
    expect(await page.locator("h1").count()).toBe(1);
    const levels = await page.locator("h1, h2, h3").evaluateAll((all) => all.map(({ tagName }) => Number(tagName[1])));
    for (const [index, level] of levels.entries()) expect(level - (levels[index - 1] ?? 0)).toBeLessThanOrEqual(1);
  });
});

describe.each(["light", "dark"] as const)("in %s", (colorScheme) => {
  test("text and bars stand out from their ground", async () => {
    const { page } = visitor;
    await page.emulateMedia({ colorScheme });
    const colours = await page.evaluate((names) => {
      const context = document.createElement("canvas").getContext("2d") as CanvasRenderingContext2D;
      const style = getComputedStyle(document.documentElement);
      return names.map((name) => {
        context.fillStyle = style.getPropertyValue(`--${name}`);
        context.fillRect(0, 0, 1, 1);
        return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
      });
    }, NAMES);
    const of = (name: (typeof NAMES)[number]) => colours[NAMES.indexOf(name)] as number[];
    for (const ground of ["ground", "panel"] as const)
      for (const text of ["text", "quiet", "accent", "bad"] as const)
        expect(contrast(of(text), of(ground)), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    expect(contrast(of("on-accent"), of("accent"))).toBeGreaterThanOrEqual(4.5);
    for (const bar of ["sparsity", "retained"] as const)
      expect(contrast(of(bar), of("panel")), bar).toBeGreaterThanOrEqual(3);
  });
});

const NAMES = ["ground", "panel", "text", "quiet", "accent", "on-accent", "bad", "sparsity", "retained"] as const;

/** Contrast ratio of two sRGB colours (WCAG 2.2, "contrast ratio" and "relative luminance"). */
function contrast(one: readonly number[], other: readonly number[]): number {
  const luminance = (colour: readonly number[]) => {
    const [r, g, b] = colour.map((byte) => {
      const c = byte / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    }) as [number, number, number];
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}
