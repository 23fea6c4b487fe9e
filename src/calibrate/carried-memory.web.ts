/** The browser's twin of `carried-memory.node.ts`: a page has no files to put anything in. */

/** Everything stays in memory. */
export const CARRIED_IN_MEMORY = { saving: Number.POSITIVE_INFINITY, plain: Number.POSITIVE_INFINITY };
