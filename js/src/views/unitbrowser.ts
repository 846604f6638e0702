// UnitBrowser: the units of a layer as rows of pictures, beside a picture on which they can be seen at work and changed.

import "./lab.css";
import "./unitbrowser.css";
import { fractionAt, inside } from "../canvas/geometry";
import { isHosts } from "../keys";
import { RANGES, type Change, type UnitRow } from "../messages";
import { allow, button, card, listen, make, press } from "../parts/dom";
import { progress, title } from "../parts/notices";
import { unitSets } from "../parts/sets";
import { listed, unitList, type Order } from "../parts/units";
import { open, reachable, type Acts, type Studio } from "../studio";
import { heatMap } from "./heat";
import type { Screen } from "./screen";
import { shell, type Props } from "./shell";

const CHANGES: readonly (readonly [Change, string, string])[] = [
  ["ablate", "off", "Ticked units are switched off"],
  ["boost", "boost", "Ticked units are multiplied"],
  ["set", "high", "Ticked units are set to their high level"],
];
const ORDERS: readonly (readonly [Order, string])[] = [["iou", "highest IoU"], ["gap", "furthest above its null"], ["concept", "by concept"], ["unit", "by number"]];

export function render(props: Props): () => void {
  const { root, studio, acts, picture, notices, begin } = shell(props, "gw-units", "UnitBrowser", (post, data) => void (post.kind === "table" && tabled(data)));
  let rows: UnitRow[] = [];
  const heat = unitHeat(studio);
  const pages = turner(studio, acts);
  const list = unitList(studio, acts, heat.of);
  const filter = filterBar(studio.signal, () => list.show(listed(rows, filter.now())));
  const probe = prober(studio, picture, () => rows, (unit) => {
    if (!listed(rows, filter.now()).some((row) => row.unit === unit)) filter.clear();
    list.choose(unit);
  });

  function tabled(data: DataView): void {
    rows = JSON.parse(new TextDecoder().decode(data)) as UnitRow[];
    list.forget();
    heat.of(null);
    filter.kinds([...new Set(rows.map((row) => row.kind).filter(Boolean))].sort());
    list.show(listed(rows, filter.now()));
  }

  root.append(
    make("div", "gw-bar", {}, title(studio), layerTabs(studio, acts)),
    make(
      "div",
      "gw-layout",
      {},
      make("div", "gw-centre", {}, tools(studio, acts, heat), make("div", "gw-stage", {}, picture.canvas, picture.glass, heat.canvas, probe.mark, progress(studio, acts)), pages.node, probe.node, ...notices, unitSets(studio, acts)),
      card("gw-unit-card", "Units", filter.node, list.node, hint(studio)),
    ),
  );
  keyboard(root, studio, acts, { h: heat.toggle, ",": () => pages.step(-1), ".": () => pages.step(1) });
  return begin();
}

/** Whether there is a generator to draw with, and not only what a file keeps. */
const draws = ({ store }: Pick<Studio, "store">): boolean => store.get("image_size") > 0;

const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;

function hint({ store }: Studio): HTMLElement {
  const node = make("p", "gw-hint");
  store.watch(["read_only"], () => {
    node.textContent = store.get("read_only") ? "Click a row to see where the unit acts. Keys in the list: arrows." : "Click a row to see where the unit acts, its box to change it. Keys in the list: arrows, Space.";
  });
  return node;
}

interface UnitHeat {
  readonly canvas: HTMLCanvasElement;
  of(row: UnitRow | null): void;
  toggle(): void;
}

/** Where the chosen unit acts, over the picture. */
function unitHeat(studio: Studio): UnitHeat {
  const { store, kernel } = studio;
  let unit: number | null = null;
  const { canvas, refresh } = heatMap(studio, () => {
    const asked = unit;
    return asked === null || !store.get("heat") ? null : () => kernel.ask("unit", { unit: asked });
  });
  store.watch(["heat"], refresh);
  return {
    canvas,
    of(row) {
      unit = row?.unit ?? null;
      if (row && !store.get("heat")) store.set({ heat: true });
      refresh();
    },
    toggle: () => store.set({ heat: !store.get("heat") }),
  };
}

