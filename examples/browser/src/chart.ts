/** Sparsity and score that stays as bars, by block, by kind or by weight, and as a table of all weights. */
import type { WeightReport } from "transformers-prune";
import { byId, fill, h, select, svg } from "./dom.js";
import { count, percent } from "./units.js";

const GROUPINGS = {
  block: { label: "block", of: ({ layer }: WeightReport) => (layer === null ? "outside" : String(layer)) },
  kind: { label: "kind of weight", of: ({ kind }: WeightReport) => kind },
  weight: { label: "weight", of: ({ name }: WeightReport) => name },
} as const satisfies Record<string, { readonly label: string; readonly of: (weight: WeightReport) => string }>;

interface Bar {
  readonly name: string;
  /** Shares, 0 … 1, of the weights of a group, each counted by its size. */
  readonly sparsity: number;
  readonly retained: number;
}

/** Pixels of the drawing: bars, gaps, and room for the axes. */
const HEIGHT = 180;
const BAR = 12;
const GROUP = 2 * BAR + 10;
const AXIS = { left: 44, bottom: 26, top: 10 } as const;

let shown: readonly WeightReport[] = [];

/** Lets the user choose the bars. */
export function setUpChart(): void {
  fill(
    select("grouping"),
    Object.entries(GROUPINGS).map(([name, { label }]) => [name, label]),
  );
  select("grouping").addEventListener("change", draw);
}

/** Shows the weights of a prune. */
export function showWeights(weights: readonly WeightReport[]): void {
  shown = weights;
  byId("weights", HTMLTableElement).tBodies[0]?.replaceChildren(
    ...weights.map(({ name, layer, kind, shape, sparsity, retained }) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, name),
        ...[
          layer === null ? "–" : String(layer),
          kind,
          shape.map(count).join(" × "),
          percent(sparsity),
          percent(retained),
        ].map((cell) => h("td", {}, cell)),
      ),
    ),
  );
  draw();
}

function draw(): void {
  const grouping = select("grouping").value as keyof typeof GROUPINGS;
  const bars = barsOf(shown, GROUPINGS[grouping].of);
  const width = AXIS.left + bars.length * GROUP + 10;
  const y = (share: number) => AXIS.top + (1 - share) * HEIGHT;
  const lines = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    svg("line", { x1: AXIS.left, x2: width, y1: y(share), y2: y(share), class: "grid" }),
    svg("text", { x: AXIS.left - 6, y: y(share) + 4, "text-anchor": "end" }, percent(share)),
  ]);
  const groups = bars.map(({ name, sparsity, retained }, index) => {
    const x = AXIS.left + index * GROUP + 6;
    const bar = (share: number, offset: number, kind: string) =>
      svg("rect", { x: x + offset, y: y(share), width: BAR, height: share * HEIGHT, class: kind });
    const label = svg("text", { x: x + BAR, y: AXIS.top + HEIGHT + 16, "text-anchor": "middle" }, short(name));
    const title = svg("title", {}, `${name}: ${percent(sparsity)} zeros, ${percent(retained)} of the score stays`);
    return svg("g", {}, title, bar(sparsity, 0, "sparsity"), bar(retained, BAR, "retained"), label);
  });
  const height = AXIS.top + HEIGHT + AXIS.bottom;
  const picture = svg(
    "svg",
    {
      role: "img",
      "aria-label": summary(bars, GROUPINGS[grouping].label),
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
    },
    ...lines,
    ...groups,
  );
  byId("chart", HTMLElement).replaceChildren(legend(), picture);
}

function legend(): HTMLElement {
  const entry = (kind: string, text: string) => h("span", {}, h("span", { class: `swatch ${kind}` }), text);
  return h("p", { class: "legend" }, entry("sparsity", "zeros"), entry("retained", "score that stays"));
}

/** Names are as long as they like; the whole name is the bar's title. */
const short = (name: string): string => (name.length > 6 ? `…${name.slice(-5)}` : name);

function summary(bars: readonly Bar[], label: string): string {
  const range = (of: (bar: Bar) => number) => {
    const values = bars.map(of);
    return `${percent(Math.min(...values))} to ${percent(Math.max(...values))}`;
  };
  if (bars.length === 0) return "No weights.";
  return (
    `Bars for each ${label}, ${bars.length} in all: zeros from ${range((bar) => bar.sparsity)}, ` +
    `score that stays from ${range((bar) => bar.retained)}. The table below has every weight.`
  );
}

function barsOf(weights: readonly WeightReport[], groupOf: (weight: WeightReport) => string): Bar[] {
  const groups = new Map<string, WeightReport[]>();
  for (const weight of weights) groups.set(groupOf(weight), [...(groups.get(groupOf(weight)) ?? []), weight]);
  return [...groups].map(([name, members]) => {
    const sizes = members.map(({ shape }) => shape[0] * shape[1]);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const mean = (of: (weight: WeightReport) => number) =>
      members.reduce((sum, weight, index) => sum + of(weight) * (sizes[index] as number), 0) / total;
    return { name, sparsity: mean((weight) => weight.sparsity), retained: mean((weight) => weight.retained) };
  });
}
