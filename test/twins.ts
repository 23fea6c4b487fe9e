/**
 * Holds, when types are checked, that the twins of a module (`x.node.ts` and `x.web.ts`) have the same
 * types: whoever imports the one gets the other in a browser build. test/architecture.test.ts holds that all are here.
 */

/** An error where what is written against Node's module could not be run with the browser's. */
type Twin<Node, Web extends Node> = [Node, Web];

export type Twins = [
  Twin<
    typeof import("../src/calibrate/carried-memory.node.js"),
    typeof import("../src/calibrate/carried-memory.web.js")
  >,
  Twin<typeof import("../src/compute/cpu/threads.node.js"), typeof import("../src/compute/cpu/threads.web.js")>,
  Twin<typeof import("../src/compute/webgpu/acquire.node.js"), typeof import("../src/compute/webgpu/acquire.web.js")>,
  Twin<typeof import("../src/file-system.node.js"), typeof import("../src/file-system.web.js")>,
  Twin<
    typeof import("../src/hook/coefficient-library.node.js"),
    typeof import("../src/hook/coefficient-library.web.js")
  >,
  Twin<typeof import("../src/hook/create-from-files.node.js"), typeof import("../src/hook/create-from-files.web.js")>,
  Twin<typeof import("../src/hook/deferred-sessions.node.js"), typeof import("../src/hook/deferred-sessions.web.js")>,
  Twin<typeof import("../src/hook/file-names.node.js"), typeof import("../src/hook/file-names.web.js")>,
  Twin<typeof import("../src/hook/host-gpu.node.js"), typeof import("../src/hook/host-gpu.web.js")>,
  Twin<typeof import("../src/hook/key-parts.node.js"), typeof import("../src/hook/key-parts.web.js")>,
  Twin<typeof import("../src/hook/location.node.js"), typeof import("../src/hook/location.web.js")>,
  Twin<typeof import("../src/hook/one-at-a-time.node.js"), typeof import("../src/hook/one-at-a-time.web.js")>,
  Twin<typeof import("../src/hook/onnx-runtime.node.js"), typeof import("../src/hook/onnx-runtime.web.js")>,
  Twin<typeof import("../src/hook/result-store.node.js"), typeof import("../src/hook/result-store.web.js")>,
  Twin<typeof import("../src/hook/side-files.node.js"), typeof import("../src/hook/side-files.web.js")>,
  Twin<typeof import("../src/hook/turn-context.node.js"), typeof import("../src/hook/turn-context.web.js")>,
  Twin<typeof import("../src/hook/unread-streams.node.js"), typeof import("../src/hook/unread-streams.web.js")>,
  Twin<typeof import("../src/prune/compressors.node.js"), typeof import("../src/prune/compressors.web.js")>,
];
