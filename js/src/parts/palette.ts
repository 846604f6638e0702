// The palette: a chip for each concept, with what it draws, its colour and its name. Chips are chosen, or dragged onto the picture.

import { cssColour } from "../canvas/colour";
import type { Chip } from "../messages";
import { open, type Acts, type Studio } from "../studio";
import { dragging, type Drag } from "./drag";
import { allow, allowed, card, keyed, listen, make, roving } from "./dom";
import { icon } from "./icons";
import { drawTile, tile } from "./pictures";

export function palette(studio: Studio, acts: Acts, drag: Drag): HTMLElement {
  const { store, signal } = studio;
  const chips = make("div", "gw-chips", { role: "radiogroup", "aria-label": "What to paint" });
  const hint = make("p", "gw-hint");
  const settle = roving(chips, ".gw-chip", signal, (node) => node.dataset["concept"] && acts.pick(node.dataset["concept"]));

  listen(
    chips,
    "click",
    (event) => {
      const node = (event.target as Element).closest<HTMLElement>(".gw-chip");
      if (node && allowed(node)) acts.pick(node.dataset["concept"] as string);
    },
    signal,
  );
  dragging(chips, ".gw-chip", signal, {
    ...drag,
    start: (node, at) => allowed(node) && drag.start(node, at),
  });

  const draw = () => {
    keyed(chips, store.get("concepts"), (chip) => chip.name, newChip, (node, chip) => fill(node, chip));
    for (const node of chips.children) {
      node.setAttribute("aria-checked", String((node as HTMLElement).dataset["concept"] === store.get("concept")));
      allow(node, open(studio));
    }
    hint.textContent = hintFor(store.get("concepts"), open(studio));
    settle();
  };
  const pictures = () => {
    for (const node of chips.querySelectorAll<HTMLElement>(".gw-chip")) {
      const canvas = node.querySelector("canvas");
      if (canvas) drawTile(canvas, studio.sheets.chips, node.dataset["concept"] as string);
    }
  };
  store.watch(["concepts", "concept", "read_only"], () => {
    draw();
    pictures();
  });
  studio.news.on("sheets", pictures);
  studio.news.on("line", draw);
  return card("gw-palette", "Palette", chips, hint);
}

function hintFor(chips: readonly Chip[], usable: boolean): string {
  if (chips.length === 0) return "No unit of this layer is known to draw anything.";
  const words = usable ? ["Choose one and paint, or drag it onto the picture."] : [];
  return [...words, ...(chips.some((chip) => chip.measured) ? ["Those with a ✓ were measured to work."] : [])].join(" ");
}

function newChip(): HTMLElement {
  return make(
    "button",
    "gw-chip",
    { type: "button", role: "radio", "data-lm-suppress-shortcuts": "true" },
    make("span", "gw-chip-picture", {}, tile("gw-chip-tile")),
    make("span", "gw-chip-name", {}, make("span", "gw-dot"), make("span", "gw-chip-word")),
  );
}

function fill(node: HTMLElement, chip: Chip): void {
  node.dataset["concept"] = chip.name;
  node.style.setProperty("--gw-concept", cssColour(chip.color));
  const word = node.querySelector(".gw-chip-word") as HTMLElement;
  word.textContent = chip.name;
  const facts = [`${chip.units} unit${chip.units === 1 ? "" : "s"}`, ...(chip.measured ? ["measured to work"] : []), ...(chip.note ? [chip.note] : [])];
  node.title = `${chip.name}: ${facts.join(", ")}`;
  node.setAttribute("aria-label", `${chip.name}, ${facts[0]}${chip.measured ? ", measured to work" : ""}`);
  const mark = node.querySelector(".gw-chip-mark");
  if (chip.measured && !mark) node.querySelector(".gw-chip-picture")?.append(make("span", "gw-chip-mark", { "aria-hidden": "true" }, icon("check")));
  if (!chip.measured) mark?.remove();
}
