/** How the page looks: on paper, in the light and in the dark, on a phone and on a desk. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: #faf9f5;
  --panel: #ffffff;
  --ink: #1c1b18;
  --soft: #5d5a52;
  --line: #dedbd1;
  --off: #e9e6dc;
  --gone: #85806f;
  --fire: #c2410c;
  --glow: #fdf1e7;
  --focus: #1d4ed8;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, "Book Antiqua", Georgia, serif;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #131210;
    --panel: #1b1a17;
    --ink: #f0ede4;
    --soft: #aea99d;
    --line: #35332d;
    --off: #2c2a25;
    --gone: #7d786b;
    --fire: #fb923c;
    --glow: #2a1d13;
    --focus: #93c5fd;
  }
}
* { box-sizing: border-box; }
html { font: 16px/1.5 var(--sans); -webkit-text-size-adjust: 100%; font-variant-numeric: tabular-nums; scroll-padding-top: 1rem; }
body { max-width: 68rem; margin: 0 auto; padding: clamp(1.25rem, 4vw, 3.5rem) clamp(1rem, 4vw, 2.5rem) 3rem; background: var(--paper); color: var(--ink); overflow-wrap: anywhere; }
h1, h2, h3, h4, p, ul, dl, dd, figure { margin: 0; }
h1, h2, h3 { font-family: var(--serif); font-weight: 600; line-height: 1.15; text-wrap: balance; }
h1 { font-size: clamp(1.75rem, 1.2rem + 2.6vw, 2.75rem); letter-spacing: -0.01em; }
h2 { font-size: 1.75rem; }
h3 { font-size: 1.3rem; margin-bottom: 0.9rem; }
h4 { font: 600 0.95rem/1.4 var(--mono); }
p { max-width: 46rem; }
ul { padding-left: 1.2rem; max-width: 46rem; }
li + li { margin-top: 0.25rem; }
a { color: inherit; text-decoration-color: var(--fire); text-underline-offset: 0.2em; }
a:hover { color: var(--fire); }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 3px; border-radius: 3px; }
code { font: 0.85em var(--mono); }
.soft { color: var(--soft); }
.kind { color: var(--fire); font-size: 0.8rem; font-weight: 600; letter-spacing: 0.08em; text-transform: uppercase; margin-bottom: 0.5rem; }
.lead { font-size: 1.05rem; margin-top: 0.6rem; }

nav ul { display: flex; flex-wrap: wrap; gap: 0.1rem 1.1rem; list-style: none; padding: 0; margin-top: 1rem; max-width: none; font-size: 0.92rem; }
nav li + li { margin: 0; }
nav a { display: inline-block; padding: 0.35rem 0; }

main > section { margin-top: 3rem; }
.target { border-top: 2px solid var(--ink); padding-top: 1.5rem; }
.target > .soft { margin-top: 0.5rem; }
.target > section { margin-top: 2.75rem; }
section > .scroll, section > figure, section > details, article > details { margin-top: 1rem; }
.warnings { border-left: 3px solid var(--fire); background: var(--glow); padding: 1rem 1.25rem; border-radius: 0 6px 6px 0; }
.warnings h2 { font-size: 1.1rem; margin-bottom: 0.5rem; }

.gains { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: 1px; margin-top: 1.5rem; background: var(--line); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.gains > div { background: var(--panel); padding: 0.9rem 1.1rem 1rem; }
.gains dt { color: var(--soft); font-size: 0.82rem; }
.gains dd { color: var(--soft); font-size: 0.82rem; }
.gains dd.value { color: var(--ink); font: 600 1.9rem/1.25 var(--serif); letter-spacing: -0.01em; white-space: nowrap; }
.verdict { margin-top: 1.1rem; padding-left: 1.6rem; position: relative; }
.verdict::before { position: absolute; left: 0; color: var(--fire); font-weight: 700; }
.verdict.sure::before { content: "✓"; }
.verdict.unsure::before { content: "!"; left: 0.3rem; }

.scroll { overflow: auto; max-width: 100%; }
table { overflow-wrap: break-word; border-collapse: collapse; font-size: 0.875rem; min-width: min(100%, 30rem); }
caption { text-align: left; color: var(--soft); padding-bottom: 0.5rem; font-size: 0.875rem; }
th, td { text-align: left; vertical-align: top; padding: 0.4rem 1rem 0.4rem 0; border-bottom: 1px solid var(--line); min-width: 3.5rem; max-width: 30rem; }
th { font-weight: 600; }
thead th { color: var(--soft); font-size: 0.8rem; font-weight: 500; vertical-align: bottom; border-bottom-color: var(--gone); }
tbody th { font-weight: 500; }
.number { text-align: right; white-space: nowrap; }
thead .number { white-space: normal; overflow-wrap: normal; }
tr.chosen > * { background: var(--glow); }
tr.chosen > :first-child { box-shadow: inset 3px 0 var(--fire); padding-left: 0.7rem; }
tr.gone > * { color: var(--soft); font-weight: 400; }
.tag { display: inline-block; border: 1px solid var(--fire); color: var(--fire); border-radius: 99px; padding: 0 0.5rem; font-size: 0.75rem; line-height: 1.35; font-weight: 600; }
.bar { display: inline-block; width: 4.5rem; height: 0.5rem; vertical-align: 0.05rem; margin-right: 0.35rem; }
.beside { display: inline-block; min-width: 3.6rem; }
.bar .track { fill: var(--off); }
.bar .part { fill: var(--gone); }
.bar.fire .part { fill: var(--fire); }
.state { font-size: 0.8rem; white-space: nowrap; }
.state.done { color: var(--fire); font-weight: 600; }
.state.done::before { content: "✓ "; }
.state.left { color: var(--soft); }
.state.left::before { content: "– "; }

details { border-top: 1px solid var(--line); }
details:last-of-type { border-bottom: 1px solid var(--line); }
details + details { margin-top: 0; }
section > details + details { margin-top: 0; }
summary { cursor: pointer; padding: 0.6rem 0; }
summary:hover { color: var(--fire); }
summary strong { font-weight: 600; }
details[open] > summary { padding-bottom: 0.4rem; }
details > .scroll { padding-bottom: 1.1rem; }
.filter { display: flex; flex-wrap: wrap; gap: 0.5rem 0.75rem; align-items: center; margin-bottom: 1rem; font-size: 0.9rem; }
.filter[hidden] { display: none; }
input, select { font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--gone); border-radius: 6px; padding: 0.4rem 0.6rem; min-height: 2.5rem; max-width: 100%; }
.passes + p { margin-top: 1rem; }

.legend { display: flex; flex-wrap: wrap; gap: 0.35rem 1.5rem; list-style: none; padding: 0; margin: 0.75rem 0 1.5rem; max-width: none; color: var(--soft); font-size: 0.85rem; }
.legend li { margin: 0; }
.legend svg { vertical-align: -0.15em; margin-right: 0.2rem; overflow: visible; }

.picture { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; }
.picture.tall { max-height: min(85vh, 52rem); }
.picture svg { display: block; margin: 0 auto; max-width: 100%; height: auto; }
.hint { color: var(--soft); font-size: 0.85rem; margin-bottom: 0.5rem; }
.stack { fill: var(--paper); stroke: var(--gone); }
.between { stroke: var(--line); }
.arrows path { fill: none; stroke: var(--gone); stroke-width: 1.25; }
.tip { fill: var(--gone); }
.name { font: 500 12px var(--mono); fill: var(--ink); }
.layer .kind { font: 11px var(--sans); fill: var(--soft); letter-spacing: 0; text-transform: none; }
.units { font: 12px var(--sans); fill: var(--ink); text-anchor: end; }
.narrower .units { font-weight: 600; fill: var(--fire); }
.folded .name, .gone .name { fill: var(--soft); text-decoration: line-through; }
.folded .units, .gone .units { fill: var(--soft); font-style: italic; }
.ghost { fill: none; stroke: var(--gone); stroke-dasharray: 3 3; }
.diamond { fill: var(--fire); }
.branch { fill: none; stroke: var(--fire); stroke-width: 1.5; }
.left { fill: var(--gone); }
.narrower .left, .legend .left { fill: var(--fire); }
.lost { stroke: none; }
.legend .lost { fill: none; stroke: var(--gone); stroke-dasharray: 2 2; }
.hatch { stroke: var(--gone); stroke-width: 2; }

.gates { display: grid; grid-template-columns: minmax(0, 1fr); gap: 2rem 2.5rem; }
.gate > .soft { margin: 0.15rem 0 0.9rem; font-size: 0.9rem; }
.maps { display: flex; flex-wrap: wrap; gap: 1.5rem 2.5rem; align-items: flex-start; }
.maps figure { min-width: min(18rem, 100%); max-width: 100%; }
.maps figure.pairs { min-width: 12rem; }
.maps figcaption, .readout { width: 0; min-width: 100%; }
figcaption, .readout { color: var(--soft); font-size: 0.8rem; margin-top: 0.5rem; max-width: 34rem; }
.readout { color: var(--ink); min-height: 1.5em; margin-top: 0.15rem; }
.heat { display: block; max-width: 100%; height: auto; cursor: crosshair; touch-action: manipulation; }
.level-0 { fill: var(--gone); }
.level-1 { fill: color-mix(in srgb, var(--fire) 38%, var(--off)); }
.level-2 { fill: color-mix(in srgb, var(--fire) 46%, var(--off)); }
.level-3 { fill: color-mix(in srgb, var(--fire) 54%, var(--off)); }
.level-4 { fill: color-mix(in srgb, var(--fire) 63%, var(--off)); }
.level-5 { fill: color-mix(in srgb, var(--fire) 72%, var(--off)); }
.level-6 { fill: color-mix(in srgb, var(--fire) 81%, var(--off)); }
.level-7 { fill: color-mix(in srgb, var(--fire) 90%, var(--off)); }
.level-8 { fill: var(--fire); }
.unknown { fill: none; stroke: var(--fire); }
.ring { stroke: var(--paper); stroke-width: 2; stroke-linecap: square; }
.cross { fill: none; stroke: var(--gone); stroke-width: 1; opacity: 0.75; }
.cursor { fill: none; stroke: var(--ink); stroke-width: 1.5; }
.matrix { display: block; width: 12rem; height: auto; border: 1px solid var(--line); }
.ground { fill: var(--panel); }
.pair-1 { fill: color-mix(in srgb, var(--ink) 12%, var(--panel)); }
.pair-2 { fill: color-mix(in srgb, var(--ink) 28%, var(--panel)); }
.pair-3 { fill: color-mix(in srgb, var(--ink) 46%, var(--panel)); }
.pair-4 { fill: color-mix(in srgb, var(--ink) 68%, var(--panel)); }
.pair-5 { fill: color-mix(in srgb, var(--ink) 92%, var(--panel)); }

.curve { max-width: 34rem; }
.curve svg { display: block; width: 100%; height: auto; }
.grid { stroke: var(--line); }
.line { fill: none; stroke: var(--gone); stroke-width: 1.5; }
.limit { stroke: var(--fire); stroke-dasharray: 5 4; stroke-width: 1.25; }
.point { fill: var(--soft); }
.written { fill: var(--panel); stroke: var(--fire); stroke-width: 3; }
.tick { font: 10.5px var(--sans); fill: var(--soft); }
.middle { text-anchor: middle; }
.end { text-anchor: end; }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.85rem; }
[hidden] { display: none !important; }

@media (prefers-reduced-motion: no-preference) {
  html { scroll-behavior: smooth; }
}
@media screen {
  .picture svg { min-width: var(--least, 0); }
}
@media screen and (min-width: 75rem) {
  body { max-width: 76rem; }
  .gates { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .gate.wide { grid-column: 1 / -1; }
}
@media (max-width: 40rem) {
  .gains { grid-template-columns: 1fr 1fr; }
  .gains dd.value { font-size: 1.5rem; }
  .gains > div { padding: 0.7rem 0.8rem; }
  td { max-width: 16rem; }
}
@media print {
  @page { margin: 16mm 14mm; }
  html { font-size: 10pt; }
  body { max-width: none; padding: 0; background: #fff; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  nav, .filter, .readout, .hint { display: none !important; }
  .scroll, .picture.tall { overflow: visible; max-height: none; }
  .picture { border: 0; }
  .picture svg { max-width: 100%; max-height: 235mm; height: auto; }
  .gates { display: block; }
  .gate + .gate { margin-top: 2rem; }
  .maps { display: block; }
  .maps figure + figure { margin-top: 0.75rem; }
  .heat { max-height: 120mm; }
  table { width: 100%; font-size: 8.5pt; overflow-wrap: anywhere; }
  th, td { min-width: 0; max-width: none; padding-right: 0.6rem; }
  thead { display: table-header-group; }
  tr, .gains, .gate > h4, figure, .verdict, summary { break-inside: avoid; }
  h2, h3, h4, caption, summary, .gate > .soft { break-after: avoid; }
  .target + .target { break-before: page; }
}
`;
