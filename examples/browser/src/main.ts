/** The page: wires its parts to the worker. Nothing here computes; that is what the worker is for. */
import { setUpChart, showWeights } from "./chart.js";
import { byId, fill, input, select } from "./dom.js";
import { canSaveFolders, download, pickFolder, saveFiles } from "./download.js";
import { showFigures, showOutcome } from "./figures.js";
import { readSettings, setUpForm } from "./form.js";
import { showMask } from "./mask-picture.js";
import { clearPhases, say, sayFailure, showProgress } from "./phases.js";
import type { Outcome } from "./protocol.js";
import { bytes, seconds } from "./units.js";
import { Stopped, startWorker } from "./worker-client.js";

const worker = startWorker({
  onProgress: showProgress,
  onText: ({ side, text }) => {
    byId(`text-${side}`, HTMLElement).textContent = text;
  },
});

/** Buttons that start something. They stay focusable while something runs, and say that they do nothing. */
const starters = [...document.querySelectorAll<HTMLButtonElement>("button:not(#stop)")];
const stop = byId("stop", HTMLButtonElement);
let busy = false;
let outcome: Outcome | null = null;

/** Does one thing at a time, and says how it ended. */
async function run(task: () => Promise<string>): Promise<void> {
  if (busy) return;
  setBusy(true);
  clearPhases();
  try {
    say(await task());
  } catch (error) {
    if (error instanceof Stopped) say("Stopped. Nothing half-done was kept.");
    else {
      say("That did not work.");
      sayFailure(error instanceof Error ? error.message : String(error));
    }
  } finally {
    setBusy(false);
  }
}

function setBusy(value: boolean): void {
  busy = value;
  stop.disabled = !value;
  byId("work", HTMLElement).setAttribute("aria-busy", String(value));
  for (const button of starters) button.setAttribute("aria-disabled", String(value));
}

const onSubmit = (id: string, task: () => Promise<string>) =>
  byId(id, HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    void run(task);
  });
const onClick = (id: string, task: () => Promise<string>) =>
  byId(id, HTMLButtonElement).addEventListener("click", () => void run(task));

onSubmit("settings", async () => {
  showResults(false);
  say("Starting …");
  outcome = await worker.ask("prune", { settings: await readSettings() });
  const weights = outcome.reports.flatMap((report) => report.weights);
  showOutcome(outcome);
  showWeights(weights);
  for (const side of ["dense", "pruned"]) byId(`text-${side}`, HTMLElement).textContent = "";
  fill(
    select("weight"),
    weights.map(({ name }) => [name, name]),
  );
  showResults(true);
  await drawMask();
  return `Pruned in ${seconds(outcome.seconds)}. The results are below.`;
});

onSubmit("generate", async () => {
  const prompt = byId("prompt", HTMLTextAreaElement).value;
  await worker.ask("generate", { prompt, tokens: input("tokens").valueAsNumber });
  return "Both sides have written their text.";
});

onSubmit("measure", async () => {
  const text = (await input("text-file").files?.[0]?.text()) ?? null;
  const measured = await worker.ask("measure", { text, windows: input("windows").valueAsNumber });
  if (outcome !== null) showFigures(outcome, measured);
  const { dense, pruned } = measured.perplexity;
  return `Perplexity: ${dense.toFixed(2)} dense, ${pruned.toFixed(2)} pruned.`;
});

onClick("zip", async () => {
  const zip = await worker.ask("zip", {});
  download(zip, `${fileName()}.zip`);
  return `The zip has ${bytes(zip.size)}.`;
});

onClick("to-folder", async () => {
  const folder = await pickFolder();
  if (folder === null) return "No folder was chosen.";
  const files = await worker.ask("files", {});
  await saveFiles(folder, files);
  return `${files.length} files were written to ${folder.name}.`;
});

onClick("share", async () => {
  download(await worker.ask("coefficients", {}), `${fileName()}.coefficients.json`);
  return "The coefficients were downloaded.";
});

stop.addEventListener("click", () => {
  say("Stopping …");
  worker.stop();
});

for (const id of ["weight", "row", "channel"])
  byId(id, HTMLElement).addEventListener("change", () => void drawMask().catch((error) => sayFailure(String(error))));

function showResults(visible: boolean): void {
  byId("results", HTMLElement).hidden = !visible;
  byId("nothing-yet", HTMLElement).hidden = visible;
}

async function drawMask(): Promise<void> {
  const weight = select("weight").value;
  if (weight === "") return;
  const at = (id: string) => Math.max(0, Math.floor(input(id).valueAsNumber || 0));
  showMask(weight, await worker.ask("mask", { weight, row: at("row"), channel: at("channel") }));
}

/** Model, method and pattern of the last prune, as a file name. */
function fileName(): string {
  const [report] = outcome?.reports ?? [];
  return [outcome?.model, report?.method, report?.pattern].join("-").replace(/[^A-Za-z0-9.]+/g, "-");
}

async function start(): Promise<string> {
  const offer = await worker.ask("offer", {});
  setUpForm(offer);
  setUpChart();
  byId("to-folder", HTMLElement).hidden = !canSaveFolders;
  byId("about", HTMLElement).textContent = `transformers-prune ${offer.version}.`;
  return "Choose a model and press Prune.";
}

void run(start);
