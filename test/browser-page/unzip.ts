/** Zip files whose entries are stored, as the page makes them (APPNOTE.TXT 6.3, sections 4.3.12 and 4.3.16). */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const END = 0x06054b50;
const ENTRY = 0x02014b50;

/** Writes the entries of a zip below `folder`; returns their paths. */
export function unzip(zip: Buffer, folder: string): string[] {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || zip.readUInt32LE(end) !== END) throw new Error("this is no zip file");
  let at = zip.readUInt32LE(end + 16);
  return Array.from({ length: zip.readUInt16LE(end + 10) }, () => {
    if (zip.readUInt32LE(at) !== ENTRY || zip.readUInt16LE(at + 10) !== 0) throw new Error("an entry is not stored");
    const [size, nameLength, extra, comment] = [
      zip.readUInt32LE(at + 24),
      zip.readUInt16LE(at + 28),
      zip.readUInt16LE(at + 30),
      zip.readUInt16LE(at + 32),
    ];
    const header = zip.readUInt32LE(at + 42);
    const path = zip.toString("utf8", at + 46, at + 46 + nameLength);
    at += 46 + nameLength + extra + comment;
    const data = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, zip.subarray(data, data + size));
    return path;
  });
}
