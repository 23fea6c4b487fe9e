/** `transformers-prune inspect`: what could be pruned in a model, how sparse it is, what stays dense and why. */
import type { Command } from "commander";
import type { InspectedFile, InspectedWeight, InspectReport } from "../hook/index.js";
import type { CliContext } from "./commands.js";
import { examplesHelp } from "./help.js";
import { type Style, styleOf } from "./io.js";
import { addCommonFlags, type CommonFlags, loadOptions } from "./load-flags.js";
import { withProgress } from "./progress.js";
import { formatTable, indent } from "./text-table.js";
import { formatBytes, formatCount, formatShare } from "./units.js";

/** Gives the command its flags and its action. */
export function inspectCommand(command: Command, context: CliContext): void {
  command
    .summary("list the weights of a model")
    .description("Lists the weights that can be pruned, with their sparsity, and what is left dense and why.");
  addCommonFlags(command);
  command
    .addHelpText("after", () =>
      examplesHelp([
        "transformers-prune inspect HuggingFaceTB/SmolLM2-135M --dtype fp16",
        "transformers-prune inspect ./pruned --json",
        "transformers-prune inspect ./model/onnx/model_q4.onnx",
      ]),
    )
    .action((model: string, flags: CommonFlags) => runInspect(model, flags, context));
}

async function runInspect(model: string, flags: CommonFlags, { io, commands }: CliContext): Promise<void> {
  const report = await withProgress(io, flags.quiet === true, (listenerOf) =>
    commands.inspectModel(model, { ...loadOptions(flags), signal: io.signal, onProgress: listenerOf() }),
  );
  io.stdout.write(flags.json ? `${JSON.stringify(report, null, 2)}\n` : describe(report, styleOf(io.stdout, io.env)));
}

function describe({ model, files }: InspectReport, style: Style): string {
  const blocks = files.map((file) => describeFile(file, style).join("\n"));
  return `${style.bold(model)}\n\n${blocks.join("\n\n")}\n`;
}

function describeFile(file: InspectedFile, { bold, dim }: Style): string[] {
  const packed = file.weights.filter(({ stored }) => stored.encoding === "packed").length;
  const rows = file.weights.map(({ name, kind, shape, dtype, coding, sparsity, stored }) => [
    name,
    kind,
    shape.join("×"),
    `${dtype}${zeroPointText(coding)}`,
    formatShare(sparsity),
    ...(packed === 0 ? [] : [stored.encoding === "packed" ? formatBytes(stored.bytes) : "not packed"]),
  ]);
  const [head = "", ...body] = formatTable(
    [["weight", "kind", "out×in", "dtype", "sparsity", ...(packed === 0 ? [] : ["packed to"])], ...rows],
    ["left", "left", "right", "left", "right"],
  );
  const dense = formatTable(
    file.dense.map(({ name, reason }) => [name, reason]),
    ["left"],
  );
  return [
    `${bold(file.file)}: ${formatBytes(file.bytes)}, ${formatCount(file.parameters)} parameters`,
    ...(rows.length === 0
      ? ["no weight that can be pruned"]
      : [...summaryLines(file, packed), "", ...indent([dim(head), ...body])]),
    ...(dense.length === 0 ? [] : ["", "left dense", ...indent(dense)]),
  ];
}

/** What stands for 0, where weights are stored as codes. */
function zeroPointText({ zeroPoint }: InspectedWeight["coding"]): string {
  if (zeroPoint === null) return "";
  return typeof zeroPoint === "number" ? `, zero is ${zeroPoint}` : `, zeros by group as ${zeroPoint}`;
}

function summaryLines({ weights, parameters }: InspectedFile, packed: number): string[] {
  const prunable = weights.reduce((sum, { shape: [out, channels] }) => sum + out * channels, 0);
  const zeros = weights.reduce((sum, { shape: [out, channels], sparsity }) => sum + out * channels * sparsity, 0);
  const figures = `${formatCount(prunable)} parameters (${formatShare(prunable / parameters)}), ${formatShare(zeros / prunable)} of them zero`;
  return packed === 0
    ? [`${formatCount(weights.length)} weights can be pruned: ${figures}`]
    : [
        `${formatCount(weights.length)} weights: ${figures}`,
        `${formatCount(packed)} of them packed: to prune again, take the file that this one was made from`,
      ];
}
