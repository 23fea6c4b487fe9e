/** Progress: one bar for each phase of the work, as they come, and one sentence that screen readers hear. */
import { byId, h } from "./dom.js";
import { PHASES, type PhaseName, type Reply } from "./protocol.js";

const list = byId("phases", HTMLOListElement);
const status = byId("status", HTMLElement);
const failure = byId("failure", HTMLElement);
const rows = new Map<PhaseName, { readonly bar: HTMLProgressElement; readonly item: HTMLElement }>();

/** Forgets what is shown, before the next task. */
export function clearPhases(): void {
  rows.clear();
  list.replaceChildren();
  failure.hidden = true;
}

/** Says how things stand. */
export function say(sentence: string): void {
  status.textContent = sentence;
}

/** Says what went wrong. */
export function sayFailure(sentence: string): void {
  failure.textContent = sentence;
  failure.hidden = false;
}

/** Shows a step. Only a new phase is announced: a bar that moves is no news. */
export function showProgress({ phase, item, done, total }: Extract<Reply, { kind: "progress" }>): void {
  let row = rows.get(phase);
  if (row === undefined) {
    const label = PHASES[phase];
    row = { bar: h("progress", { max: "1", "aria-label": label }), item: h("span", { class: "note" }) };
    rows.set(phase, row);
    list.append(h("li", {}, h("span", {}, label), row.bar, row.item));
    say(`${label} …`);
  }
  row.bar.value = total > 0 ? done / total : 0;
  row.item.textContent = item;
}
