/** How the figures of the page were made, for those who want to make them again or to doubt them. */
import { VERSION } from "../../version.js";
import { type ObjectiveName, objectiveOf } from "../objectives/index.js";
import { OPTIMISERS } from "../optimise/index.js";
import type { TuneReport } from "../report.js";
import { capitalised, figure } from "./figures.js";
import { element, type Markup } from "./markup.js";

/** Sentences on the judge, objectives, study and search. */
export function methodSection(report: TuneReport): Markup {
  const { judge, notes, calibration, study, optimiser, seed, objective } = report;
  const used = study?.objectives.map(({ name }) => name) ?? (objective.name === "learned" ? [] : [objective.name]);
  const sentences = [
    judgeText(judge),
    `Masks are exactly those that pruning makes; activations were measured on ${calibration}. RIA and Wanda have the same pattern, each with the scope of its own paper where none was given.`,
    `The search (${optimiser}: ${OPTIMISERS[optimiser].summary}; seed ${seed}) sees the objective only. The best candidates that differ enough are measured for real, and the lowest ${judge.name} wins.`,
    ...notes.map((note) => `${capitalised(note)}.`),
    `That choice is made by the same figures, so the one for the tuned coefficients is a little flattering; another ${judge.text === null ? "set of data" : "text"} tells by how much.`,
    "Times are wall clock on one machine; what a candidate costs is the median, masks included.",
  ];
  return element(
    "section",
    { class: "method" },
    element("h2", {}, "How these figures were made"),
    element(
      "ul",
      {},
      sentences.map((sentence) => element("li", {}, sentence)),
    ),
    used.length === 0 ? null : objectivesList(used),
    study?.learned ? learnedText(study.learned, judge.name) : null,
    element("footer", {}, `transformers-prune ${VERSION}`),
  );
}

const judgeText = ({ name, text }: TuneReport["judge"]): string =>
  text === null
    ? `${capitalised(name)}: a figure of the user’s own, taken of the model as it was loaded with each way to prune it; lower is better.`
    : `Perplexity: exp of the mean negative log-likelihood of a token, over ${text.windows} windows of ${text.length} tokens that do not overlap, from the start of the given text.`;

const objectivesList = (names: readonly ObjectiveName[]): Markup =>
  element(
    "dl",
    { class: "terms" },
    names.map((name) =>
      element(
        "div",
        {},
        element("dt", {}, name),
        element("dd", {}, `${objectiveOf(name).summary} (${objectiveOf(name).source})`),
      ),
    ),
  );

type Learned = NonNullable<NonNullable<TuneReport["study"]>["learned"]>;

function learnedText({ terms }: Learned, judge: string): Markup {
  const weights = terms.map(({ name, weight }) => `${name} ${figure(weight, 3)}`).join(", ");
  return element(
    "p",
    {},
    `learned: a ridge regression of the candidates’ ranks by ${judge} on the logarithms of few objectives; weights: ${weights}. ` +
      "The rank that it expects of a candidate, in the plot and in ρ, comes from a fit that has not seen this candidate.",
  );
}
