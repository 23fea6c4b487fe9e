import { describe, expect, it } from "vitest";
import { ProgressLines } from "../../src/cli/progress-lines.js";
import { Capture, event, run } from "./harness.js";

/** A run of `inspect` that shows the given events. */
const showing = (
  events: readonly ReturnType<typeof event>[],
  options: Parameters<typeof run>[1] = {},
  flags: string[] = [],
) =>
  run(["inspect", "smol", ...flags], {
    ...options,
    commands: {
      inspectModel: async (model, { onProgress }) => {
        for (const one of events) onProgress?.(one);
        return { model, files: [] };
      },
    },
  });

describe("plain progress lines", () => {
  it("come at the start and end of a phase, at most each tenth of it and each two seconds", () => {
    const stream = new Capture();
    let time = 0;
    const lines = new ProgressLines(stream, () => time);
    for (let done = 0; done <= 100; done++) {
      lines.show("calibrate", { ...event("calibrate", done, 100), percent: done / 2 });
      time += 150;
    }
    expect(stream.text).toBe(
      [
        "  0%  calibrate 0/100",
        "  7%  calibrate 14/100",
        " 14%  calibrate 28/100",
        " 21%  calibrate 42/100",
        " 28%  calibrate 56/100",
        " 35%  calibrate 70/100",
        " 42%  calibrate 84/100",
        " 49%  calibrate 98/100",
        " 50%  calibrate 100/100",
        "",
      ].join("\n"),
    );
  });

  it("name file, step and item, and begin anew with the next pass", async () => {
    const { stderr } = await showing([
      event("calibrate", 0, 2),
      event("calibrate", 2, 2),
      event("calibrate", 0, 2),
      event("mask", 1, 2, "layers.0.mlp.up_proj", "decoder_model_merged"),
      event("write", 539_285_833, 539_285_833, "", "model_fp16"),
      event("load", 0, 0),
    ]);
    expect(stderr).toBe(
      [
        " 50%  calibrate 0/2",
        " 50%  calibrate 2/2",
        " 50%  calibrate 0/2",
        " 50%  mask decoder_model_merged 1/2 layers.0.mlp.up_proj",
        " 50%  write 539.3/539.3 M",
        " 50%  load 0/0",
        "",
      ].join("\n"),
    );
  });

  it("stay away when quiet", async () => {
    expect(await showing([event("mask", 1, 2)], {}, ["--quiet"])).toMatchObject({ code: 0, stderr: "" });
    expect(await showing([event("mask", 1, 2)], { isTTY: true }, ["--quiet"])).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("progress bars", () => {
  it("show phase, step i of n and the share of the whole on a terminal, and give the cursor back", async () => {
    const { stderr } = await showing(
      [event("calibrate", 32, 32), event("mask", 0, 210), event("mask", 105, 210, "layers.7")],
      {
        isTTY: true,
      },
    );
    expect(stderr).toContain(" 50%  calibrate        ████████████████████████     32/32");
    expect(stderr).toContain(" 50%  mask             ████████████░░░░░░░░░░░░   105/210  layers.7");
    expect(stderr.lastIndexOf("\u001b[?25h")).toBeGreaterThan(stderr.lastIndexOf("\u001b[?25l"));
  });

  it("write nothing where there is no progress", async () => {
    expect((await showing([], { isTTY: true })).stderr).toBe("");
  });
});
