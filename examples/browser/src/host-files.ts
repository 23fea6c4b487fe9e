/**
 * Where transformers.js gets its files in this page: the runtime's WebAssembly and the embedded model from
 * this page's own server, a folder of the user's from memory, everything else from the Hub. The host
 * has two doors for that, `env.fetch` and `env.customCache`; models from the Hub stay in the browser's cache.
 */
import { env } from "@huggingface/transformers";
import wasm from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url";
import type { FolderFile, ModelChoice } from "./protocol.js";

export const EMBEDDED = "austen-1.4m";

/** Local models lie at the root of the page's server (Vite's `publicDir` is the repository's `models/`). */
const ROOT = import.meta.env.BASE_URL;
const FOLDERS = "folder/";

const folders = new Map<string, ReadonlyMap<string, Blob>>();

/** Makes the host look where this page has its files. Call once, before anything is loaded. */
export function setUpHost(): void {
  // The host's default is a CDN. Without `mjs`, the runtime takes the glue code that is bundled with it.
  const { onnx } = env.backends;
  if (onnx.wasm) onnx.wasm.wasmPaths = { wasm: new URL(wasm, location.href).href };
  env.allowLocalModels = true;
  env.localModelPath = ROOT;
  env.fetch = (input, init) => localResponse(String(input)) ?? fetch(input, init);
  env.useCustomCache = true;
  env.customCache = {
    match: async (key) => (isLocal(key) ? undefined : (await caches.open(env.cacheKey)).match(key)),
    put: async (key, response) => {
      // What is on this machine anyway is not copied.
      if (!isLocal(key)) await (await caches.open(env.cacheKey)).put(key, response);
    },
  };
}

/** The id under which the host finds a model, and whether it may ask the Hub for it. */
export function locate(model: ModelChoice): { readonly id: string; readonly local_files_only: boolean } {
  switch (model.from) {
    case "embedded":
      return { id: EMBEDDED, local_files_only: true };
    case "hub":
      return { id: model.id, local_files_only: false };
    case "folder":
      return { id: folderId(model), local_files_only: true };
    default:
      return model satisfies never;
  }
}

/** A text of the embedded model's folder. */
export async function embeddedText(name: string): Promise<string> {
  const response = await fetch(`${ROOT}${EMBEDDED}/${name}`);
  if (!response.ok) throw new Error(`${name} of ${EMBEDDED} could not be fetched: ${response.status}`);
  return response.text();
}

function folderId({ name, files }: { readonly name: string; readonly files: readonly FolderFile[] }): string {
  const id = `${FOLDERS}${name.replace(/[^A-Za-z0-9_.]+/g, "-").replace(/^[-.]+|[-.]+$/g, "") || "model"}`;
  folders.set(id, new Map(files.map(({ path, blob }) => [path, blob])));
  return id;
}

const isLocal = (key: string): boolean => key.startsWith(ROOT);

/** An answer for a path on this page's server that is not the embedded model's; null where the network has to answer. */
function localResponse(path: string): Promise<Response> | null {
  if (!isLocal(path)) return null;
  const inside = path.slice(ROOT.length);
  if (inside.startsWith(`${EMBEDDED}/`)) return null;
  for (const [id, files] of folders) {
    const blob = inside.startsWith(`${id}/`) ? files.get(inside.slice(id.length + 1)) : undefined;
    if (blob) return Promise.resolve(new Response(blob, { headers: { "content-length": String(blob.size) } }));
  }
  // Models of the Hub are no business of this server, which may answer any path with a page.
  return Promise.resolve(new Response(null, { status: 404 }));
}
