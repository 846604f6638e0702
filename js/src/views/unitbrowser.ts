// UnitBrowser: the units of a layer as rows of pictures, beside a picture on which they can be seen at work and changed.

import "./lab.css";
import "./unitbrowser.css";
import { isHosts, LIST_SHORTCUTS, PROBE_SHORTCUTS, UNIT_SHORTCUTS } from "../keys";
import { RANGES, type Change, type UnitRow } from "../messages";
import { allow, button, card, listen, make, press } from "../parts/dom";
import { progress, title } from "../parts/notices";
import { unitSets } from "../parts/sets";
import { sheetDesk } from "../parts/sheet";
import { listed, unitList, type Order } from "../parts/units";
import { draws, open, pictureNumber, reachable, type Acts, type Studio } from "../studio";
import { heatMap } from "./heat";
import { prober } from "./probe";
import { shell, type Props } from "./shell";

const CHANGES: readonly (readonly [Change, string, string])[] = [
  ["ablate", "off", "Ticked units are switched off"],
  ["boost", "boost", "Ticked units are multiplied"],
  ["set", "high", "Ticked units are set to their high level"],
];
const ORDERS: readonly (readonly [Order, string])[] = [["iou", "highest IoU"], ["gap", "furthest above its null"], ["concept", "by concept"], ["unit", "by number"]];

const HELP = {
  words: "Click a row to see where its unit acts on the picture, and a point of the picture to see which units act there. Everything can be done by keys as well:",
  tables: { "Anywhere in the lab": UNIT_SHORTCUTS, "In the list of units": LIST_SHORTCUTS, "On the picture": PROBE_SHORTCUTS },
};

export function render(props: Props): () => void {
  const { root, studio, acts, picture, notices, begin } = shell(props, "gw-units", "UnitBrowser", (post, data) => void (post.kind === "table" && tabled(data)));
  let rows: UnitRow[] = [];
  const heat = unitHeat(studio);
  const pages = turner(studio, acts);
  const sheet = sheetDesk(studio.signal, studio.say, HELP);
  const help = button({ act: "help", label: "Keys and help", icon: "help", key: "?" }, sheet.help, studio.signal);
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
    make("div", "gw-bar", {}, title(studio), make("div", "gw-files", {}, layerTabs(studio, acts), help)),
    make(
      "div",
      "gw-layout",
      {},
      make("div", "gw-centre", {}, tools(studio, acts, heat), make("div", "gw-stage", {}, picture.canvas, picture.glass, heat.canvas, probe.mark, progress(studio, acts)), pages.node, probe.node, ...notices, unitSets(studio, acts)),
      card("gw-unit-card", "Units", filter.node, list.node, hint(studio)),
    ),
    sheet.node,
  );
  keyboard(root, studio, acts, { "?": sheet.help, Escape: sheet.close, h: heat.toggle, ",": () => pages.step(-1), ".": () => pages.step(1) });
  return begin();
}

const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;

function hint(studio: Studio): HTMLElement {
  const node = make("p", "gw-hint");
  const draw = () => {
    if (studio.kernel.line === "gone") node.textContent = "With no kernel there is no list. Run the cell again; lab.to_html() saves a page that needs none.";
    else if (studio.store.get("read_only")) node.textContent = "Click a row to see where the unit acts. Keys in the list: arrows.";
    else node.textContent = "Click a row to see where the unit acts, its box to change it. Keys in the list: arrows, Space.";
  };
  studio.store.watch(["read_only"], draw);
  studio.news.on("line", draw);
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
    return asked === null || !store.get("heat") || !draws(studio) ? null : () => kernel.ask("unit", { unit: asked });
  });
  store.watch(["heat"], refresh);
  return {
    canvas,
    of(row) {
      unit = row?.unit ?? null;
      // with no generator the answer is a picture of the unit, and asking anew at each picture would never end
      if (!draws(studio)) return void (row && reachable(studio) && kernel.ask("unit", { unit: row.unit }));
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
  const turn = (text: string) => {
    const seed = pictureNumber(text);
    if (seed === null) number.value = String(store.get("seed"));
    else if (draws(studio)) acts.show(seed);
  };
  const step = (by: 1 | -1) => turn(String(store.get("seed") + by));
  const number = make("input", "gw-seed", { type: "text", inputmode: "numeric", "aria-label": "Picture number", autocomplete: "off" });
  listen(number, "change", () => turn(number.value), signal);
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

/** Keys, wherever the focus is in the lab but where one types; beside undo those of `runs`. */
function keyboard(root: HTMLElement, studio: Studio, acts: Acts, runs: Readonly<Record<string, () => unknown>>): void {
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
