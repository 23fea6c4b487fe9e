import { describe, expect, it } from "vitest";
import type { Candidate } from "../../../src/tune/candidate.js";
import { tunePage } from "../../../src/tune/page/index.js";
import type { Finalist, TuneReport } from "../../../src/tune/report.js";
import { madeUpReport, madeUpStudy } from "./made-up-report.js";

/** The text of the page without markup, entities resolved as far as the tests need them. */
const textOf = (page: string): string =>
  page
    .replace(/<style>[\s\S]*?<\/style>/, "")
    .replace(/<[^>]*>/g, "\n")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">");

/** Plots by what they show: everything between `<svg` and `</svg>`. */
const plotsOf = (page: string): string[] => page.match(/<svg[\s\S]*?<\/svg>/g) ?? [];
const plotOf = (page: string, label: string): string => plotsOf(page).find((plot) => plot.includes(label)) ?? "";
const dotsIn = (plot: string): number => plot.match(/<circle /g)?.length ?? 0;

/** A tag with its attributes, every one of them quoted. */
const TAG = /<(\/?)([a-z0-9]+)((?: [\w:-]+="[^"<>]*")*)( \/)?>/g;

/** The first mistake in the markup, or null: every bracket is of a tag, every element is closed in turn. */
function mistakeIn(page: string): string | null {
  const markup = page.replace(/^<!doctype html>/, "").replace(/(<style>)[\s\S]*?(<\/style>)/, "$1$2");
  const open: string[] = [];
  for (const [tag, end, name = "", , isVoid] of markup.matchAll(TAG)) {
    if (end === "/" && open.pop() !== name) return `${tag} closes something else`;
    if (end === "" && isVoid === undefined) open.push(name);
  }
  if (/[<>]/.test(markup.replace(TAG, ""))) return "a bracket that is no tag";
  return open.length === 0 ? null : `${open.join(", ")} left open`;
}

const pageOf = (changes: Partial<TuneReport> = {}): string => tunePage(madeUpReport(changes));
const withStudy = pageOf({ study: madeUpStudy(24) });

describe("the page of a tuning", () => {
  it("is well-formed, with and without a study", () => {
    for (const page of [withStudy, pageOf()]) {
      expect(mistakeIn(page)).toBeNull();
      expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
    }
  });

  it("asks for nothing from outside and runs nothing", () => {
    expect(withStudy).not.toMatch(/https?:|\/\/|@import|url\(|<script|<iframe|\son\w+=|\ssrc=/i);
    expect([...withStudy.matchAll(/\shref="([^"]*)"/g)].map(([, target]) => target)).toEqual(["data:,"]);
    expect(withStudy).toContain("default-src &#39;none&#39;");
  });

  it("shows names that look like markup, and does not obey them", () => {
    const model = `<script>alert("x")</script>&'`;
    const page = pageOf({ model, family: "</td><img>", calibration: '" onload="x' });
    expect(page).not.toMatch(/<script|<img|<\/td><img/);
    expect(page).not.toContain('" onload="x');
    expect(page).toContain("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;");
    expect(mistakeIn(page)).toBeNull();
  });

  it("is the same for the same report", () => {
    expect(pageOf({ study: madeUpStudy(24) })).toBe(withStudy);
  });

  it("says first how tuned coefficients compare with the better of RIA and Wanda", () => {
    expect(textOf(withStudy)).toContain("−17.5%");
    expect(textOf(withStudy)).toContain("against Wanda, the better of RIA and Wanda: 121.40 instead of 147.20");
  });

  it("says plainly where nothing better was found", () => {
    const judged = { dense: 29.6, ria: 118, wanda: 147.2, tuned: 121.4 };
    const text = textOf(pageOf({ accepted: false, judged }));
    expect(text).toContain("+2.9%");
    expect(text).toContain("Nothing better than RIA was found");
    expect(text).not.toContain("taken");
  });

  it("calls what decided by its name, and says what was decided for the user", () => {
    const page = pageOf({
      judge: { name: "error rate", text: null },
      judged: { dense: 0, ria: 0.25, wanda: 0.1234, tuned: 0.0617 },
      notes: ["the objective is hidden-drift and not the usual kl: the model has no output"],
      study: madeUpStudy(24),
    });
    const text = textOf(page);
    expect(text).toContain("Error rate against Wanda, the better of RIA and Wanda: 0.0617 instead of 0.1234.");
    expect(text).toContain("−50.0%");
    expect(text).toContain("The objective is hidden-drift and not the usual kl");
    expect(plotOf(page, "24 of them: error rate over kl.")).not.toBe("");
    expect(text.replace(/^.*our measurements.*$/gm, "")).not.toMatch(/perplexit|windows/i);
  });
});

describe("the plots", () => {
  it("hold a dot for each row of the study, one plot an objective and one for what was learned", () => {
    const labels = [
      "24 of them: perplexity over hidden-drift.",
      "24 of them: perplexity over kl.",
      "24 of them: real rank over expected rank",
    ];
    for (const label of labels) {
      expect(dotsIn(plotOf(withStudy, label))).toBe(24);
      // The best third is in the second colour.
      expect(plotOf(withStudy, label).match(/class="dot marked"/g)).toHaveLength(8);
    }
    expect(plotsOf(withStudy)).toHaveLength(labels.length + 2);
    expect(plotOf(withStudy, "over expected rank")).toContain('class="equal"');
  });

  it("show every evaluation of the search and a line of the best so far", () => {
    const plot = plotOf(withStudy, "over 60 evaluations");
    expect(dotsIn(plot)).toBe(60);
    expect(plot.match(/<path class="best" d="M[\d.]+ [\d.]+([HV][\d.]+)+"/g)).toHaveLength(1);
  });

  it("name the candidate under the pointer", () => {
    const [row] = madeUpStudy(24).rows;
    const { power = 0, size = 0 } = row?.candidate.coefficients.all ?? {};
    expect(plotOf(withStudy, "over kl")).toMatch(new RegExp(`<title>perplexity [^<]*size ${size}, power ${power},`));
  });

  it("say in words what they show", () => {
    for (const plot of plotsOf(withStudy))
      expect(plot).toMatch(/^<svg viewBox="[^"]+" role="img" aria-label="[^"]{30,}">/);
  });

  it("leave out what has no finite figure, and say so", () => {
    const study = madeUpStudy(24);
    const rows = study.rows.map((row, i) =>
      i < 2 ? { ...row, values: { ...row.values, kl: Number.POSITIVE_INFINITY } } : row,
    );
    const page = pageOf({ study: { ...study, rows } });
    expect(dotsIn(plotOf(page, "22 of them: perplexity over kl"))).toBe(22);
    expect(textOf(page)).toContain("2 without a finite figure (–) not shown");
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  });

  it("have a dash for a correlation that does not exist", () => {
    const study = madeUpStudy(24);
    const [first, ...others] = study.objectives;
    const unknown = {
      ...first,
      spearman: Number.NaN,
      spearmanBestThird: Number.NaN,
    } as (typeof study.objectives)[number];
    const page = pageOf({ study: { ...study, objectives: [unknown, ...others] } });
    expect(textOf(page)).toContain("ρ – · best third –");
    expect(page).not.toContain("NaN");
  });

  it("stand where there is hardly anything to plot", () => {
    for (const count of [0, 1, 2]) {
      const page = tunePage(
        madeUpReport({ study: madeUpStudy(count), steps: madeUpReport({}, 3).steps.slice(0, count) }),
      );
      expect(page).not.toMatch(/NaN|Infinity|undefined/);
      expect(mistakeIn(page)).toBeNull();
    }
  });
});

describe("the tables", () => {
  it("list everything that perplexity decided between, in its order", () => {
    const rows = /<caption>Everything that was measured[\s\S]*?<\/table>/.exec(withStudy)?.[0] ?? "";
    expect([...rows.matchAll(/<th scope="row">([^<]*)/g)].map(([, name]) => name)).toEqual([
      "dense",
      "found by the search: taken",
      "known before",
      "Wanda",
      "RIA",
    ]);
  });

  it("list the coefficients of each part of the model, and passes where a candidate has several", () => {
    const [finalist] = madeUpReport().finalists as readonly [Finalist];
    const { all } = finalist.candidate.coefficients;
    const candidate: Candidate = {
      ...finalist.candidate,
      passes: 2,
      coefficients: { all, byKind: { q: all, down: { ...all, power: 1.25 } } },
    };
    const chosen: Finalist = { ...finalist, candidate };
    const steps = madeUpReport().steps.map((step) => ({ ...step, candidate }));
    const text = textOf(pageOf({ finalists: [chosen], chosen, steps }));
    expect(text).toMatch(/\n {2}q\n[\s\S]*\n {2}down\n[\s\S]*\n1\.25\n/);
    expect(text).toMatch(/\npasses\n/);
    expect(text).toContain("down: row");
  });

  it("hold every candidate of the study", () => {
    const rows = /<caption>Candidates in order of perplexity[\s\S]*?<\/table>/.exec(withStudy)?.[0] ?? "";
    expect(rows.match(/<th scope="row"/g)).toHaveLength(24);
  });
});
