// The concept bar chart: how many units draw each concept; a bar is a button that lists its units alone.

import type { UnitRow } from "../messages";
import { button, keyed, make, press, roving } from "./dom";

export interface Bar {
  readonly concept: string;
  readonly color: string;
  readonly count: number;
  /** of the table beside; null: there is none */
  readonly beside: number | null;
}

/** A bar for each concept that a unit draws, above its nulls; the longest first. */
export function barsOf(rows: readonly UnitRow[], beside: readonly UnitRow[] | null): Bar[] {
  const colors = new Map([...(beside ?? []), ...rows].map((row) => [row.concept, row.color]));
  const [here, there] = [counted(rows), counted(beside ?? [])];
  return [...new Set([...here.keys(), ...there.keys()])]
    .map((concept) => ({ concept, color: colors.get(concept) ?? "#888888", count: here.get(concept) ?? 0, beside: beside && (there.get(concept) ?? 0) }))
    .sort((a, b) => b.count - a.count || (b.beside ?? 0) - (a.beside ?? 0) || a.concept.localeCompare(b.concept));
}

function counted(rows: readonly UnitRow[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const row of rows) if (row.above) counts.set(row.concept, (counts.get(row.concept) ?? 0) + 1);
  return counts;
}

export interface Bars {
  readonly node: HTMLElement;
  show(bars: readonly Bar[]): void;
  /** The concept whose bar is pressed; empty: none. */
  pressed(): string;
  clear(): void;
}

export function conceptBars(signal: AbortSignal, changed: (concept: string) => void): Bars {
  const list = make("div", "gw-bars-list", { role: "toolbar", "aria-label": "Concepts: how many units draw each" });
  const settle = roving(list, ".gw-bar-button", signal);
  const node = make("div", "gw-bars", {}, list);
  let [all, chosen]: [readonly Bar[], string] = [[], ""];

  function draw(): void {
    const most = Math.max(1, ...all.map((bar) => Math.max(bar.count, bar.beside ?? 0)));
    node.hidden = all.length === 0;
    keyed(list, all, (bar) => bar.concept, create, (each, bar) => {
      const words = `${bar.concept}: ${bar.count} unit${bar.count === 1 ? "" : "s"}${bar.beside === null ? "" : `, beside ${bar.beside}`}`;
      (each.querySelector(".gw-bar-words") as HTMLElement).textContent = bar.beside === null ? (bar.count === 1 ? " unit" : " units") : ` units here and beside`;
      each.title = `${words}. Click to list them alone.`;
      each.style.setProperty("--gw-dot", bar.color);
      each.style.setProperty("--gw-long", `${(100 * bar.count) / most}%`);
      each.style.setProperty("--gw-beside", `${(100 * (bar.beside ?? 0)) / most}%`);
      each.classList.toggle("gw-two", bar.beside !== null);
      (each.querySelector(".gw-bar-count") as HTMLElement).textContent = bar.beside === null ? String(bar.count) : `${bar.count} · ${bar.beside}`;
      press(each, bar.concept === chosen);
    });
    settle();
  }

  function create(bar: Bar): HTMLElement {
    const each = button({ act: `bar-${bar.concept}`, label: bar.concept, text: bar.concept, className: "gw-bar-button" }, () => choose(bar.concept === chosen ? "" : bar.concept), signal);
    each.append(make("span", "gw-bar-line", { "aria-hidden": "true" }), make("span", "gw-bar-count"), make("span", "gw-bar-words"));
    return each;
  }

  function choose(concept: string): void {
    chosen = concept;
    draw();
    changed(concept);
  }

  return {
    node,
    show(bars) {
      all = bars;
      if (!bars.some((bar) => bar.concept === chosen)) chosen = "";
      draw();
    },
    pressed: () => chosen,
    clear() {
      chosen = "";
      draw();
    },
  };
}
