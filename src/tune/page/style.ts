/**
 * The style sheet of the page. Fonts are those of the reader's system, because the page asks the network
 * for nothing; colours are named once, for light and for dark; print is always light.
 */

const LIGHT = `
  --paper: #fcfbf8; --ink: #23211d; --quiet: #6b675e; --rule: #e4e0d7; --wash: #f3f0e9;
  --dot: #8a94a0; --mark: #b2471d; --line: #1f5f8b;`;

const DARK = `
  --paper: #181715; --ink: #ece8e0; --quiet: #a8a296; --rule: #38352f; --wash: #24221e;
  --dot: #7f8b98; --mark: #f0956a; --line: #7db8e0;`;

export const STYLE = `
:root { color-scheme: light dark; ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
@media print { :root { color-scheme: light; ${LIGHT} --paper: #fff; } }

* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 3rem 1.5rem 4rem; max-width: 72rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
h1, h2, .result { font-family: Charter, "Bitstream Charter", "Sitka Text", Cambria, Georgia, serif; font-weight: 400; }
h1 { font-size: clamp(1.6rem, 4.5vw, 2.4rem); line-height: 1.2; margin: 0 0 2rem; text-wrap: balance; overflow-wrap: anywhere; }
h1 b { font-weight: 600; }
h2 { font-size: 1.5rem; line-height: 1.25; margin: 3.5rem 0 .75rem; }
p, ul { max-width: 44rem; margin: 0 0 1rem; text-wrap: pretty; }
ul { padding-left: 1.2rem; }
li { margin-bottom: .35rem; }
.kind { margin-bottom: .5rem; color: var(--quiet); font-size: .9rem; }

.headline { display: grid; grid-template-columns: minmax(14rem, 2fr) minmax(18rem, 3fr); gap: 2rem; align-items: center; }
.headline figure { margin: 0; }
.result { font-size: clamp(3.2rem, 10vw, 5.5rem); line-height: 1; margin: 0 0 1rem; color: var(--mark); }
.result.none { color: var(--quiet); }

dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .9rem 2rem; margin: 2.5rem 0 0; padding: 1.25rem 0; border: solid var(--rule); border-width: 1px 0; }
dt { color: var(--quiet); font-size: .8rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.terms { grid-template-columns: 1fr; gap: .6rem; margin: 1rem 0; max-width: 44rem; }
.terms dt { color: inherit; font-size: inherit; font-weight: 600; }

figure { margin: 0; }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; margin-bottom: .4rem; font-size: .9rem; }
figcaption span, .note { color: var(--quiet); }
.note { margin: 0; font-size: .8rem; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: 2rem 2.5rem; margin: 2rem 0; }
.wide { margin: 1.5rem 0 2rem; }
.wide svg { min-width: 36rem; max-width: 60rem; }

svg { display: block; width: 100%; height: auto; font: 11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
svg text { fill: var(--quiet); }
svg .title { fill: var(--ink); }
svg .name { font-size: 13px; fill: var(--ink); }
svg text.marked { fill: var(--mark); font-weight: 600; }
.rule { stroke: var(--rule); }
.axis { stroke: var(--quiet); }
.dot { fill: var(--dot); fill-opacity: .75; stroke: var(--paper); stroke-width: .75; }
.dot.marked { fill: var(--mark); fill-opacity: .95; }
.equal { stroke: var(--quiet); stroke-dasharray: 3 4; }
.best { fill: none; stroke: var(--line); stroke-width: 2; stroke-linejoin: round; }

.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--line); outline-offset: 2px; }
table { border-collapse: collapse; margin: 1.25rem 0; font-size: .875rem; }
caption { text-align: left; padding-bottom: .5rem; color: var(--quiet); }
th, td { padding: .35rem .9rem .35rem 0; text-align: left; vertical-align: baseline; white-space: pre; border-bottom: 1px solid var(--rule); font-weight: 400; }
thead th { color: var(--quiet); font-size: .8rem; border-bottom-color: var(--quiet); }
.figure { text-align: right; padding-left: .9rem; padding-right: .3rem; }
tr.marked > * { background: var(--wash); font-weight: 600; }
.method { font-size: .95rem; }
footer { margin-top: 2.5rem; color: var(--quiet); font-size: .85rem; }

@media (max-width: 44rem) {
  body { padding: 1.75rem 1rem 3rem; }
  .headline { grid-template-columns: 1fr; gap: 1.25rem; }
  h2 { margin-top: 2.5rem; }
}
@media print {
  body { padding: 0; max-width: none; font-size: 10pt; }
  figure, tr, dl { break-inside: avoid; }
  h2, caption { break-after: avoid; }
  .scroll { overflow: visible; }
  .grid { grid-template-columns: repeat(3, 1fr); gap: 1rem; }
  table { font-size: 8pt; }
  .wide svg { min-width: 0; }
}
`;
