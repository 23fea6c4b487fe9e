/** What an experiment is given. */
export interface ExperimentOptions {
  readonly models: readonly string[];
  /** Folder of the texts. */
  readonly texts: string;
  /** What to prune, as options of `prune`. */
  readonly prune: object;
  /** Tokens that objectives run the model on. */
  readonly tokens: number;
  readonly evaluations: number;
  /** Longest time that a baseline gets. */
  readonly minutes: number;
  /** Windows of the text that candidates are judged on while tuning. */
  readonly windows: number;
  /** Coefficients as JSON, where the experiment takes some. */
  readonly coefficients: string;
}
