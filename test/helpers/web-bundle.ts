/**
 * A browser bundle of dist/ as files that load each other: what a page gets with the entry, what comes
 * later, and how many bytes that is. For the package's test and for `npm run bench -- bundle`, which both
 * run at the root of the repository.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { gzipSync } from "node:zlib";
import { build, type ImportKind, type Metafile } from "esbuild";
import type { DeviceName } from "../../src/compute/devices.js";

/** What any prune loads beside the entry, where samples are given and no option asks for more. */
export const PARTS_OF_PRUNE = ["prune"] as const;

/** What the ways to prune load beside that: scores with coefficients that are looked up, and the default. */
export const PARTS_OF_WAY = {
  scores: ["choose-known", "shipped"],
  updates: ["update-model", "obs"],
} as const;

/** What the devices that compute masks of scores load beside that. A device for the GPU has the cpu behind it, for what it refuses. */
export const PARTS_OF_DEVICE = {
  cpu: ["cpu", "kernel.wasm"],
  webgpu: ["webgpu", "cpu"],
} as const satisfies Record<DeviceName, readonly string[]>;

/** Our own calibration text, which is loaded where the user gives no samples. */
export const SAMPLE_TEXT = "sample-text";

/** Compressed bytes of a file, or of several, each by itself. */
export const gzipBytes = (...paths: readonly string[]): number =>
  paths.reduce((sum, path) => sum + gzipSync(readFileSync(path)).length, 0);

/** Name of a file without folder and hash: that of the module for which it was made. */
export const nameOf = (path: string): string => basename(path).replace(/(?:-[0-9a-f]{8})?\.js$/, "");

/** The files that can be reached from an entry. */
export class WebBundle {
  private constructor(
    private readonly entry: string,
    private readonly inputs: Metafile["inputs"],
  ) {}

  /** @throws where the package has not been built */
  static async read(file: "web.js" | "onnx.web.js"): Promise<WebBundle> {
    const entry = `dist/${file}`;
    if (!existsSync(entry)) throw new Error(`there is no ${entry}; run npm run build first`);
    const { metafile } = await build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      metafile: true,
      platform: "browser",
      format: "esm",
      packages: "external",
    });
    return new WebBundle(entry, metafile.inputs);
  }

  /** All files. */
  get paths(): string[] {
    return Object.keys(this.inputs);
  }

  /** Everything that files import in this way. */
  imported(kind: ImportKind): { readonly path: string; readonly external: boolean }[] {
    const all = Object.values(this.inputs).flatMap(({ imports }) => imports);
    return all.filter((each) => each.kind === kind).map(({ path, external = false }) => ({ path, external }));
  }

  /** Parts that come when they are needed, by name, each once. */
  get lazyParts(): string[] {
    const own = this.imported("dynamic-import").filter(({ external }) => !external);
    return [...new Set(own.map(({ path }) => nameOf(path)))].sort();
  }

  /**
   * Files that a page has loaded with the entry and these parts.
   *
   * @throws where there is no such part
   */
  loadedWith(parts: readonly string[]): string[] {
    const starts = parts.map((part) => {
      const path = this.paths.find((each) => nameOf(each) === part);
      if (path === undefined) throw new Error(`${this.entry} has no part ${part}; parts: ${this.lazyParts.join(", ")}`);
      return path;
    });
    const reached = new Set([this.entry, ...starts]);
    for (const path of reached)
      for (const each of this.inputs[path]?.imports ?? [])
        if (each.kind === "import-statement" && !each.external) reached.add(each.path);
    return [...reached];
  }
}
