// Which units are listed, and in which order: words, kind, order, and the bar that is pressed.

import type { Ranking, UnitRow } from "../messages";
import { listen, make } from "./dom";

export interface Filter {
  readonly words: string;
  readonly kind: string;
  readonly order: string;
  /** the concept of a pressed bar; empty: none */
  readonly concept?: string;
  /** what the order goes by, if it is one of causes */
  readonly ranking?: Ranking | null;
}

const ORDERS: readonly (readonly [string, string])[] = [["iou", "highest IoU"], ["gap", "furthest above its null"], ["iqr", "highest IQR"], ["concept", "by concept"], ["unit", "by number"]];

/** What position, or an untrained net, reaches for a row's concept. */
export const nullOf = (row: UnitRow): number => Math.max(row.other, row.untrained ?? 0);

/** The rows that a filter lets through, in its order; those that never light up come last, but by number. */
export function listed(rows: readonly UnitRow[], { words, kind, order, concept = "", ranking = null }: Filter): UnitRow[] {
  const wanted = words.trim().toLowerCase();
  const fits = (row: UnitRow) => (kind === "" || row.kind === kind) && (concept === "" || (row.concept === concept && row.above)) && (wanted === "" || row.concept.includes(wanted) || String(row.unit) === wanted);
  const places = new Map((ranking?.units ?? []).map((unit, place) => [unit, place]));
  const place = (row: UnitRow) => places.get(row.unit) ?? rows.length;
  const by: Readonly<Record<string, (a: UnitRow, b: UnitRow) => number>> = {
    iou: (a, b) => b.iou - a.iou,
    gap: (a, b) => b.iou - nullOf(b) - (a.iou - nullOf(a)),
    iqr: (a, b) => (b.iqr ?? 0) - (a.iqr ?? 0),
    concept: (a, b) => a.concept.localeCompare(b.concept) || b.iou - a.iou,
    unit: () => 0,
  };
  const ordered = ranking ? (a: UnitRow, b: UnitRow) => place(a) - place(b) || b.iou - a.iou : by[order] ?? (by["iou"] as (a: UnitRow, b: UnitRow) => number);
  const alive = (a: UnitRow, b: UnitRow) => (order === "unit" && !ranking ? 0 : Number(b.live) - Number(a.live));
  return rows.filter(fits).sort((a, b) => alive(a, b) || ordered(a, b) || a.unit - b.unit);
}

/** What stands in a row about its numbers, by the order in which it is listed. */
export function noteOf(row: UnitRow, { order, ranking = null }: Pick<Filter, "order" | "ranking">): string {
  if (!row.concept && !ranking) return "";
  const place = ranking ? ranking.units.indexOf(row.unit) : -1;
  if (place >= 0) return `no. ${place + 1}${ranking?.values ? ` · ACE ${(ranking.values[place] ?? 0).toFixed(2)}` : ""} · IoU ${row.iou.toFixed(2)}`;
  if (order === "iqr" && row.iqr !== null) return `IQR ${row.iqr.toFixed(2)} · IoU ${row.iou.toFixed(2)}`;
  const below = row.iou <= nullOf(row) ? `below null ${nullOf(row).toFixed(2)}` : `too low (null ${nullOf(row).toFixed(2)})`;
  return `IoU ${row.iou.toFixed(2)} · ${row.above ? `null ${nullOf(row).toFixed(2)}` : below}`;
}

export interface FilterBar {
  readonly node: HTMLElement;
  now(): Filter;
  /** What there is to choose from. */
  offer(rows: readonly UnitRow[], rankings: readonly Ranking[]): void;
  clear(): void;
}

export function filterBar(signal: AbortSignal, changed: () => void, ...more: Node[]): FilterBar {
  const words = make("input", "gw-search", { type: "search", placeholder: "concept or number", "aria-label": "Find units", autocomplete: "off" });
  const kind = make("select", "gw-select", { "aria-label": "Kind of concept" });
  const order = make("select", "gw-select", { "aria-label": "Order" });
  let rankings: readonly Ranking[] = [];
  listen(words, "input", changed, signal);
  listen(kind, "change", changed, signal);
  listen(order, "change", changed, signal);
  const options = (pairs: readonly (readonly [string, string])[]) => pairs.map(([value, text]) => make("option", "", { value }, text));
  const fill = (select: HTMLSelectElement, children: readonly Node[]) => {
    const held = select.value;
    select.replaceChildren(...children);
    select.value = [...select.options].some((each) => each.value === held) ? held : (select.options[0]?.value ?? "");
  };
  const bar: FilterBar = {
    node: make("div", "gw-filter", {}, words, kind, order, ...more),
    now: () => ({ words: words.value, kind: kind.value, order: order.value || "iou", ranking: rankings.find((each) => `cause ${each.name}` === order.value) ?? null }),
    offer(rows, causes) {
      rankings = causes;
      const kinds = [...new Set(rows.map((row) => row.kind).filter(Boolean))].sort();
      fill(kind, options(["", ...kinds].map((value) => [value, value || "every kind"] as const)));
      const known = ORDERS.filter(([value]) => value !== "iqr" || rows.some((row) => row.iqr !== null));
      const group = make("optgroup", "", { label: "By cause" }, ...options(causes.map(({ name }) => [`cause ${name}`, name] as const)));
      fill(order, causes.length > 0 ? [...options(known), group] : options(known));
    },
    clear() {
      words.value = kind.value = "";
      changed();
    },
  };
  bar.offer([], []);
  return bar;
}
