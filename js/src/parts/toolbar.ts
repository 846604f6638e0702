// The tools over the picture, and the files beside the title.

import { open, type Acts, type Studio } from "../studio";
import { allow, button, listen, make, press, roving } from "./dom";

export interface Sheets {
  help(): void;
  script(text: string): void;
}

/** Brush and eraser, undo, what is shown, and for which pictures. `original` is told while its button is held. */
export function toolbar(studio: Studio, acts: Acts, original: (held: boolean) => void, split: { readonly on: boolean; toggle(): void }): HTMLElement {
  const { store, signal } = studio;
  const brush = button({ act: "brush", label: "Brush", icon: "brush", key: "b" }, () => acts.use("insert"), signal);
  const eraser = button({ act: "eraser", label: "Eraser", icon: "eraser", key: "e" }, () => acts.use("ablate"), signal);
  const select = button({ act: "select", label: "Select objects", icon: "select", key: "v" }, () => acts.use("select"), signal);
  const undo = button({ act: "undo", label: "Undo", icon: "undo", key: "z" }, acts.undo, signal);
  const redo = button({ act: "redo", label: "Redo", icon: "redo", key: "Shift+z" }, acts.redo, signal);
  const reset = button({ act: "reset", label: "Take every edit away", icon: "reset" }, acts.reset, signal);
  const before = button({ act: "original", label: "Hold to see the picture before all edits", icon: "original", key: "hold o" }, null, signal);
  const sides = button({ act: "split", label: "Before and after, side by side", icon: "split", key: "s" }, split.toggle, signal);
  const heat = button({ act: "heat", label: "Heat map: where the units act", icon: "heat", key: "h" }, acts.heat, signal);
  const everywhere = make(
    "button",
    "gw-button gw-switch",
    { type: "button", role: "switch", "data-act": "everywhere", "data-lm-suppress-shortcuts": "true", "aria-label": "Edits go to every picture", title: "Do edits go to this picture only, or to every picture? (a)" },
    make("span", "gw-switch-one", { "aria-hidden": "true" }, "this picture"),
    make("span", "gw-switch-all", { "aria-hidden": "true" }, "every picture"),
  );
  listen(everywhere, "click", acts.everywhere, signal);
  holdable(before, original, signal);

  const group = (label: string, ...nodes: Node[]) => make("div", "gw-group", { role: "group", "aria-label": label }, ...nodes);
  const bar = make(
    "div",
    "gw-tools",
    { role: "toolbar", "aria-label": "Tools" },
    group("Tool", brush, eraser, select),
    group("History", undo, redo, reset),
    group("View", before, sides, heat),
    group("Pictures", everywhere),
  );
  const settle = roving(bar, "button", signal);
  settle();

  store.watch(["tool", "heat", "everywhere"], () => {
    press(brush, store.get("tool") === "insert");
    press(eraser, store.get("tool") === "ablate");
    press(select, store.get("tool") === "select");
    press(heat, store.get("heat"));
    everywhere.setAttribute("aria-checked", String(store.get("everywhere")));
  });
  const enable = () => {
    const on = open(studio);
    for (const node of [brush, eraser, select, heat, everywhere]) allow(node, on);
    allow(undo, on && store.get("can_undo"));
    allow(redo, on && store.get("can_redo"));
    allow(reset, on && store.get("history").length > 0);
  };
  store.watch(["can_undo", "can_redo", "history", "read_only"], enable);
  studio.news.on("line", enable);
  const pressed = () => press(sides, split.on);
  studio.news.on("split", pressed);
  pressed();
  return bar;
}

/** Save, load, picture, hand in, Python, help. */
export function files(studio: Studio, acts: Acts, sheets: Sheets): HTMLElement {
  const { store, signal } = studio;
  const input = make("input", "gw-file", { type: "file", accept: ".gwe", tabindex: -1, "aria-label": "A file of edits" });
  input.hidden = true;
  const save = button({ act: "save", label: "Save the edits as a file", icon: "save" }, () => void acts.save(), signal);
  const load = button({ act: "load", label: "Load edits from a file", icon: "load" }, () => input.click(), signal);
  const png = button({ act: "png", label: "Download the picture", icon: "png" }, acts.png, signal);
  const handin = button({ act: "handin", label: "Hand in: the edits and the picture", icon: "handin" }, () => void acts.handin(), signal);
  const script = button({ act: "script", label: "Copy the edits as Python", icon: "script" }, () => void acts.script().then((text) => text !== null && sheets.script(text)), signal);
  const help = button({ act: "help", label: "Keys and help", icon: "help", key: "?" }, sheets.help, signal);
  listen(
    input,
    "change",
    () => {
      const file = input.files?.[0];
      input.value = "";
      if (file) void acts.load(file);
    },
    signal,
  );
  const bar = make("div", "gw-files", { role: "toolbar", "aria-label": "Files and help" }, save, load, png, handin, script, help, input);
  roving(bar, "button", signal)();
  const enable = () => {
    for (const node of [save, load, handin, script]) allow(node, open(studio));
  };
  store.watch(["read_only"], enable);
  studio.news.on("line", enable);
  return bar;
}

/** Tell `held` while the button is held: by pointer, Space or Enter. */
function holdable(node: HTMLButtonElement, held: (on: boolean) => void, signal: AbortSignal): void {
  press(node, false);
  let down = false;
  const set = (on: boolean) => {
    if (on === down) return;
    down = on;
    press(node, on);
    held(on);
  };
  listen(
    node,
    "pointerdown",
    (event) => {
      if (event.button !== 0) return;
      node.setPointerCapture?.(event.pointerId);
      set(true);
    },
    signal,
  );
  for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"] as const) listen(node, end, () => set(false), signal);
  const holds = (event: KeyboardEvent) => (event.key === " " || event.key === "Enter") && !event.shiftKey && !event.ctrlKey && !event.metaKey;
  listen(
    node,
    "keydown",
    (event) => {
      if (!holds(event)) return;
      event.preventDefault();
      set(true);
    },
    signal,
  );
  listen(node, "keyup", (event) => holds(event) && set(false), signal);
}
