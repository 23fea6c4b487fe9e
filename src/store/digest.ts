/** SHA-256 of what is in memory, by the cryptography that Node and browsers share. */

/**
 * SHA-256 of bytes or text, as hex.
 *
 * @throws TypeError in a page that is no secure context, where there is no cryptography
 */
export async function digest(content: Uint8Array | string): Promise<string> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