/** Undo and what is done with ticked units. */
function tools(studio: Studio, acts: Acts, heat: UnitHeat): HTMLElement {
  const { store, signal } = studio;
  const undo = button({ act: "undo", label: "Undo", icon: "undo", key: "z" }, acts.undo, signal);
  const redo = button({ act: "redo", label: "Redo", icon: "redo", key: "Shift+z" }, acts.redo, signal);
  const reset = button({ act: "reset", label: "Leave all units as they are", icon: "reset" }, () => void (store.get("ticked").length + store.get("under") > 0 && acts.ask("reset", {})), signal);
  const flame = button({ act: "heat", label: "Heat map: where the chosen unit acts", icon: "heat", key: "h" }, heat.toggle, signal);
  const changes = CHANGES.map(([change, text, label]) => [change, button({ act: `change-${change}`, label, text }, () => store.set({ change }), signal)] as const);
  const [low, high] = RANGES.amount;
  const amount = make("input", "gw-amount", { type: "range", min: low, max: high, step: 0.1, "aria-label": "Boost, times" });
  listen(amount, "input", () => store.set({ amount: Number(amount.value) }), signal);
  const count = make("span", "gw-count");
  const group = (label: string, ...nodes: Node[]) => make("div", "gw-group", { role: "group", "aria-label": label }, ...nodes);
  const past = group("History", undo, redo, reset);
  const view = group("View", flame);
  const ways = group("Ticked units are", ...changes.map(([, each]) => each));
  const node = make("div", "gw-tools", { role: "toolbar", "aria-label": "Tools" }, past, view, ways, amount, count);
  const draw = () => {
    const on = open(studio);
    const ticked = store.get("ticked").length;
    const under = store.get("under");
    allow(undo, on && store.get("can_undo"));
    allow(redo, on && store.get("can_redo"));
    allow(reset, on && ticked + under > 0);
    view.hidden = !draws(studio);
    past.hidden = count.hidden = store.get("read_only");
    ways.hidden = store.get("read_only") || !draws(studio);
    for (const [change, each] of changes) {
      allow(each, on);
      press(each, store.get("change") === change);
    }
    press(flame, store.get("heat"));
    amount.hidden = store.get("change") !== "boost" || !draws(studio);
    amount.value = String(store.get("amount"));
    amount.disabled = !on;
    count.textContent = `${counted(ticked, "unit")} ticked${under > 0 ? `, under them ${counted(under, "edit")}` : ""}`;
  };
  store.watch(["can_undo", "can_redo", "ticked", "under", "change", "amount", "heat", "image_size", "read_only"], draw);
  studio.news.on("line", draw);
  return node;
}

/** The picture's number, one before and one after; `step` is what the keys do. */
function turner(studio: Studio, acts: Acts): { node: HTMLElement; step(by: 1 | -1): void } {
  const { store, signal } = studio;
  const turn = (seed: number) => void (draws(studio) && seed >= 0 && seed < 2 ** 32 && acts.show(seed));
  const step = (by: 1 | -1) => turn(store.get("seed") + by);
  const number = make("input", "gw-seed", { type: "text", inputmode: "numeric", "aria-label": "Picture number", autocomplete: "off" });
  listen(number, "change", () => (/^\d{1,10}$/.test(number.value.trim()) ? turn(Number(number.value)) : (number.value = String(store.get("seed")))), signal);
  store.watch(["seed"], () => {
    number.value = String(store.get("seed"));
  });
  const before = button({ act: "previous", label: "Picture before", icon: "previous", key: "," }, () => step(-1), signal);
  const after = button({ act: "next", label: "Picture after", icon: "next", key: "." }, () => step(1), signal);
  const node = make("div", "gw-turner", {}, before, number, after);
  store.watch(["image_size"], () => {
    node.hidden = !draws(studio);
  });
  return { node, step };
}

