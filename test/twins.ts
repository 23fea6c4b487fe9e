/**
 * Holds, when types are checked, that the twins of a module (`x.node.ts` and `x.web.ts`) have the same
 * types: whoever imports the one gets the other in a browser build. test/architecture.test.ts holds that all are here.
 */

/** An error where what is written against Node's module could not be run with the browser's. */
type Twin<Node, Web extends Node> = [Node, Web];

export type Twins = [
  Twin<typeof import("../src/compute/cpu/threads.node.js"), typeof import("../src/compute/cpu/threads.web.js")>,
  Twin<typeof import("../src/file-system.node.js"), typeof import("../src/file-system.web.js")>,
  Twin<typeof import("../src/prune/compressors.node.js"), typeof import("../src/prune/compressors.web.js")>,
];
