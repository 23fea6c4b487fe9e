import { it } from "vitest";
import { openModel } from "../src/onnx/index.js";
import { openEdited } from "../src/runtime/index.js";
import { testRuntime } from "./helpers/runtime.js";
it("x", async () => {
  const rt = testRuntime();
  for (const p of ["/tmp/sym/real/blob1", "/tmp/sym/link/model.onnx"]) {
    const m = await openModel(p);
    try { const s = await openEdited(rt, m, {}, {}); console.log(p, "ok", s.inputMetadata, s.outputNames.length); await s.release(); } catch (e) { console.log(p, String(e)); }
    try { const s = await rt.open(p, {}); console.log(p, "plain ok"); await s.release(); } catch (e) { console.log(p, String(e)); }
  }
});
