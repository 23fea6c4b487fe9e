/**
 * The frame that all plots share: two axes with ticks and titles around an area for marks, as SVG that
 * takes its colours from the page's style sheet. Lengths are in units of the SVG, about a pixel each.
 */
import { type Content, element, type Markup } from "./markup.js";
import type { Scale } from "./scale.js";

export interface PlotSize {
  readonly width: number;
  readonly height: number;
}

export interface PlotFrame {
  readonly size: PlotSize;
  /** What the plot shows, in a sentence, for those who cannot see it. */
  readonly label: string;
  readonly x: { readonly scale: Scale; readonly title: string };
  readonly y: { readonly scale: Scale; readonly title: string };
}

/** Places of values in the plot. */
export interface PlotArea {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

/** Room for the texts around the area. */
const ROOM = { left: 50, right: 12, top: 26, bottom: 38 } as const;
const TICK = 4;
/** Width of a character at the size of tick texts, at most. */
const CHARACTER = 6.5;

/** A plot with its marks. @param marks makes them, given where values lie */
export function plot(frame: PlotFrame, marks: (area: PlotArea) => Content): Markup {
  const { size, label, x, y } = frame;
  const left = ROOM.left;
  const right = size.width - ROOM.right;
  const top = ROOM.top;
  const bottom = size.height - ROOM.bottom;
  const area: PlotArea = {
    left,
    right,
    top,
    bottom,
    x: (value) => left + x.scale.at(value) * (right - left),
    y: (value) => bottom - y.scale.at(value) * (bottom - top),
  };
  return svg(
    size,
    label,
    horizontalRules(y.scale, area),
    element("line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom }),
    ticksBelow(x.scale, area),
    element("text", { class: "title", x: right, y: size.height - 4, "text-anchor": "end" }, titleOf(x)),
    element("text", { class: "title", x: 0, y: 12 }, titleOf(y)),
    marks(area),
  );
}

/** A picture by itself, with what it shows for those who cannot see it. */
export const svg = ({ width, height }: PlotSize, label: string, ...content: readonly Content[]): Markup =>
  element("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, ...content);

/** A dot; the pointer over it shows `tip`. */
export const dot = (x: number, y: number, radius: number, className: string, tip: string): Markup =>
  element("circle", { class: className, cx: x, cy: y, r: radius }, element("title", {}, tip));

const titleOf = ({ scale, title }: PlotFrame["x"]): string => (scale.kind === "log" ? `${title} (log scale)` : title);

function horizontalRules({ ticks }: Scale, area: PlotArea): Markup[] {
  return ticks.flatMap(({ value, text }) => [
    element("line", { class: "rule", x1: area.left, x2: area.right, y1: area.y(value), y2: area.y(value) }),
    element("text", { class: "tick", x: area.left - 6, y: area.y(value) + 4, "text-anchor": "end" }, text),
  ]);
}

/** Ticks along the bottom. Texts that would touch the one before are left out. */
export function ticksBelow({ ticks }: Scale, area: PlotArea): Markup[] {
  let free = Number.NEGATIVE_INFINITY;
  return ticks.flatMap(({ value, text }) => {
    const x = area.x(value);
    const half = (text.length * CHARACTER) / 2;
    const line = element("line", { class: "axis", x1: x, x2: x, y1: area.bottom, y2: area.bottom + TICK });
    if (x - half < free) return [line];
    free = x + half + CHARACTER;
    return [line, element("text", { class: "tick", x, y: area.bottom + 16, "text-anchor": "middle" }, text)];
  });
}
