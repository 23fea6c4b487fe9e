/**
 * A tuning as a page that a person wants to look at: one HTML file without scripts and without anything
 * from outside, for light and dark screens, phones and paper. It shows the report and nothing else, so
 * the same report gives the same page.
 */
import type { TuneReport } from "../report.js";
import { finalistsSection } from "./finalists-section.js";
import { element, Markup } from "./markup.js";
import { methodSection } from "./method-section.js";
import { outcomeSection, titleText } from "./outcome.js";
import { searchSection } from "./search-section.js";
import { studyRowsSection, studySection } from "./study-section.js";
import { STYLE } from "./style.js";

/** What the page says it was made by; who replaces a page can tell that it is one of ours. */
export const PAGE_GENERATOR = "transformers-prune";

/** Nothing may be fetched or run, whatever the report holds. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/**
 * The page of a tuning. Without a study it shows the search and the final table.
 *
 * @returns a whole HTML document, UTF-8
 */
export function tunePage(report: TuneReport): string {
  const { study } = report;
  const page = element(
    "html",
    { lang: "en" },
    element(
      "head",
      {},
      Markup.ofVoid("meta", { charset: "utf-8" }),
      Markup.ofVoid("meta", { "http-equiv": "Content-Security-Policy", content: POLICY }),
      Markup.ofVoid("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
      Markup.ofVoid("meta", { name: "generator", content: PAGE_GENERATOR }),
      // An empty icon, or browsers would ask for one.
      Markup.ofVoid("link", { rel: "icon", href: "data:," }),
      element("title", {}, titleText(report)),
      Markup.ofStyle(STYLE),
    ),
    element(
      "body",
      {},
      element(
        "main",
        {},
        outcomeSection(report),
        finalistsSection(report),
        study === null ? null : studySection(study, report.judge.name),
        searchSection(report),
        study === null ? null : studyRowsSection(study, report.judge.name),
        methodSection(report),
      ),
    ),
  );
  return `<!doctype html>\n${page.source}\n`;
}
