/**
 * Loads a folder with transformers.js alone, uses it by its recipe and prints what its sessions returned:
 * `node stock.mjs RECIPE FOLDER DTYPE`.
 */
import * as host from "@huggingface/transformers";
import { RECIPES } from "./recipes.mjs";
import { record } from "./recording.mjs";

const [name = "", folder = "", dtype = "fp32"] = process.argv.slice(2);
host.env.allowRemoteModels = false;
host.env.logLevel = host.LogLevel.ERROR;
const recipe = RECIPES[name];
if (recipe === undefined) throw new Error(`there is no recipe "${name}"`);
const { task, use } = recipe;
const options = { dtype, local_files_only: true };
const loaded = await (task === undefined
  ? /** @type {any} */ (host)[recipe.class ?? "AutoModel"].from_pretrained(folder, options)
  : host.pipeline(/** @type {any} */ (task), folder, /** @type {any} */ (options)));
console.log(JSON.stringify(await record(loaded, () => use(loaded, folder))));
