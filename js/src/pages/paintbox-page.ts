// A PaintBox in a page: the history as it was made, and for some pictures each concept taken out and put in.

import "../views/lab.css";
import { cssColour } from "../canvas/colour";
import type { Chip, Step } from "../messages";
import { allow, button, card, listen, make, press, roving } from "../parts/dom";
import { fine } from "../parts/pictures";
import { followTheme } from "../parts/theme";
import { recorded, sheetOf } from "./model";
import "./page.css";
import "./paintbox-page.css";

interface Recorded {
  readonly model: string;
  readonly layer: string;
  readonly seeds: readonly number[];
  readonly concepts: readonly Chip[];
  readonly history: readonly (Step & { shown: number })[];
  readonly side: number;
  readonly columns: number;
  /** before all edits, a seed each; then for every concept out and in, a seed each; then a step each */
  readonly sheet: string;
}
type Way = "out" | "put";
const WAYS: readonly (readonly [Way, string, string])[] = [["out", "off", "switched off"], ["put", "in", "put in"]];

/** What is shown: a seed as it is or with a concept out or in, or a step of the history. */
interface Shown {
  readonly seed: number;
  readonly concept: number;
  readonly way: Way | null;
  readonly step: number | null;
}

async function begin(): Promise<void> {
  const page = recorded<Recorded>();
  const { seeds, concepts, history, side, columns } = page;
  const sheet = await sheetOf(page.sheet);
  const { signal } = new AbortController();
  let shown: Shown = { seed: 0, concept: 0, way: null, step: history.length > 0 ? history.length - 1 : null };
  let before = false;

  const place = ({ seed, concept, way, step }: Shown): number => {
    if (step !== null) return seeds.length * (1 + 2 * concepts.length) + step;
    return way === null ? seed : seeds.length * (1 + 2 * concept + (way === "out" ? 0 : 1)) + seed;
  };
  const number = (): number => (shown.step !== null ? (history[shown.step]?.shown ?? 0) : (seeds[shown.seed] as number));

  function tile(canvas: HTMLCanvasElement, at: number): void {
    const ctx = canvas.getContext("2d");
    if (!ctx) return;
    ctx.imageSmoothingQuality = "high";
    ctx.globalCompositeOperation = "copy"; // nothing of the last picture shows through at the edges
    ctx.drawImage(sheet, (at % columns) * side, Math.floor(at / columns) * side, side, side, 0, 0, canvas.width, canvas.height);
  }

  const picture = make("canvas", "gw-picture", { role: "img", width: side, height: side });
  const words = make("p", "gw-status", { role: "status", "aria-live": "polite" });
  const original = () => seeds.indexOf(number());

  function said(): string {
    const name = `Picture ${number()}`;
    if (before) return `${name} before all edits.`;
    if (shown.step !== null) return `${name} after step ${shown.step + 1}: ${history[shown.step]?.label}.`;
    const chip = concepts[shown.concept];
    return shown.way === null || !chip ? `${name} as it is.` : `${name} with ${chip.name} ${shown.way === "out" ? "switched off" : "put in the middle"}.`;
  }

  function draw(): void {
    tile(picture, before && original() >= 0 ? original() : place(shown));
    picture.dataset["gwPlace"] = String(place(shown));
    words.textContent = said();
    picture.setAttribute("aria-label", said());
    thumbs.forEach((node, i) => node.setAttribute("aria-current", String(shown.step === null ? i === shown.seed : seeds[i] === number())));
    switches.forEach(([concept, way, node]) => press(node, shown.step === null && shown.concept === concept && shown.way === way));
    steps.forEach((node, i) => node.setAttribute("aria-current", String(shown.step === i)));
    allow(held, original() >= 0);
    settle();
  }
  const show = (next: Partial<Shown>) => {
    shown = { ...shown, step: null, ...next };
    draw();
  };
  const hold = (on: boolean) => {
    before = on;
    press(held, on);
    draw();
  };

  const held = button({ act: "original", label: "Before all edits", text: "before", key: "o", icon: "original" }, () => hold(!before), signal);
  const thumbs = seeds.map((seed, i) => {
    const canvas = make("canvas", "gw-tile gw-thumb-tile", { width: 64, height: 64, "aria-hidden": "true" });
    tile(canvas, i);
    const node = make("button", "gw-thumb", { type: "button", "data-seed": seed, "aria-label": `Picture ${seed}`, title: `Picture ${seed}` }, canvas);
    listen(node, "click", () => show({ seed: i }), signal);
    return node;
  });
  const strip = make("div", "gw-strip-pictures", { role: "group", "aria-label": "Pictures" }, ...thumbs);
  const settle = roving(strip, "[data-seed]", signal, (node) => show({ seed: thumbs.indexOf(node as HTMLButtonElement) }));

  const switches: [number, Way, HTMLButtonElement][] = [];
  const rows = concepts.map((chip, concept) => {
    const dot = make("span", "gw-dot", { "aria-hidden": "true" });
    dot.style.setProperty("--gw-concept", cssColour(chip.color));
    const ways = WAYS.map(([way, text, label]) => {
      const node = button({ act: `${way}-${concept}`, label: `${chip.name} ${label}`, text }, () => show({ concept, way: shown.step === null && shown.concept === concept && shown.way === way ? null : way }), signal);
      node.setAttribute("aria-label", `${chip.name}: ${text}`);
      switches.push([concept, way, node]);
      return node;
    });
    return make("li", "gw-switches", {}, dot, make("span", "gw-switches-name", { title: chip.note }, chip.name), make("span", "gw-group", {}, ...ways));
  });

  const steps = history.map((step, i) => {
    const canvas = make("canvas", "gw-tile", { width: 64, height: 64, "aria-hidden": "true" });
    tile(canvas, place({ ...shown, step: i }));
    const node = make("button", `gw-recorded-step${step.on ? "" : " gw-off"}`, { type: "button", "aria-label": `Step ${i + 1}: ${step.label}` }, canvas, make("span", "", {}, `${i + 1}. ${step.label}`));
    listen(node, "click", () => show({ step: i }), signal);
    return node;
  });

  const root = make("div", "gw-lab gw-recorded", { role: "region", "aria-label": "PaintBox" });
  root.append(
    make("div", "gw-bar", {}, make("div", "gw-head", {}, make("h2", "gw-title", {}, page.model), make("span", "gw-where", {}, page.layer), make("span", "gw-badge", {}, "recorded"))),
    make(
      "div",
      "gw-recorded-layout",
      {},
      make("div", "gw-centre", {}, make("div", "gw-tools", {}, make("div", "gw-group", {}, held)), make("div", "gw-stage", {}, picture), make("div", "gw-strip", {}, strip), words),
      card("gw-recorded-concepts", "Concepts", make("ul", "gw-switch-list", {}, ...rows)),
      card("gw-recorded-history", "History", steps.length > 0 ? make("div", "gw-recorded-steps", {}, ...steps) : make("p", "gw-hint", {}, "Nothing was painted.")),
    ),
  );
  listen(root, "keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const key = event.key.toLowerCase();
    const turned = (by: number) => show({ seed: (shown.seed + by + seeds.length) % seeds.length });
    const runs: Readonly<Record<string, () => void>> = {
      o: () => original() >= 0 && hold(!before),
      ",": () => turned(-1),
      ".": () => turned(1),
      z: () => history.length > 0 && show({ step: Math.min(history.length - 1, Math.max(0, (shown.step ?? history.length) + (event.shiftKey ? 1 : -1))) }),
    };
    if (!runs[key]) return;
    event.preventDefault();
    runs[key]();
  }, signal);
  (document.getElementById("gw") as HTMLElement).append(root);
  followTheme(root, signal);
  fine(picture, signal, draw, 640);
  draw();
}

void begin();
