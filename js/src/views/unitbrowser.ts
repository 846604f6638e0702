// UnitBrowser: the units of a layer as rows of pictures, beside a picture on which they can be seen at work and changed.

import "./lab.css";
import "./unitbrowser.css";
import { isHosts, LIST_SHORTCUTS, PROBE_SHORTCUTS, UNIT_SHORTCUTS } from "../keys";
import { RANGES, type Change, type UnitRow, type UnitTable } from "../messages";
import { barsOf, conceptBars } from "../parts/bars";
import { allow, button, card, listen, make, press } from "../parts/dom";
import { filterBar, listed, noteOf } from "../parts/filter";
import { progress, title } from "../parts/notices";
import { unitSets } from "../parts/sets";
import { sheetDesk } from "../parts/sheet";
import { tallies } from "../parts/tallies";
import { unitList, type UnitList } from "../parts/units";
import { draws, open, pictureNumber, reachable, type Acts, type Studio } from "../studio";
import { heatMap } from "./heat";
import { prober } from "./probe";
import { shell, type Props } from "./shell";
import { unitPanel } from "./unitpanel";

const CHANGES: readonly (readonly [Change, string, string])[] = [
  ["ablate", "off", "Ticked units are switched off"],
  ["boost", "boost", "Boost: ticked units are multiplied"],
  ["set", "high", "Ticked units are set to their high level"],
];
const NOTHING: UnitTable = { name: "", rows: [], shares: [], rankings: [], tallies: [] };

const HELP = {
  words: "Click a row to see where its unit acts on the picture, and a point of the picture to see which units act there. Everything can be done by keys as well:",
  tables: { "Anywhere in the lab": UNIT_SHORTCUTS, "In the list of units": LIST_SHORTCUTS, "On the picture": PROBE_SHORTCUTS },
};

export function render(props: Props): () => void {
  const { root, studio, acts, picture, notices, begin } = shell(props, "gw-units", "UnitBrowser", (post, data) => void (post.kind === "table" && tabled(data, post.beside)));
  let [here, there]: [UnitTable, UnitTable | null] = [NOTHING, null];
  const heat = unitHeat(studio);
  const pages = turner(studio, acts);
  const sheet = sheetDesk(studio.signal, studio.say, HELP);
  const help = button({ act: "help", label: "Keys and help", icon: "help", key: "?" }, sheet.help, studio.signal);
  const list = unitList(studio, acts, { label: "Units", beside: false }, (row) => {
    other.leave();
    heat.of(row);
    panel.of(row && { row, table: here, beside: false });
  });
  const panel = unitPanel(studio, acts, (unit, pictures) => list.relit(unit, pictures));
  const other = unitList(studio, acts, { label: "Units beside", beside: true }, (row) => {
    list.leave();
    heat.of(null); // the picture is not of that table
    panel.of(row && there && { row, table: there, beside: true });
  });
  const everything = () => (bars.clear(), filter.clear());
  const [first, second] = [listBox(list, everything, studio.signal), listBox(other, everything, studio.signal)];
  const filter = filterBar(studio.signal, () => {
    filtered();
    studio.say(`${counted(shown(here).length, "unit")} listed.`);
  }, besideMenu(studio, acts));
  const bars = conceptBars(studio.signal, (concept) => {
    filtered();
    studio.say(concept ? `${counted(shown(here).length, "unit")} of ${concept}.` : "Every unit is listed.");
  });
  const nulls = tallies();
  const lists = make("div", "gw-lists", {}, first.node, second.node);
  const probe = prober(studio, picture, () => here.rows, (unit) => {
    if (!shown(here).some((row) => row.unit === unit)) everything();
    list.choose(unit);
  });

  function shown(table: UnitTable): UnitRow[] {
    const { ranking, ...now } = filter.now();
    return listed(table.rows, { ...now, concept: bars.pressed(), ranking: table === here ? ranking ?? null : null });
  }

  function filtered(): void {
    const now = filter.now();
    first.show(shown(here), here, (row) => noteOf(row, now));
    if (there) second.show(shown(there), there, (row) => noteOf(row, { ...now, ranking: null }));
  }

  function tabled(data: DataView, beside: boolean): void {
    const table = JSON.parse(new TextDecoder().decode(data)) as UnitTable;
    panel.forget(beside ? there : here);
    if (beside) there = table;
    else here = table;
    (beside ? other : list).forget();
    if (!beside) {
      heat.of(null);
      filter.offer(table.rows, table.rankings);
    }
    arranged();
  }

  /** One table or two, with their bars and tallies. */
  function arranged(): void {
    if (!studio.store.get("beside")) {
      panel.forget(there);
      there = null;
    }
    second.node.hidden = first.name.hidden = there === null;
    lists.classList.toggle("gw-side-by-side", there !== null);
    [first.name.textContent, second.name.textContent] = [here.name, there?.name ?? ""];
    bars.show(barsOf(here.rows, there?.rows ?? null));
    nulls.show([...here.tallies, ...(there?.tallies ?? []).slice(0, 1).map((each) => ({ ...each, name: `beside: ${there?.name}` }))]);
    filtered();
  }
  studio.store.watch(["beside"], arranged);

  root.append(
    make("div", "gw-bar", {}, title(studio), make("div", "gw-files", {}, layerTabs(studio, acts), help)),
    make(
      "div",
      "gw-layout",
      {},
      make("div", "gw-centre", {}, tools(studio, acts, heat), make("div", "gw-stage", {}, picture.canvas, picture.glass, heat.canvas, probe.mark, progress(studio, acts)), pages.node, probe.node, ...notices),
      card("gw-unit-card", "Units", bars.node, nulls.node, filter.node, lists, hint(studio)),
      panel.node,
      unitSets(studio, acts),
    ),
    sheet.node,
  );
  keyboard(root, studio, acts, { "?": sheet.help, Escape: sheet.close, h: heat.toggle, t: panel.focus, ",": () => pages.step(-1), ".": () => pages.step(1) });
  return begin();
}

