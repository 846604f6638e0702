// The brush and the units that a stroke uses.

import { RANGES, type Level } from "../messages";
import { chosen, open, type Studio } from "../studio";
import { allow, button, card, listen, make, press } from "./dom";

const LEVELS: readonly Exclude<Level, "custom">[] = ["low", "medium", "high"];

export function brushSettings(studio: Studio): HTMLElement {
  return card("gw-brush", "Brush", slider(studio, "size", "Size", 0.01, percent), slider(studio, "soft", "Soft edge", 0.05, percent));
}

export function unitSettings(studio: Studio): HTMLElement {
  const { store, signal } = studio;
  const levels = LEVELS.map((level) => button({ act: `level-${level}`, label: `Use ${level === "low" ? "few" : level === "medium" ? "some" : "many"} units: ${level}`, text: level }, () => store.set({ level }), signal));
  const count = slider(studio, "count", "Units", 1, String);
  const enable = () => {
    levels.forEach((node, i) => {
      press(node, store.get("level") === LEVELS[i]);
      allow(node, open(studio));
    });
  };
  store.watch(["level", "read_only"], enable);
  studio.news.on("line", enable);
  return card(
    "gw-strength",
    "Strength",
    make("div", "gw-levels", { role: "group", "aria-label": "How many units" }, ...levels),
    count,
    slider(studio, "strength", "Blend", 0.05, percent),
  );
}

const percent = (value: number): string => `${Math.round(100 * value)} %`;

/** A slider for a number; the count's reaches as far as the chip in hand has use for. */
function slider(studio: Studio, name: "size" | "soft" | "count" | "strength", label: string, step: number, words: (value: number) => string): HTMLElement {
  const { store, signal } = studio;
  const [low, high] = RANGES[name];
  const input = make("input", "gw-range", { type: "range", min: low, max: high, step, "data-set": name, "data-lm-suppress-shortcuts": "true" });
  const value = make("span", "gw-value", { "aria-hidden": "true" });
  const draw = () => {
    const now = store.get(name);
    if (name === "count") input.max = String(Math.min(high, Math.max(12, now, chosen(studio)?.units ?? 0)));
    input.disabled = !open(studio);
    input.value = String(now);
    value.textContent = words(now);
    input.setAttribute("aria-valuetext", words(now));
    const least = Number(input.min);
    input.style.setProperty("--gw-share", `${(100 * (now - least)) / (Number(input.max) - least || 1)}%`);
  };
  listen(
    input,
    "input",
    () => {
      const wanted = Number(input.value);
      if (name === "count") store.set({ level: "custom", count: wanted });
      else store.set({ [name]: wanted });
    },
    signal,
  );
  store.watch(name === "count" ? [name, "concept", "concepts", "read_only"] : [name, "read_only"], draw);
  studio.news.on("line", draw);
  return make("label", "gw-slider", {}, make("span", "gw-slider-name", {}, label), value, input);
}
