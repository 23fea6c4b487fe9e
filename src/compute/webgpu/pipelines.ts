/** Compiled kernels, each source once. */
import type { Kernel } from "./kernels/kernel.js";

/** Lines around an error that are shown. */
const CONTEXT = 2;

/** Those of every GPU: a host's outlives ours, and kernels that were compiled for one model serve the next. */
const COMPILED = new WeakMap<GPUDevice, Pipelines>();

/** Pipelines of one GPU by their whole source. */
export class Pipelines {
  private readonly known = new Map<string, Promise<GPUComputePipeline>>();

  private constructor(private readonly device: GPUDevice) {}

  /** The pipelines of a GPU, the same for all who ask. */
  static on(device: GPUDevice): Pipelines {
    const pipelines = COMPILED.get(device) ?? new Pipelines(device);
    COMPILED.set(device, pipelines);
    return pipelines;
  }

  /** @throws Error with line and text of the shader where it does not compile */
  of(kernel: Kernel): Promise<GPUComputePipeline> {
    const known = this.known.get(kernel.source);
    if (known !== undefined) return known;
    const compiled = this.compile(kernel);
    this.known.set(kernel.source, compiled);
    // A failure is told to whoever asked, and tried again by the next.
    compiled.catch(() => this.known.delete(kernel.source));
    return compiled;
  }

  private async compile({ name, source }: Kernel): Promise<GPUComputePipeline> {
    const { device } = this;
    // The compiler's complaints are read below; uncaught, they would go to the page's console.
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ label: name, code: source });
    const [invalid, { messages }] = await Promise.all([device.popErrorScope(), module.getCompilationInfo()]);
    const errors = messages.filter(({ type }) => type === "error");
    if (invalid !== null || errors.length > 0)
      throw new Error(
        `the kernel "${name}" does not compile: ${errors.map((error) => explain(error, source)).join("\n") || invalid?.message}`,
      );
    return device.createComputePipelineAsync({ label: name, layout: "auto", compute: { module, entryPoint: "main" } });
  }
}

function explain({ lineNum, linePos, message }: GPUCompilationMessage, source: string): string {
  const first = Math.max(0, lineNum - 1 - CONTEXT);
  const lines = source.split("\n").slice(first, lineNum + CONTEXT);
  const numbered = lines.map((line, k) => `${first + k + 1 === lineNum ? ">" : " "} ${first + k + 1}  ${line}`);
  return `line ${lineNum}, column ${linePos}: ${message}\n${numbered.join("\n")}`;
}
