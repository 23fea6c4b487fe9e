/**
 * Models by Hub id, from a server of our own in the Hub's layout: what is downloaded and how often,
 * where it is kept, and that an export holds everything, although pruning did not need it.
 */
import { createReadStream, existsSync, readdirSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as host from "@huggingface/transformers";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type PruneProgressInfo, type PruneReport, pipeline, prune, pruneModel } from "../../src/index.js";
import { BERT, openSessions, SHORT, sparsities, T5, temporaryFolder } from "./loading.js";

const { env } = host;
const MODELS: Readonly<Record<string, string>> = { "someone/tiny-bert": BERT, "someone/tiny-t5": T5 };

/** Bytes that the server sends in a millisecond: a large file arrives later than a small one. */
const BYTES_PER_MILLISECOND = 5_000;

/** Whole files that were sent. Whether a file is there the host asks by its first byte. */
const downloads: string[] = [];

/** Serves the fixtures as the Hub does: MODEL/resolve/REVISION/FILE. */
const server = createServer((request, response) => {
  const [, model = "", file = ""] = /^\/(.*)\/resolve\/[^/]+\/(.*)$/.exec(request.url ?? "") ?? [];
  const path = join(MODELS[model] ?? "nowhere", file);
  if (!existsSync(path)) return response.writeHead(404).end();
  if (request.headers.range === undefined) downloads.push(`${model}/${file}`);
  response.writeHead(200, { "content-length": statSync(path).size });
  setTimeout(() => createReadStream(path).pipe(response), statSync(path).size / BYTES_PER_MILLISECOND);
});

describe("a model of the Hub", () => {
  let cache = "";
  beforeAll(async () => {
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    Object.assign(env, {
      allowRemoteModels: true,
      remoteHost: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      localModelPath: temporaryFolder(),
    });
  });
  beforeEach(() => {
    cache = temporaryFolder();
    env.cacheDir = cache;
    downloads.length = 0;
  });
  afterAll(() => server.close());

  const expectEachOnce = () => expect([...downloads].sort()).toEqual([...new Set(downloads)].sort());

  test("is downloaded by the host, pruned, kept beside the host's own files, and needs no server again", async () => {
    const infos: PruneProgressInfo[] = [];
    const load = (local_files_only: boolean) =>
      pipeline("feature-extraction", "someone/tiny-bert", {
        local_files_only,
        progress_callback: (info) => info.status === "prune" && infos.push(info),
        prune: { pattern: "2:4", calibration: SHORT },
      });
    await load(false);
    expect(downloads.filter((file) => file.endsWith(".onnx"))).toEqual(["someone/tiny-bert/onnx/model.onnx"]);
    expect(infos[0]?.name).toBe("someone/tiny-bert");
    expect(readdirSync(cache).sort()).toEqual(["someone", "transformers-prune"]);

    downloads.length = 0;
    const pipe = await load(true);
    expect(downloads).toEqual([]);
    expect(infos.at(-1)?.stage).toBe("cache");
    expect((await pipe("A fine morning.")).dims[2]).toBe(64);
  });

  test("is found by its file where only session_options reach us, in another cache and revision too", async () => {
    const cache_dir = temporaryFolder();
    const names = new Set<string>();
    const session_options = prune(
      { pattern: "2:4", calibration: SHORT },
      { cache_dir, progress_callback: (info) => info.status === "prune" && names.add(info.name) },
    );
    await host.AutoModel.from_pretrained("someone/tiny-bert", { cache_dir, revision: "v2", session_options });
    expect(new Set((await sparsities(openSessions()[0] as never)).values())).toEqual(new Set([0.5]));
    expect(names).toEqual(new Set(["someone/tiny-bert"]));
    expect(readdirSync(cache_dir).sort()).toEqual(["someone", "transformers-prune"]);
  });

  test("of two sessions is downloaded once, and cached at the first load", async () => {
    const reports: PruneReport[] = [];
    const load = () =>
      pipeline("text2text-generation", "someone/tiny-t5", {
        prune: { pattern: "2:4", calibration: SHORT, onReport: (report) => reports.push(report) },
      });
    await load();
    expectEachOnce();
    expect(reports.map(({ notes }) => notes)).toEqual([[], []]);
    await load();
    expect(reports.slice(2).map(({ fromCache }) => fromCache)).toEqual([true, true]);
  });

  test("calibrated by run is downloaded once, and shows the download", async () => {
    const statuses: string[] = [];
    await pipeline("text2text-generation", "someone/tiny-t5", {
      progress_callback: ({ status }) => statuses.push(status),
      prune: { pattern: "2:4", calibration: { run: (pipe) => pipe("A fine morning.", { max_new_tokens: 2 }) } },
    });
    expectEachOnce();
    expect(statuses.indexOf("progress")).toBeLessThan(statuses.indexOf("prune"));
    expect(statuses.filter((status) => status === "ready")).toHaveLength(1);
    expect(statuses.at(-1)).toBe("ready");
  });

  test("that a custom cache keeps in memory is pruned there, each session by itself", async () => {
    const kept = new Map<string, Response>();
    env.customCache = {
      match: async (name: string) => kept.get(name)?.clone(),
      put: async (name: string, response: Response) => void kept.set(name, response),
    };
    env.useCustomCache = true;
    try {
      const notes = new Map<number, readonly string[]>();
      const pipe = await pipeline("text2text-generation", "someone/tiny-t5", {
        prune: {
          pattern: "2:4",
          calibration: SHORT,
          onReport: (report) => notes.set(report.weights.length, report.notes),
        },
      });
      // Both sessions are called "model", for bytes have no name; their layers tell them apart.
      expect(notes).toEqual(
        new Map([
          [12, []],
          [20, [expect.stringContaining("not cached")]],
        ]),
      );
      await pipe("A fine morning.", { max_new_tokens: 4 });
    } finally {
      env.useCustomCache = false;
    }
  });

  test("is written with its tokenizer even where pruning needs none, from a cache of the user's own", async () => {
    const [out, cache_dir] = [join(temporaryFolder(), "pruned"), temporaryFolder()];
    await pruneModel("someone/tiny-bert", { prune: { method: "magnitude", pattern: "2:4" }, out, cache_dir });
    expect(readdirSync(cache)).toEqual([]);
    const embed = await host.pipeline("feature-extraction", out, { local_files_only: true });
    expect((await embed("A fine morning.")).dims[2]).toBe(64);
  });

  test("is calibrated and written by its id", async () => {
    const out = join(temporaryFolder(), "pruned");
    const { reports } = await pruneModel("someone/tiny-t5", { prune: { pattern: "2:4", calibration: SHORT }, out });
    expect(reports.map(({ weights }) => weights.every(({ tokens }) => tokens > 0))).toEqual([true, true]);
  });

  test("that does not exist is an error that names it", async () => {
    const missing = pruneModel("someone/else", { prune: true, out: join(temporaryFolder(), "pruned") });
    await expect(missing).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringContaining("someone/else cannot be loaded"),
    });
  });
});