function layerTabs(studio: Studio, acts: Acts): HTMLElement {
  const { store, signal } = studio;
  const node = make("div", "gw-group gw-layers", { role: "group", "aria-label": "Layer" });
  store.watch(["layers", "layer"], () => {
    const layers = store.get("layers");
    node.hidden = layers.length < 2;
    node.replaceChildren(...layers.map((layer) => {
      const each = button({ act: `layer-${layer}`, label: `Units of ${layer}`, text: layer }, () => void (layer !== store.get("layer") && acts.ask("list", { layer })), signal);
      press(each, layer === store.get("layer"));
      return each;
    }));
  });
  return node;
}

/** Words, kind and order. */
function filterBar(signal: AbortSignal, changed: () => void) {
  const words = make("input", "gw-search", { type: "search", placeholder: "concept or number", "aria-label": "Find units", autocomplete: "off" });
  const kind = make("select", "gw-select", { "aria-label": "Kind of concept" });
  const order = make("select", "gw-select", { "aria-label": "Order" }, ...ORDERS.map(([value, text]) => make("option", "", { value }, text)));
  listen(words, "input", changed, signal);
  listen(kind, "change", changed, signal);
  listen(order, "change", changed, signal);
  return {
    node: make("div", "gw-filter", {}, words, kind, order),
    now: () => ({ words: words.value, kind: kind.value, order: (order.value || "iou") as Order }),
    kinds(kinds: readonly string[]) {
      const held = kind.value;
      kind.replaceChildren(...["", ...kinds].map((value) => make("option", "", { value }, value || "every kind")));
      kind.value = kinds.includes(held) ? held : "";
    },
    clear() {
      words.value = kind.value = "";
      changed();
    },
  };
}

/** A point of the picture, and the units that act there. */
function prober(studio: Studio, picture: Screen, rows: () => readonly UnitRow[], choose: (unit: number) => void) {
  const { signal, store } = studio;
  const mark = make("span", "gw-probe-mark", { "aria-hidden": "true" });
  const units = make("div", "gw-probe-units");
  const node = make("div", "gw-probe", {}, make("span", "gw-probe-words", {}, "Acting at the point:"), units);
  const clear = () => {
    mark.hidden = node.hidden = true;
  };
  listen(picture.canvas, "click", (event) => {
    const at = fractionAt(event, picture.canvas.getBoundingClientRect());
    if (!inside(at) || !reachable(studio) || !draws(studio)) return;
    void studio.kernel.ask("probe", { x: at.x, y: at.y }).then((reply) => {
      if (reply.status !== "done") return;
      const known = new Map(rows().map((row) => [row.unit, row]));
      units.replaceChildren(...(reply.units ?? []).map((unit, i) => {
        const each = button({ act: `probe-${unit}`, label: `Unit ${unit}, ${known.get(unit)?.concept || "no concept"}`, text: `${unit} ${known.get(unit)?.concept ?? ""}` }, () => choose(unit), signal);
        each.style.setProperty("--gw-dot", known.get(unit)?.color ?? "#888");
        each.title = `${(reply.values?.[i] ?? 0).toFixed(2)} of its threshold`;
        return each;
      }));
      mark.style.left = `${100 * at.x}%`;
      mark.style.top = `${100 * at.y}%`;
      mark.hidden = node.hidden = false;
      studio.say(`${reply.units?.length ?? 0} units act there.`);
    });
  }, signal);
  store.watch(["seed", "layer"], clear);
  return { mark, node };
}

/** Keys, wherever the focus is in the lab but where one types; beside undo those of `runs`. */
function keyboard(root: HTMLElement, studio: Studio, acts: Acts, runs: Readonly<Record<string, () => void>>): void {
  listen(root, "keydown", (event) => {
    if (isHosts(event)) return;
    const typing = event.target instanceof HTMLInputElement && event.target.type !== "range" || event.target instanceof HTMLSelectElement;
    event.stopPropagation();
    if (event.defaultPrevented || event.altKey || typing) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const run = key === "z" ? (event.shiftKey ? acts.redo : acts.undo) : runs[key];
    if (!run || ((event.ctrlKey || event.metaKey) && key !== "z")) return;
    event.preventDefault();
    if (reachable(studio)) run();
  }, studio.signal);
}

export default { render };
