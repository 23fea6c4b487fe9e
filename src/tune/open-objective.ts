/**
 * Which objective a search looks at: the one that was named, the one that a study found, or where
 * nobody chose the one that fits the model.
 */
import { PruneError } from "../errors.js";
import type { Model } from "../graph/index.js";
import { agreement } from "./correlation.js";
import { LearnedObjective } from "./learned-objective.js";
import { type ObjectiveName, objectiveOf } from "./objectives/index.js";
import { whyNoPredictions } from "./objectives/logits.js";
import type { SearchedObjective } from "./report.js";
import type { Study } from "./study.js";
import type { Subject } from "./subject.js";
import { type Measuring, TimedObjective } from "./timed-objective.js";

/** An objective by name; `"learned"`: the study's combination; `"measured"`: what followed the judge best in the study. */
export type ObjectiveChoice = ObjectiveName | "learned" | "measured";

/**
 * The objective for a model where nobody names one: `kl`, or `hidden-drift` where the model does not
 * predict something for every token: then a few hundred tokens are few predictions or none.
 *
 * @returns with it, why it is not the usual one; null where it is
 */
export function defaultObjective(model: Model): { name: ObjectiveName; why: string | null } {
  const why = whyNoPredictions(model);
  return why === null
    ? { name: "kl", why }
    : { name: "hidden-drift", why: `the objective is hidden-drift and not the usual kl: ${why}` };
}

/**
 * Opens what was chosen.
 *
 * @param studied null where there was no study
 * @throws PruneError `bad-option` where the choice needs a study, or a larger one; `unsupported` where the
 *   model does not allow the objective; the signal's reason when aborted
 */
export async function openObjective(
  choice: ObjectiveChoice,
  studied: Study | null,
  subject: Subject,
  signal?: AbortSignal,
): Promise<{ objective: Omit<SearchedObjective, "setupSeconds" | "secondsPerCandidate">; measuring: Measuring }> {
  const name = choice === "measured" ? bestMeasured(studied) : choice;
  if (name === "learned") {
    if (studied?.learned == null) throw needsStudy("learned", studied);
    const measuring = await LearnedObjective.open(studied.learned, subject, signal);
    return { objective: { name, better: "lower", spearman: studied.learned.spearman }, measuring };
  }
  const spearman = studied?.objectives.find((one) => one.name === name)?.spearman ?? null;
  const measuring = await TimedObjective.open(name, subject, signal);
  return { objective: { name, better: objectiveOf(name).better, spearman }, measuring };
}

/** What followed the judge best, the learned combination included. */
function bestMeasured(studied: Study | null): ObjectiveName | "learned" {
  if (studied === null) throw needsStudy("measured", studied);
  const rows: { name: ObjectiveName | "learned"; agreement: number }[] = studied.objectives.map((one) => ({
    name: one.name,
    agreement: agreement(one),
  }));
  if (studied.learned !== null)
    rows.push({ name: "learned", agreement: agreement({ better: "lower", spearman: studied.learned.spearman }) });
  const [best] = rows.sort((a, b) => b.agreement - a.agreement);
  if (best === undefined || best.agreement <= 0) throw needsStudy("measured", studied);
  return best.name;
}

const needsStudy = (choice: string, studied: Study | null) =>
  new PruneError(
    "bad-option",
    studied === null
      ? `objective "${choice}" is what a study finds; ask for a study, or name an objective`
      : `the study of ${studied.rows.length} candidates is too small for objective "${choice}"; ask for more, or name an objective`,
    { details: { option: "objective" } },
  );
