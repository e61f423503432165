"""The style of a report's page: the app's tokens, light and dark."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --window: #f5f5f7; --panel: #fff; --line: #d7d7dd; --text: #1b1b1f; --muted: #5a5a66;
  --accent: #3b5bdb; --second: #b0601a; --good: #1e7b3a; --bad: #b3261e; --track: #ececf0; }
@media (prefers-color-scheme: dark) { :root { --window: #17171b; --panel: #1f1f25; --line: #34343d; --text: #ececf1;
  --muted: #a3a3b2; --accent: #8da2ff; --second: #f0b84a; --good: #6fd08c; --bad: #ff8a80; --track: #2a2a32; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 40px 24px 80px; max-width: 1120px; background: var(--window); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; font-variant-numeric: tabular-nums; }
header { margin-bottom: 24px; } h1 { margin: 0 0 4px; font-size: 30px; letter-spacing: -0.02em; line-height: 1.2; }
h2 { margin: 0 0 2px; font-size: 18px; } h3 { margin: 0 0 4px; font-size: 13px; font-weight: 600; color: var(--muted); }
p { margin: 0 0 12px; color: var(--muted); max-width: 78ch; } small { color: var(--muted); }
section { margin: 0 0 20px; padding: 20px 24px; background: var(--panel); border: 1px solid var(--line); border-radius: 10px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(136px, 1fr)); gap: 12px; padding: 0; border: 0;
  background: none; }
.card { padding: 14px 16px; background: var(--panel); border: 1px solid var(--line); border-radius: 10px; }
.card strong { display: block; font-size: 26px; line-height: 1.15; font-weight: 650; letter-spacing: -0.02em; }
.card small { display: block; margin-top: 4px; font-size: 12px; line-height: 1.35; }
table { width: 100%; border-collapse: collapse; } .wide { overflow-x: auto; } .wide + .wide { margin-top: 24px; }
th, td { padding: 6px 10px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
tr:last-child > * { border-bottom: 0; } th { font-weight: 500; } td small { margin-left: 4px; font-size: 12px; }
th:first-child { padding-left: 0; text-align: left; } tr:first-child th { color: var(--muted); font-size: 13px; }
tr.total th, tr.total td { font-weight: 650; } tr.total td small { font-weight: 400; }
.drawn { width: 46%; min-width: 150px; } .axis { display: flex; justify-content: space-between; font-size: 12px; }
.track { position: relative; height: 20px; background: var(--track); border-radius: 4px; }
.track i { position: absolute; height: 2px; border-radius: 1px; } .track b { position: absolute; width: 9px; height: 9px; }
.track .geometric { top: 6px; background: var(--accent); } .track b.geometric { top: 2.5px; margin-left: -4.5px;
  border-radius: 50%; }
.alone .track .geometric { top: 9px; } .alone .track b.geometric { top: 5.5px; }
.track .learned { top: 13px; background: var(--second); } .track b.learned { top: 9.5px; margin-left: -4.5px;
  transform: rotate(45deg) scale(0.85); }
.legend { display: flex; gap: 20px; font-size: 13px; } .key::before { content: ""; display: inline-block; width: 9px; height: 9px;
  margin-right: 7px; border-radius: 50%; background: var(--accent); }
.key.learned::before { border-radius: 0; background: var(--second); transform: rotate(45deg) scale(0.85); }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(440px, 1fr)); gap: 20px 36px; }
.columns > div { min-width: 0; } .columns td small { display: none; }
details summary { cursor: pointer; color: var(--accent); } details[open] summary { margin-bottom: 14px; }
table.plain th { width: 30%; color: var(--muted); font-size: 15px; text-align: left; padding-left: 0; }
table.plain td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(160px, 1fr)); gap: 18px 16px; }
.gallery.small { grid-template-columns: repeat(auto-fill, minmax(116px, 1fr)); gap: 14px 12px; }
.small figcaption { font-size: 11px; color: var(--muted); }
figure { margin: 0; } figure img { display: block; width: 100%; height: auto; border-radius: 6px; }
figcaption { margin-top: 6px; font-size: 12px; line-height: 1.35; overflow-wrap: anywhere; }
.wrong { display: block; color: var(--bad); } .doubt { display: block; color: var(--muted); }
@media (max-width: 600px) { body { padding: 20px 12px; } section { padding: 16px; }
  .columns { grid-template-columns: minmax(0, 1fr); } }
"""