const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;

/** A list under its name; where a filter leaves nothing of its table, it says so and leads back. */
function listBox(list: UnitList, everything: () => void, signal: AbortSignal) {
  const name = make("p", "gw-list-name");
  const none = make("div", "gw-none", {}, make("p", "gw-none-words", {}, "No unit fits."), button({ act: "everything", label: "List every unit", text: "List every unit" }, everything, signal));
  return {
    name,
    node: make("div", "gw-list-box", {}, name, make("div", "gw-list-frame", {}, list.node, none)),
    show(rows: readonly UnitRow[], { rows: all }: UnitTable, note: (row: UnitRow) => string): void {
      none.hidden = rows.length > 0 || all.length === 0;
      list.show(rows, note);
    },
  };
}

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
  store.watch(["heat", "thresholds"], refresh);
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
  const [count, times] = [make("span", "gw-count"), make("output", "gw-times")];
  const boost = make("span", "gw-boost", {}, amount, times);
  const group = (label: string, ...nodes: Node[]) => make("div", "gw-group", { role: "group", "aria-label": label }, ...nodes);
  const past = group("History", undo, redo, reset);
  const view = group("View", flame);
  const ways = group("Ticked units are", ...changes.map(([, each]) => each));
  const node = make("div", "gw-tools", { role: "toolbar", "aria-label": "Tools" }, past, view, count, ways, boost);
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
    boost.hidden = ways.hidden || store.get("change") !== "boost";
    amount.value = String(store.get("amount"));
    times.textContent = `× ${store.get("amount").toFixed(1)}`;
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

/** What is put beside: another layer, another dissection. */
function besideMenu(studio: Studio, acts: Acts): HTMLElement {
  const { store, signal } = studio;
  const node = make("select", "gw-select gw-beside", { "aria-label": "Put beside" });
  const draw = () => {
    const others = store.get("others").filter((name) => name !== store.get("layer") || name === store.get("beside"));
    node.hidden = others.length === 0;
    node.replaceChildren(...["", ...others].map((value) => make("option", "", { value }, value ? `beside ${value}` : "nothing beside")));
    node.value = store.get("beside");
  };
  listen(node, "change", () => void acts.ask("beside", { name: node.value }), signal);
  store.watch(["others", "beside", "layer"], draw);
  return node;
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
