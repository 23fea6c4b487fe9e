/** How much of what passes between the parts of a model stays in memory: this file in Node, its twin in a page. */

/** Most bytes that stay in memory; the others go to files. */
export const CARRIED_IN_MEMORY: {
  /** Where memory is to be saved. */
  readonly saving: number;
  /** Where parts serve another end; about 100 MB cross a cut of a small model on 16,000 tokens. */
  readonly plain: number;
} = { saving: 0, plain: 2 ** 29 };
