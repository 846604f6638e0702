// The history: what was done, the newest first, each step with its picture and a box that switches it on and off.

import { cssColour } from "../canvas/colour";
import type { Step } from "../messages";
import { open, type Acts, type Studio } from "../studio";
import { allow, allowed, button, card, keyed, listen, make } from "./dom";
import { drawTile, tile } from "./pictures";

/** `select` is told of the object that is wanted. */
export function history(studio: Studio, acts: Acts, select: (entry: number) => void): HTMLElement {
  const { store, signal } = studio;
  const list = make("ol", "gw-steps", { reversed: true });
  const empty = make("p", "gw-hint", {}, "Nothing yet. What you paint is listed here, and any step can be switched off.");

  listen(list, "change", (event) => {
    const box = event.target as HTMLInputElement;
    const entry = Number(box.closest<HTMLElement>(".gw-step")?.dataset["entry"]);
    const wanted = box.checked;
    void acts.toggle(entry, wanted).then((reply) => {
      if (reply?.status !== "done") box.checked = store.get("history").find((step) => step.entry === entry)?.on ?? !wanted;
    });
  }, signal);

  const entryOf = (node: Element) => Number(node.closest<HTMLElement>(".gw-step")?.dataset["entry"]);
  async function remove(node: Element): Promise<void> {
    const row = node.closest(".gw-step");
    const near = row?.nextElementSibling ?? row?.previousElementSibling;
    const held = row?.contains(document.activeElement);
    const reply = await acts.delete(entryOf(node));
    if (held && reply?.status === "done") near?.querySelector("input")?.focus(); // else the keys would be the notebook's
  }
  listen(list, "click", (event) => {
    const node = (event.target as Element).closest<HTMLElement>("[data-act]");
    if (!node || !allowed(node)) return;
    if (node.dataset["act"] === "delete-step") void remove(node);
    else select(entryOf(node));
  }, signal);
  listen(list, "keydown", (event) => {
    if ((event.key !== "Delete" && event.key !== "Backspace") || !open(studio)) return;
    event.preventDefault();
    void remove(event.target as Element);
  }, signal);

  const draw = () => {
    const steps = [...store.get("history")].reverse();
    keyed(list, steps, (step) => String(step.entry), () => newStep(signal), fill);
    empty.hidden = steps.length > 0;
    list.hidden = steps.length === 0;
  };

  function fill(node: HTMLElement, step: Step): void {
    const elsewhere = !step.everywhere && step.seed !== null && step.seed !== store.get("seed");
    node.dataset["entry"] = String(step.entry);
    node.classList.toggle("gw-off", !step.on);
    node.classList.toggle("gw-elsewhere", elsewhere);
    const box = node.querySelector("input") as HTMLInputElement;
    box.checked = step.on;
    box.disabled = !open(studio);
    const colour = store.get("concepts").find((chip) => chip.name === step.concept)?.color;
    (node.querySelector(".gw-dot") as HTMLElement).style.setProperty("--gw-concept", colour ? cssColour(colour) : "transparent");
    (node.querySelector(".gw-step-word") as HTMLElement).textContent = step.label;
    node.title = step.label;
    (node.querySelector(".gw-step-where") as HTMLElement).textContent = step.everywhere ? "every picture" : step.seed === null ? "" : `picture ${step.seed}`;
    const pick = node.querySelector('[data-act="select-step"]') as HTMLElement;
    pick.setAttribute("aria-label", `Select ${step.concept || step.label} on the picture`);
    allow(pick, open(studio) && step.on && step.box !== null && !elsewhere);
    const gone = node.querySelector('[data-act="delete-step"]') as HTMLElement;
    gone.setAttribute("aria-label", `Take away: ${step.label}`);
    allow(gone, open(studio));
    drawTile(node.querySelector("canvas") as HTMLCanvasElement, studio.sheets.steps, step.entry);
  }

  store.watch(["history", "seed", "concepts", "read_only"], draw);
  studio.news.on("sheets", draw);
  studio.news.on("line", draw);
  return card("gw-history", "History", list, empty);
}

function newStep(signal: AbortSignal): HTMLElement {
  const box = make("input", "gw-check", { type: "checkbox", "data-lm-suppress-shortcuts": "true" });
  const words = make("span", "gw-step-words", {}, make("span", "gw-step-name", {}, make("span", "gw-dot"), make("span", "gw-step-word")), make("span", "gw-step-where"));
  const pick = make("button", "gw-step-pick", { type: "button", "data-act": "select-step", "data-lm-suppress-shortcuts": "true", title: "Select on the picture" }, tile("gw-step-tile"));
  const gone = button({ act: "delete-step", label: "Take this step away", icon: "close", className: "gw-small" }, null, signal);
  return make("li", "gw-step", {}, pick, make("label", "gw-step-row", {}, words, box), gone);
}
