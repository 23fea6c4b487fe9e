/**
 * What lies on the bench: the last pruned model, its dense twin once somebody asks for it, and the files. All
 * questions of the page but the first two are about it. A new prune clears the bench.
 */
import * as library from "./library.js";
import { type MaskTiles, maskTiles } from "./mask-tiles.js";
import {
  type FolderFile,
  type Measured,
  type Offer,
  type Outcome,
  type Reply,
  type Settings,
  SIDES,
  type Side,
} from "./protocol.js";
import { throttled } from "./throttle.js";

interface Work {
  readonly settings: Settings;
  readonly outcome: Outcome;
  readonly generators: Map<Side, library.Generator>;
  files?: readonly FolderFile[];
  weight?: { readonly name: string; readonly values: library.Weight };
}

export class Workbench {
  #work: Work | null = null;

  /** @param tell where progress and text go */
  constructor(private readonly tell: (reply: Reply) => void) {}

  /** What the form offers. */
  offer(): Promise<Offer> {
    return library.offer();
  }

  /** Prunes, and opens the result. */
  async prune(settings: Settings, signal: AbortSignal): Promise<Outcome> {
    await this.#clear();
    const start = performance.now();
    const { generator, reports, model } = await library.openPruned(settings, this.#control(signal));
    if (signal.aborted) await generator.dispose();
    signal.throwIfAborted();
    const outcome = { model, reports, seconds: (performance.now() - start) / 1000 };
    this.#work = { settings, outcome, generators: new Map([["pruned", generator]]) };
    return outcome;
  }

  /** Lets both sides go on with a prompt; their text is told as it grows. */
  async generate(prompt: string, tokens: number, signal: AbortSignal): Promise<null> {
    const { settings, generators } = this.#current();
    for (const side of SIDES) {
      const generator = generators.get(side) ?? (await library.openDense(settings, this.#control(signal)));
      generators.set(side, generator);
      // Loading a dense model cannot be stopped; what comes after it can.
      signal.throwIfAborted();
      this.tell({ kind: "text", side, text: prompt });
      await library.generate(generator, prompt, tokens, (text) => this.tell({ kind: "text", side, text }), signal);
    }
    return null;
  }

  /** Perplexity of both sides, on the same windows. */
  async measure(text: string | null, windows: number, signal: AbortSignal): Promise<Measured> {
    const { settings } = this.#current();
    const control = this.#control(signal);
    const dense = await library.measure(settings, "dense", text, windows, control);
    const pruned = await library.measure(settings, "pruned", text, windows, control);
    return { perplexity: { dense: dense.perplexity, pruned: pruned.perplexity }, tokens: pruned.tokens };
  }

  /** The mask of a weight, from the bytes that were written. */
  async mask(name: string, row: number, channel: number, signal: AbortSignal): Promise<MaskTiles> {
    const work = this.#current();
    if (work.weight?.name !== name)
      work.weight = { name, values: await library.readWeightOf(await this.files(signal), work.outcome.reports, name) };
    return maskTiles(work.weight.values, row, channel);
  }

  /** The pruned model in the layout of transformers.js. */
  async files(signal: AbortSignal): Promise<readonly FolderFile[]> {
    const work = this.#current();
    work.files ??= await library.filesOf(work.settings, this.#control(signal));
    return work.files;
  }

  /** The coefficients of the last prune, as a file. */
  async coefficients(): Promise<Blob> {
    return library.coefficientsOf(this.#current().outcome.reports);
  }

  #current(): Work {
    if (this.#work === null) throw new Error("nothing was pruned yet; press Prune first");
    return this.#work;
  }

  async #clear(): Promise<void> {
    const generators = this.#work?.generators.values() ?? [];
    this.#work = null;
    for (const generator of generators) await generator.dispose();
  }

  #control(signal: AbortSignal): library.Control {
    return { signal, onProgress: throttled((progress) => this.tell({ kind: "progress", ...progress })) };
  }
}
