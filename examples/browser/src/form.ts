/** The form: what it offers, what depends on what in it, and what it says as settings. */
import { byId, fill, input, select } from "./dom.js";
import { chosenFolder, listenForFolders } from "./folder.js";
import {
  type DeviceName,
  DTYPES,
  type Dtype,
  type Encoding,
  type ModelChoice,
  type Offer,
  type PresetName,
  type Settings,
} from "./protocol.js";

/** Presets, and what they do. */
const PRESETS = {
  fast: "masks by a score; weights that stay keep their values",
  balanced: "SparseGPT: weights that stay make up for those that go",
  best: "the same layer after layer, each behind the pruned ones before it; takes about twice as long",
} as const satisfies Record<PresetName, string>;

/** Patterns that are offered; the library takes any N:M. */
const PATTERNS = {
  free: "any weights may go, up to the share below",
  "2:4": "2 of 4 stay, as sparse tensor cores want them",
  "4:8": "4 of 8 stay: as many zeros as 2:4, with more freedom",
  "1:4": "1 of 4 stays",
  "2:8": "2 of 8 stay",
  "3:4": "3 of 4 stay",
} as const;

const DEVICES = { webgpu: "GPU (WebGPU)", wasm: "CPU (WebAssembly)" } as const satisfies Record<DeviceName, string>;

const ENCODINGS = {
  packed: "packed: smaller files",
  dense: "like any other value",
} as const satisfies Record<Encoding, string>;

const form = byId("settings", HTMLFormElement);
const radio = (name: string): string => String(new FormData(form).get(name));
const fileOf = (id: string): File | null => input(id).files?.[0] ?? null;

/** Fills the form and keeps it in step with itself. */
export function setUpForm({ methods, gpuRefusal }: Offer): void {
  fill(
    select("preset"),
    Object.keys(PRESETS).map((name) => [name, name]),
  );
  select("preset").value = "balanced" satisfies PresetName;
  fill(
    select("method"),
    methods.map(({ name }) => [name, name]),
  );
  select("method").value = "crepe";
  fill(
    select("pattern"),
    Object.keys(PATTERNS).map((name) => [name, name === "free" ? "unstructured" : name]),
  );
  select("pattern").value = "2:4";
  fill(
    select("dtype"),
    DTYPES.map((name) => [name, name]),
  );
  fill(select("device"), Object.entries(DEVICES));
  fill(select("encoding"), Object.entries(ENCODINGS));
  if (gpuRefusal !== null) {
    select("device").value = "wasm" satisfies DeviceName;
    for (const option of select("device").options) option.disabled = option.value === "webgpu";
    byId("device-note", HTMLElement).textContent = `${gpuRefusal} The CPU does the same, more slowly.`;
    byId("device-note", HTMLElement).hidden = false;
  }
  const update = () => showDependents(methods);
  form.addEventListener("input", update);
  listenForFolders(update);
  update();
}

function showDependents(methods: Offer["methods"]): void {
  const preset = select("preset").value as PresetName;
  const visible = new Set([radio("from"), radio("coefficients"), preset]);
  for (const part of form.querySelectorAll<HTMLElement>("[data-for]"))
    part.hidden = !visible.has(part.dataset.for as string);
  byId("preset-summary", HTMLElement).textContent = PRESETS[preset];
  const method = methods.find(({ name }) => name === select("method").value);
  byId("method-summary", HTMLElement).textContent = method?.summary ?? "";
  const pattern = select("pattern").value as keyof typeof PATTERNS;
  byId("pattern-summary", HTMLElement).textContent = PATTERNS[pattern];
  input("sparsity").disabled = pattern !== "free";
  byId("sparsity-shown", HTMLOutputElement).textContent = `${Math.round(100 * zerosOf(pattern))}%`;
  byId("coefficients-note", HTMLElement).textContent = method?.hasCoefficients
    ? ""
    : `${method?.name} has no coefficients.`;
  const folder = radio("from") === "folder" && chosenFolder() === null ? "Choose the model's folder." : "";
  input("folder").setCustomValidity(folder);
  input("hub-id").required = radio("from") === "hub";
  const wantsFile = preset === "fast" && radio("coefficients") === "file" && fileOf("coefficients-file") === null;
  input("coefficients-file").setCustomValidity(wantsFile ? "Choose the file of coefficients." : "");
}

/** Share of zeros that a pattern leaves. */
function zerosOf(pattern: keyof typeof PATTERNS): number {
  if (pattern === "free") return input("sparsity").valueAsNumber / 100;
  const [kept, group] = pattern.split(":").map(Number) as [number, number];
  return 1 - kept / group;
}

/** The form as settings. The form is valid. */
export async function readSettings(): Promise<Settings> {
  const pattern = select("pattern").value as keyof typeof PATTERNS;
  const source = radio("coefficients");
  const file = fileOf("coefficients-file");
  return {
    model: readModel(),
    device: select("device").value as DeviceName,
    dtype: select("dtype").value as Dtype,
    encoding: select("encoding").value as Encoding,
    preset: select("preset").value as PresetName,
    method: select("method").value,
    amount: pattern === "free" ? zerosOf(pattern) : pattern,
    coefficients: source === "file" && file !== null ? file : source === "default" ? "default" : "auto",
    calibration: {
      text: (await fileOf("calibration-file")?.text()) ?? null,
      samples: input("samples").valueAsNumber,
      length: input("length").valueAsNumber,
    },
  };
}

function readModel(): ModelChoice {
  const from = radio("from") as ModelChoice["from"];
  const folder = chosenFolder();
  if (from === "hub") return { from, id: input("hub-id").value.trim() };
  if (from === "folder" && folder !== null) return { from, ...folder };
  return { from: "embedded" };
}
