/** The config of an exported model, which tells the host what session files there are. */
import { baseName } from "../prune/index.js";
import { dtypeOf, sessionFileName } from "./session-file.js";

/** The part of a config that the host reads. */
interface HostConfig {
  readonly dtype?: string | Readonly<Record<string, string>>;
  readonly device_config?: Readonly<Record<string, object>>;
}

/**
 * A config that tells the host what the directory holds: how many files of external data each session file has (it
 * asks only in browsers), and the dtype of files that it would not look for by itself. Else as it was, byte for byte.
 *
 * @param config `config.json` of the source
 * @param paths of the exported session files and their data
 */
export function configFor(config: Uint8Array, paths: readonly string[]): Uint8Array | string {
  const { sessions, chunks } = sessionsAmong(paths);
  const parsed = JSON.parse(new TextDecoder().decode(config)) as { "transformers.js_config"?: HostConfig };
  const given = parsed["transformers.js_config"] ?? {};
  const own = {
    ...given,
    ...(isFoundWithoutDtype(given, sessions) ? {} : dtypesOf(given, sessions)),
    ...(Object.keys(chunks).length > 0 && { use_external_data_format: chunks }),
  };
  if (JSON.stringify(own) === JSON.stringify(given)) return config;
  return `${JSON.stringify({ ...parsed, "transformers.js_config": own }, null, 2)}\n`;
}

/** Whether the host opens these session files when it is told no dtype. */
const isFoundWithoutDtype = ({ dtype = "fp32" }: HostConfig, sessions: readonly string[]): boolean =>
  sessions.every((name) => {
    const chosen = typeof dtype === "string" ? dtype : (dtype[sessionFileName(name)] ?? "fp32");
    return (chosen === "auto" ? "fp32" : chosen) === dtypeOf(name);
  });

/** The dtypes of the session files. What a config has for single devices is of files that are not there. */
function dtypesOf({ device_config }: HostConfig, sessions: readonly string[]): HostConfig {
  const [first = "fp32", ...others] = new Set(sessions.map(dtypeOf));
  const byFile = Object.fromEntries(sessions.map((name) => [sessionFileName(name), dtypeOf(name)]));
  const devices = Object.entries(device_config ?? {}).map(([device, config]) => {
    const { dtype: _, ...rest } = config as HostConfig;
    return [device, rest] as const;
  });
  return {
    dtype: others.length === 0 ? first : byFile,
    ...(device_config && { device_config: Object.fromEntries(devices) }),
  };
}

/** Names of session files without extension, and how many data files each has. */
function sessionsAmong(paths: readonly string[]) {
  const chunks: Record<string, number> = {};
  const sessions: string[] = [];
  for (const path of paths) {
    const name = baseName(path);
    const model = /^(.*\.onnx)[._]data(?:_\d+)?$/.exec(name)?.[1];
    if (model !== undefined) chunks[model] = (chunks[model] ?? 0) + 1;
    if (name.endsWith(".onnx")) sessions.push(name.slice(0, -".onnx".length));
  }
  return { sessions, chunks };
}
