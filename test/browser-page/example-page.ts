/**
 * The example page as its visitors get it: built, served, and opened in Chromium with a software GPU. Tests press
 * the same buttons that people press, found by their labels.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright";
import { build, preview } from "vite";
import { launchOptions } from "../../scripts/chromium.mjs";

export const ROOT = resolve(import.meta.dirname, "../..");
export const AUSTEN = join(ROOT, "models/austen-1.4m");
const CONFIG = join(ROOT, "examples/browser/vite.config.ts");

/** Longest that a software GPU on few cores may take for one thing. */
const PATIENCE_MS = 240_000;

/** The page's server and a browser. */
export class ExampleSite {
  private constructor(
    readonly url: string,
    readonly scratch: string,
    private readonly browser: Browser,
    private readonly closeServer: () => Promise<void>,
  ) {}

  /** Builds and serves the page. `dist/` of the library is there. */
  static async open(): Promise<ExampleSite> {
    const scratch = mkdtempSync(join(tmpdir(), "transformers-prune-page-"));
    const outDir = join(scratch, "site");
    const quiet = { configFile: CONFIG, logLevel: "warn" as const };
    await build({ ...quiet, build: { outDir, emptyOutDir: true } });
    const server = await preview({ ...quiet, build: { outDir }, preview: { port: 0, host: "127.0.0.1" } });
    const browser = await chromium.launch(launchOptions());
    const [url] = server.resolvedUrls?.local ?? [];
    if (url === undefined) throw new Error("the page is served nowhere");
    return new ExampleSite(url, scratch, browser, () => server.close());
  }

  /** A visitor with an empty cache. */
  async visitor(options: Parameters<Browser["newContext"]>[0] = {}): Promise<Visitor> {
    const context = await this.browser.newContext({ acceptDownloads: true, ...options });
    return new Visitor(this.url, context, await context.newPage());
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.closeServer();
    rmSync(this.scratch, { recursive: true, force: true });
  }
}

/** Somebody who uses the page. */
export class Visitor {
  /** What the page complained of, and what it asked other servers for. */
  readonly errors: string[] = [];
  readonly outside: string[] = [];
  /** Milliseconds of the long tasks of visits before this one. */
  private readonly before: number[] = [];

  constructor(
    private readonly url: string,
    private readonly context: BrowserContext,
    readonly page: Page,
  ) {
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("pageerror", ({ message }) => this.errors.push(message));
    page.on("request", (request) => {
      if (/^https?:/.test(request.url()) && !request.url().startsWith(url)) this.outside.push(request.url());
    });
  }

  /** Opens the page, and waits until it offers something. */
  async arrive(): Promise<void> {
    await this.context.addInitScript(() => {
      const durations: number[] = [];
      Object.assign(globalThis, { longTasks: durations });
      new PerformanceObserver((list) => durations.push(...list.getEntries().map(({ duration }) => duration))).observe({
        type: "longtask",
        buffered: true,
      });
    });
    if (this.page.url().startsWith(this.url)) this.before.splice(0, Infinity, ...(await this.longTasks()));
    await this.page.goto(this.url);
    await this.hears(/Choose a model/);
  }

  /**
   * Waits for a sentence of the status line.
   *
   * @throws Error with the page's own words where it says that something failed
   */
  async hears(sentence: RegExp): Promise<string> {
    const status = this.page.locator("#status").filter({ hasText: sentence });
    const failure = this.page.locator("#failure:visible");
    await status.or(failure).first().waitFor();
    if (await failure.count()) throw new Error(`the page says: ${await failure.textContent()}`);
    return (await this.page.locator("#status").textContent()) ?? "";
  }

  /** Chooses preset or method, pattern and a short calibration on the model's own text, as Node's twin does. */
  async choose({
    preset = "fast",
    method,
    pattern,
    device,
  }: {
    preset?: "fast" | "balanced" | "best";
    /** For the preset "fast" alone. */
    method?: string;
    pattern: string;
    device: "webgpu" | "wasm";
  }): Promise<void> {
    await this.page.getByLabel("Preset").selectOption(preset);
    if (method !== undefined) await this.page.getByLabel("Method").selectOption(method);
    await this.page.getByLabel("Pattern").selectOption(pattern);
    await this.page.getByLabel("Device").selectOption(device);
    await this.page.locator("details", { hasText: "Coefficients and calibration" }).evaluate((details) => {
      (details as HTMLDetailsElement).open = true;
    });
    await this.page.getByLabel("Text to calibrate on").setInputFiles(join(AUSTEN, "calibration.txt"));
    await this.page.getByLabel("Samples").fill(String(CALIBRATION.count));
    await this.page.getByLabel("Tokens of a sample").fill(String(CALIBRATION.length));
  }

  /** Presses Prune; returns what was done, in the page's words. */
  async prune(): Promise<string> {
    await this.page.getByRole("button", { name: "Prune", exact: true }).click();
    await this.hears(/^Pruned in/);
    return (await this.page.locator("#outcome").textContent()) ?? "";
  }

  /** Presses a button that downloads something; its content. */
  async downloads(button: string): Promise<Buffer> {
    const [download] = await Promise.all([
      this.page.waitForEvent("download"),
      this.page.getByRole("button", { name: button }).click(),
    ]);
    return readFileSync(await download.path());
  }

  /** Milliseconds of every task of the page's main thread that took more than 50. */
  async longTasks(): Promise<number[]> {
    const here = await this.page.evaluate(() => (globalThis as unknown as { longTasks: number[] }).longTasks);
    return [...this.before, ...here];
  }

  leave(): Promise<void> {
    return this.context.close();
  }
}

/** How the tests calibrate, in the page and in Node. */
export const CALIBRATION = { texts: readFileSync(join(AUSTEN, "calibration.txt"), "utf8"), count: 8, length: 128 };
