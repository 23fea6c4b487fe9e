/**
 * Compiles src/compute/cpu/kernel to WebAssembly and writes it, as base64 in a TypeScript file, to
 * src/compute/cpu/kernel.wasm.ts. That file is committed, so that installing and testing need no
 * compiler; a test compiles again and compares the bytes.
 *
 *   node scripts/build-kernel.mjs            writes the file
 *   node scripts/build-kernel.mjs --text f   writes the kernel's text format to f, for reading
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { main } from "assemblyscript/asc";

const root = fileURLToPath(new URL("..", import.meta.url));
const sources = resolve(root, "src/compute/cpu/kernel");
const target = resolve(root, "src/compute/cpu/kernel.wasm.ts");

/** SHA-256 (hex) over the names and texts of the kernel's sources. */
export function hashSources() {
  const hash = createHash("sha256");
  for (const name of readdirSync(sources).sort()) hash.update(`${name}\n`).update(readFileSync(resolve(sources, name)));
  return hash.digest("hex");
}

/**
 * Compiles the kernel.
 *
 * @returns {Promise<{ wasm: Uint8Array, text: string }>}
 */
export async function compileKernel() {
  const outputs = new Map();
  const { error, stderr } = await main(
    [
      "index.ts",
      ...["--outFile", "kernel.wasm", "--textFile", "kernel.wat"],
      // No garbage collector, no allocator: addresses come from plan.ts.
      ...["--runtime", "stub", "--noAssert", "--disableWarning", "AS112", "--enable", "simd", "-O3", "--converge"],
    ],
    {
      readFile: (name, base) => {
        try {
          return readFileSync(resolve(sources, base, name), "utf8");
        } catch {
          return null;
        }
      },
      writeFile: (name, contents) => void outputs.set(name, contents),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`the kernel does not compile:\n${stderr.toString()}`, { cause: error });
  return { wasm: outputs.get("kernel.wasm"), text: outputs.get("kernel.wat") };
}

/** The text of kernel.wasm.ts. */
export async function renderKernelFile() {
  const { wasm } = await compileKernel();
  return `// Written by scripts/build-kernel.mjs from src/compute/cpu/kernel; do not edit.
/** SHA-256 of the kernel's sources. */
export const KERNEL_SOURCE_HASH = "${hashSources()}";
/** The kernel, WebAssembly in base64. */
export const KERNEL_WASM =
  "${Buffer.from(wasm).toString("base64")}";
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const textFile = process.argv[2] === "--text" ? process.argv[3] : undefined;
  if (textFile) writeFileSync(textFile, (await compileKernel()).text);
  else writeFileSync(target, await renderKernelFile());
}
