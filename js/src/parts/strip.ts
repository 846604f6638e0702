// The strip of pictures: choose one by hand, by arrows or by its number, or have others drawn.

import { open, pictureNumber, type Acts, type Studio } from "../studio";
import { allow, allowed, button, keyed, listen, make, roving } from "./dom";
import { drawTile, tile } from "./pictures";

export function strip(studio: Studio, acts: Acts): HTMLElement {
  const { store, signal } = studio;
  const pictures = make("div", "gw-strip-pictures", { role: "group", "aria-label": "Pictures" });
  const settle = roving(pictures, "[data-seed]", signal, (node) => choose(node));
  const before = button({ act: "previous", label: "Picture before", icon: "previous", key: ",", className: "gw-bare" }, () => acts.step(-1), signal);
  const after = button({ act: "next", label: "Picture after", icon: "next", key: ".", className: "gw-bare" }, () => acts.step(1), signal);
  const shuffle = button({ act: "shuffle", label: "Shuffle: other pictures", icon: "shuffle" }, acts.shuffle, signal);
  const number = make("input", "gw-number", {
    type: "text",
    inputmode: "numeric",
    autocomplete: "off",
    "aria-label": "Picture number",
    title: "Type a picture number and press Enter",
    "data-lm-suppress-shortcuts": "true",
  });

  function choose(node: HTMLElement): void {
    if (allowed(node)) acts.show(Number(node.dataset["seed"]));
  }

  function typed(): void {
    const text = number.value.trim();
    const seed = pictureNumber(text);
    if (text === String(store.get("seed"))) return;
    if (seed === null) {
      studio.fail({ message: `“${text.slice(0, 40)}” is no picture number; it must be a whole number from 0 to ${2 ** 32 - 1}.`, details: "" });
      number.value = String(store.get("seed"));
      return;
    }
    if (open(studio)) acts.type(seed);
  }

  listen(pictures, "click", (event) => {
    const node = (event.target as Element).closest<HTMLElement>("[data-seed]");
    if (node) choose(node);
  }, signal);
  listen(number, "change", typed, signal);
  listen(number, "keydown", (event) => {
    if (event.key === "Escape") number.value = String(store.get("seed"));
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault();
    acts.step(event.key === "ArrowUp" ? 1 : -1);
  }, signal);

  const draw = () => {
    keyed(pictures, store.get("strip"), String, newPicture, (node, seed) => {
      node.dataset["seed"] = String(seed);
      node.setAttribute("aria-label", `Picture ${seed}`);
      node.title = `Picture ${seed}`;
      node.setAttribute("aria-current", String(seed === store.get("seed")));
      allow(node, open(studio));
      const canvas = node.querySelector("canvas") as HTMLCanvasElement;
      drawTile(canvas, studio.sheets.thumbs, seed);
    });
    if (document.activeElement !== number || number.value === "") number.value = String(store.get("seed"));
    settle();
    reveal(pictures);
  };
  const enable = () => {
    for (const node of [before, after, shuffle]) allow(node, open(studio));
    number.readOnly = !open(studio);
    draw();
  };
  store.watch(["strip", "seed", "read_only"], enable);
  store.watch(["seed"], () => {
    number.value = String(store.get("seed"));
  });
  studio.news.on("sheets", draw);
  studio.news.on("line", enable);
  return make("section", "gw-strip", { "aria-label": "Choose a picture" }, before, pictures, after, make("span", "gw-strip-end", {}, number, shuffle));
}

function newPicture(): HTMLElement {
  return make("button", "gw-thumb", { type: "button", "data-lm-suppress-shortcuts": "true" }, tile("gw-thumb-tile"));
}

/** Scroll the row, and nothing else, until the present picture is in it. */
function reveal(row: HTMLElement): void {
  const node = row.querySelector<HTMLElement>('[aria-current="true"]');
  if (!node) return;
  const [frame, part] = [row.getBoundingClientRect(), node.getBoundingClientRect()];
  if (part.left < frame.left) row.scrollLeft -= frame.left - part.left + 8;
  else if (part.right > frame.right) row.scrollLeft += part.right - frame.right + 8;
}
