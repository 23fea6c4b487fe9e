/** What a prune came to, in words and in a table of figures, dense beside pruned. */
import type { PruneReport } from "transformers-prune";
import { byId, h } from "./dom.js";
import type { Measured, Outcome } from "./protocol.js";
import { bytes, count, percent, seconds } from "./units.js";

type Row = readonly [figure: string, dense: string, pruned: string];

const sum = (reports: readonly PruneReport[], of: (report: PruneReport) => number): number =>
  reports.reduce((total, report) => total + of(report), 0);

/** Shows a prune; perplexities are not measured yet. */
export function showOutcome(outcome: Outcome): void {
  const { reports, model } = outcome;
  const [first] = reports;
  const weights = sum(reports, (report) => report.weights.length);
  const [calibrate, mask, update] = (["calibrate", "mask", "update"] as const).map((phase) =>
    sum(reports, (report) => report.seconds[phase]),
  );
  const source = reports.every(({ fromCache }) => fromCache)
    ? `found in this browser's cache, ${seconds(outcome.seconds)}`
    : `masks by ${[...new Set(reports.map(({ device }) => device))].join(" and ")}, ${seconds(outcome.seconds)} ` +
      `(calibration ${seconds(calibrate as number)}, ` +
      `${first?.reconstruct == null ? `masks ${seconds(mask as number)}` : `updates ${seconds(update as number)}`})`;
  byId("outcome", HTMLElement).textContent =
    `${model}: ${first?.method} at ${first?.pattern}, ${weights} weights, ${source}. ` +
    `Coefficients: ${first?.coefficientsFrom.replace(/blob:\S+/, "your file")}. Calibrated on ${first?.calibration}.`;
  byId("notes", HTMLElement).replaceChildren(
    ...reports.flatMap(({ notes, skipped }) => [
      ...notes.map((note) => h("li", {}, note)),
      ...(skipped.length > 0 ? [skippedList(skipped)] : []),
    ]),
  );
  showFigures(outcome, null);
}

/** Shows the figures, with perplexities where they were measured. */
export function showFigures({ reports }: Outcome, measured: Measured | null): void {
  const zeros = sum(reports, (report) => report.zeros);
  const prunable = sum(reports, (report) => report.prunable);
  const source = sum(reports, (report) => report.bytes.source);
  const compared = reports.flatMap((report) => report.bytes.compared ?? []);
  const isPacked = compared.length === reports.length;
  const unpacked = isPacked
    ? compared.reduce((total, { dense }) => total + dense, 0)
    : sum(reports, (report) => report.bytes.written) || source;
  const rows: Row[] = [
    measured === null
      ? ["Perplexity", "not measured", "not measured"]
      : [
          `Perplexity (${count(measured.tokens)} tokens)`,
          measured.perplexity.dense.toFixed(2),
          measured.perplexity.pruned.toFixed(2),
        ],
    [`Zeros in ${count(prunable)} weights`, "–", `${count(zeros)} (${percent(zeros / Math.max(1, prunable))})`],
    ["Bytes, zeros like any other value", bytes(source), bytes(unpacked)],
  ];
  if (isPacked) rows.push(["Bytes, packed", "–", bytes(sum(reports, (report) => report.bytes.written))]);
  byId("figures", HTMLTableElement).tBodies[0]?.replaceChildren(
    ...rows.map(([figure, ...cells]) =>
      h("tr", {}, h("th", { scope: "row" }, figure), ...cells.map((cell) => h("td", {}, cell))),
    ),
  );
}

function skippedList(skipped: PruneReport["skipped"]): HTMLElement {
  const items = skipped.map(({ name, reason }) => h("li", {}, `${name}: ${reason}`));
  return h(
    "li",
    {},
    h("details", {}, h("summary", {}, `Weights that stayed dense: ${skipped.length}`), h("ul", {}, ...items)),
  );
}
