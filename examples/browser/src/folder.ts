/** A folder of the user's, chosen or dropped: its files by their paths, as Blobs that are read when they are needed. */
import { byId, input } from "./dom.js";
import type { FolderFile } from "./protocol.js";
import { bytes } from "./units.js";

interface Folder {
  readonly name: string;
  readonly files: readonly FolderFile[];
}

let chosen: Folder | null = null;

/** The folder that was chosen last, null before that. */
export const chosenFolder = (): Folder | null => chosen;

/** Listens to the field and to drops on it; `onChange` is called after each choice. */
export function listenForFolders(onChange: () => void): void {
  const field = input("folder");
  const place = byId("drop", HTMLElement);
  const choose = (folder: Folder | null) => {
    chosen = folder;
    byId("folder-facts", HTMLElement).textContent = folder === null ? "No folder chosen." : facts(folder);
    onChange();
  };
  field.addEventListener("change", () => choose(fromField(field.files)));
  place.addEventListener("dragover", (event) => event.preventDefault());
  place.addEventListener("drop", async (event) => {
    event.preventDefault();
    const entry = [...(event.dataTransfer?.items ?? [])]
      .map((item) => item.webkitGetAsEntry())
      .find((item): item is FileSystemDirectoryEntry => item?.isDirectory === true);
    if (entry === undefined) return choose(null);
    choose({ name: entry.name, files: await filesUnder(entry, "") });
  });
}

function fromField(list: FileList | null): Folder | null {
  const files = [...(list ?? [])];
  const [name] = files[0]?.webkitRelativePath.split("/") ?? [];
  if (name === undefined) return null;
  // The first part of each path is the folder itself.
  return { name, files: files.map((blob) => ({ path: blob.webkitRelativePath.slice(name.length + 1), blob })) };
}

async function filesUnder(directory: FileSystemDirectoryEntry, prefix: string): Promise<FolderFile[]> {
  const reader = directory.createReader();
  const found: FolderFile[] = [];
  // A reader gives a hundred entries at a time, and none at the end.
  for (;;) {
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return found;
    for (const entry of entries) {
      const path = `${prefix}${entry.name}`;
      if (entry.isDirectory) found.push(...(await filesUnder(entry as FileSystemDirectoryEntry, `${path}/`)));
      else
        found.push({
          path,
          blob: await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)),
        });
    }
  }
}

function facts({ name, files }: Folder): string {
  const sum = files.reduce((total, { blob }) => total + blob.size, 0);
  const missing = ["config.json", "tokenizer.json"].filter((wanted) => !files.some(({ path }) => path === wanted));
  const lacks = missing.length > 0 ? ` It lacks ${missing.join(" and ")}.` : "";
  return `${name}: ${files.length} files, ${bytes(sum)}.${lacks}`;
}
