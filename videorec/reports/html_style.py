"""How pages look: one sheet, narrow screens, wide ones and paper, light and dark."""

from videorec.reports import palette

STYLE = (
    """
:root { --ink: #1b1f24; --soft: #59636e; --paper: #ffffff; --panel: #f4f6f8; --line: #d5dbe1; --heat: 0, 114, 178;
  --train: ORANGE; --val: BLUE; --wrong: #a84300; --right: #005a8d; --note: #fff6e0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaee; --soft: #a3adb8; --paper: #14181d; --panel: #1e242b;
  --line: #38414b; --heat: 86, 180, 233; --val: SKY; --wrong: #ff9b5c; --right: SKY; --note: #322a17; } }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--paper); font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans",
  sans-serif; }
header, main { max-width: 1180px; margin: 0 auto; padding: 0 1.25rem; overflow-wrap: anywhere; }
header { padding-top: 1.5rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.3rem; margin: 2.6rem 0 .6rem; padding-top: .7rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
p { max-width: 75ch; margin: .5rem 0; }
.soft, figcaption, .caption { color: var(--soft); }
.verdicts { padding: 0; list-style: none; margin: .8rem 0; }
.verdicts li { padding: .6rem .9rem; margin: .5rem 0; background: var(--panel); border-left: 4px solid var(--val);
  border-radius: 4px; }
.verdicts b { font-size: 1.15rem; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; margin: 1rem 0; }
a { color: var(--right); }
.scroll { overflow-x: auto; max-width: 100%; margin: .7rem 0 1.2rem; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
.caption { margin: 1rem 0 .2rem; font-size: .92rem; }
.caption + .scroll { margin-top: 0; }
th, td { padding: .32rem .7rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th { font-weight: 600; }
th[scope=row], .words td, .words th { text-align: left; }
th[scope=row] { max-width: 22rem; overflow-wrap: break-word; min-width: 6rem; }
.words td { min-width: 9rem; overflow-wrap: anywhere; }
td.best { font-weight: 700; color: var(--right); }
td.none { color: var(--soft); }
.bar { display: inline-block; width: 5.5rem; height: .6rem; margin-right: .5rem; background: var(--line); border-radius:
  2px; overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--val); }
.confusion td { text-align: center; border: 1px solid var(--line); min-width: 2.3rem; padding: .3rem; }
.confusion thead th { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left; vertical-align: bottom;
  max-height: 12rem;
  white-space: nowrap; padding: .3rem; border: 0; }
.confusion thead th:first-child { writing-mode: horizontal-tb; transform: none; vertical-align: bottom; }
figure { margin: .9rem 0 1.4rem; }
img { max-width: 100%; height: auto; border-radius: 3px; }
figcaption { font-size: .92rem; margin-top: .3rem; }
.wide { overflow-x: auto; }
.wide img { max-width: none; width: 100%; min-width: 700px; }
.medium img { width: 34rem; }
.wrong { color: var(--wrong); font-weight: 600; }
.right { color: var(--right); font-weight: 600; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); gap: .5rem 1.5rem; }
.charts figure { margin: .5rem 0; min-width: 0; }
svg { width: 100%; height: auto; display: block; }
svg text { font: 13px system-ui, "DejaVu Sans", sans-serif; fill: var(--soft); }
svg .axis { stroke: var(--line); stroke-width: 1; }
svg .line { fill: none; stroke-width: 2.2; }
pre { background: var(--panel); padding: .55rem .8rem; border-radius: 4px; white-space: pre-wrap; overflow-wrap: anywhere;
  margin: .4rem 0; }
code { font: .88rem/1.45 ui-monospace, "DejaVu Sans Mono", monospace; }
.missing { background: var(--note); border-left: 4px solid ORANGE; border-radius: 4px; padding: .4rem .9rem; margin: .7rem
  0; }
summary { cursor: pointer; color: var(--right); padding: .3rem 0; }
.definitions { columns: 2 26rem; column-gap: 2rem; padding: 0; margin: .5rem 0; font-size: .92rem; }
.definitions div { break-inside: avoid; margin-bottom: .4rem; }
dt { font-weight: 600; } dd { margin: 0; color: var(--soft); }
@media (max-width: 600px) { body { font-size: 15px; } header, main { padding-left: .8rem; padding-right: .8rem; }
  h1 { font-size: 1.4rem; } th, td { padding: .28rem .45rem; } th[scope=row] { max-width: 9rem; } .bar { width: 3rem; } }
@media print { :root { --ink: #000; --paper: #fff; --panel: #f4f6f8; --soft: #444; --line: #bbb; } nav { display: none; }
  .scroll, .wide { overflow: visible; } .wide img { min-width: 0; max-width: 100%; } figure, tr { break-inside: avoid; } h2
  { break-after: avoid; } }
""".replace("ORANGE", palette.ORANGE)
    .replace("BLUE", palette.BLUE)
    .replace("SKY", palette.SKY)
)
