/**
 * The files beside a model's session files, in browsers: fetched from where the host fetches them (its
 * src/utils/hub.js) — its cache, the local models, the Hub — because it gives out parsed ones only.
 */
import { host } from "./host.js";
import type { ResolvedModel } from "./resolve-files.js";
import type { LoadOptions } from "./tokenizer.js";

/** What of a cache is needed; the host's `customCache` has it too. */
interface ReadableCache {
  match(address: string): Promise<Response | undefined | string>;
}

/**
 * The text of a file beside the model's config.
 *
 * @param id Hub id or address of the model, null: nobody knows it
 * @param name such as `tokenizer.json`
 * @returns null where there is no such file, or it cannot be reached
 */
export async function readSideText(id: string | null, name: string, options: LoadOptions): Promise<string | null> {
  if (id === null) return null;
  const { env } = host;
  const { local, remote } = addressesOf(id, name, options.revision ?? "main");
  const cache = await hostCache();
  for (const address of [local, remote]) {
    const kept = await cache?.match(address).catch(() => undefined);
    if (kept instanceof Response) return kept.text();
  }
  const wanted = [
    ...(env.allowLocalModels ? [local] : []),
    ...(env.allowRemoteModels && options.local_files_only !== true ? [remote] : []),
  ];
  for (const address of wanted) {
    const response = await env.fetch(address).catch(() => null);
    if (response?.ok) return response.text();
  }
  return null;
}

/** Files that the host reads beside session files; the Hub cannot be asked for a listing by the host's own means. */
const SIDE_FILES = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
  "chat_template.json",
  "preprocessor_config.json",
  "processor_config.json",
];

/** Config, tokenizer and the rest, by name, as far as the host reads them. */
export async function sideFilesOf({ id, options }: ResolvedModel): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const name of SIDE_FILES) {
    const text = await readSideText(id, name, options);
    if (text !== null) files.set(name, new TextEncoder().encode(text));
  }
  return files;
}

/** Where the host looks for a file of a model. */
function addressesOf(id: string, name: string, revision: string): { readonly local: string; readonly remote: string } {
  const { env } = host;
  const isAddress = /^(?:https?|blob):/.test(id);
  const path = `${id.replace(/\/$/, "")}/${name}`;
  const template = env.remotePathTemplate
    .replaceAll("{model}", id)
    .replaceAll("{revision}", encodeURIComponent(revision));
  const joined = (...parts: string[]) => parts.map((part) => part.replace(/^\/+(?=.)|\/+$/g, "")).join("/");
  return {
    local: isAddress ? path : `${env.localModelPath.replace(/\/$/, "")}/${path}`,
    remote: joined(env.remoteHost, template, name),
  };
}

/** The cache that the host uses; null where it uses none, or the browser refuses it: the host goes on without it, too. */
async function hostCache(): Promise<ReadableCache | null> {
  const { env } = host;
  if (env.useCustomCache && env.customCache) return env.customCache as ReadableCache;
  try {
    return env.useBrowserCache && typeof caches !== "undefined" ? await caches.open(env.cacheKey) : null;
  } catch {
    return null;
  }
}
