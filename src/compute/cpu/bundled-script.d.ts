/** What the browser build (scripts/web-twins.mjs) makes of a script: the text of it and of all that it imports. */
declare module "*?bundled" {
  const text: string;
  export default text;
}
