/** Reads a file of coefficients, wherever it is. */
import { PruneError } from "../errors.js";
import { fileSystem } from "../file-system.node.js";

/**
 * The text at a path or URL. In a page every location is an address (relative to the page); elsewhere
 * what has no web scheme is a path.
 *
 * @throws PruneError `not-found`
 */
export async function readText(location: string): Promise<string> {
  const page: { readonly href: string } | undefined = globalThis.location;
  try {
    if (/^file:/i.test(location)) return await readFileText(new URL(location));
    if (page === undefined && !/^(https?|data|blob):/i.test(location)) return await readFileText(location);
    const response = await fetch(new URL(location, page?.href));
    if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`.trimEnd());
    return await response.text();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PruneError(
      "not-found",
      `coefficients file "${location}" cannot be read: ${reason}; give "auto", "default", an object, or a JSON file that exists`,
      { details: { file: location }, cause },
    );
  }
}

async function readFileText(path: string | URL): Promise<string> {
  const { readFile } = fileSystem({ refusal: "it is a path", remedy: "give an address of the web" });
  return readFile(path, "utf8");
}
