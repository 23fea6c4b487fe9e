/**
 * The files beside a model's session files, in browsers: fetched from where the host fetches them (its
 * src/utils/hub.js) — its cache, the local models, the Hub — because it gives out parsed ones only.
 */
import { PruneError } from "../errors.js";
import { host } from "./host.js";
import type { ResolvedModel } from "./resolve-files.js";
import type { LoadOptions } from "./tokenizer.js";

/** Answers that say there is no such file, as the host reads them: the Hub says 401 of a repository that does not exist. */
const MISSING = new Set([401, 403, 404]);

/** What of a cache is needed; the host's `customCache` has it too. */
interface ReadableCache {
  match(address: string): Promise<Response | undefined | string>;
}

/**
 * The text of a file beside the model's config.
 *
 * @param id Hub id or address of the model, null: nobody knows it
 * @param name such as `tokenizer.json`
 * @returns null where there is no such file
 * @throws PruneError `not-found` where nobody can say: a server that fails is no server without the file
 */
export async function readSideText(id: string | null, name: string, options: LoadOptions): Promise<string | null> {
  if (id === null) return null;
  const { env } = host;
  const { local, remote } = addressesOf(id, name, options.revision ?? "main");
  const cache = await hostCache();
  for (const address of [local, remote]) {
    const kept = await cache?.match(address).catch(() => undefined);
    const text = kept instanceof Response ? await kept.text() : null;
    if (text !== null && !isPage(text)) return text;
  }
  const wanted = [
    ...(env.allowLocalModels ? [local] : []),
    ...(env.allowRemoteModels && options.local_files_only !== true ? [remote] : []),
  ];
  const failures: string[] = [];
  for (const address of wanted) {
    const answer = await fetchText(address);
    if (typeof answer === "string") return answer;
    if (answer !== null) failures.push(`${address} (${answer.failure})`);
  }
  if (failures.length === 0) return null;
  throw new PruneError(
    "not-found",
    `${id}: nobody can say whether it has a ${name}: ${failures.join(", ")} cannot be fetched; try again`,
  );
}

/** A file's text, null where there is none, or why nobody can say. */
async function fetchText(address: string): Promise<string | null | { readonly failure: string }> {
  try {
    const response = await host.env.fetch(address);
    if (MISSING.has(response.status)) return null;
    if (!response.ok) return { failure: `status ${response.status}` };
    const text = await response.text();
    return isPage(text) ? null : text;
  } catch (cause) {
    return { failure: cause instanceof Error ? cause.message : String(cause) };
  }
}

/** Servers of single-page applications answer with the page whatever is missing; the host may have cached that. */
const isPage = (text: string): boolean => /^\s*<(?:!doctype html|html)\b/i.test(text);

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

/**
 * Config, tokenizer and the rest, by name, as far as the host reads them.
 *
 * @throws PruneError `not-found` where there is no config.json, or one of them cannot be fetched
 */
export async function sideFilesOf({ id, options }: ResolvedModel): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const name of SIDE_FILES) {
    const text = await readSideText(id, name, options);
    if (text !== null) files.set(name, new TextEncoder().encode(text));
  }
  if (!files.has("config.json"))
    throw new PruneError("not-found", `${id}: config.json cannot be found where the host fetches it; serve it there`);
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
