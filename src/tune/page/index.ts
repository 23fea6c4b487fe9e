/** A tuning as one self-contained HTML page. */
export { PAGE_GENERATOR, tunePage } from "./page.js";
