// The meter: how usual the features are that the edits lead to, in a word, a bar and a number, or how far that is known.

import type { Reading } from "../messages";
import { open, type Studio } from "../studio";
import { allow, button, make, press } from "./dom";

export function meter(studio: Studio): HTMLElement {
  const { store, signal } = studio;
  const reading = () => store.get("reading") as Partial<Reading>;
  const turn = button({ act: "meter", label: "How usual? Compared with unedited pictures", text: "How usual?", className: "gw-small" }, () => {
    store.set({ meter: reading().state === "off" ? "on" : "off" });
  }, signal);
  const fill = make("span", "gw-meter-fill");
  const bar = make("span", "gw-meter-bar", { "aria-valuemin": 0 }, fill);
  const word = make("span", "gw-meter-word", { "aria-live": "polite" });
  const more = make("span", "gw-meter-more");
  const node = make("div", "gw-meter", {}, turn, bar, make("span", "gw-meter-words", {}, word, more));

  const draw = () => {
    const { state, done = 0, total = 1, word: said = "", times = 0, place = 0, note = "" } = reading();
    const learning = state === "learning";
    const [now, most] = learning ? [done, total] : [Math.round(100 * place), 100];
    const values = { role: learning ? "progressbar" : "meter", "aria-label": learning ? "Looking at unedited pictures" : "How usual", "aria-valuemax": most, "aria-valuenow": now, "aria-valuetext": learning ? `${done} of ${total}` : `${said}: ${note}` };
    for (const [name, value] of Object.entries(values)) bar.setAttribute(name, String(value));
    node.hidden = state === undefined;
    bar.hidden = state === "off";
    node.dataset["gwMeter"] = said || (state ?? "");
    node.title = note;
    fill.style.width = `${(100 * now) / most}%`;
    if (word.textContent !== said) word.textContent = said; // said aloud when it is another
    more.textContent = learning ? `${done} of ${total} unedited pictures` : state === "off" ? note : ` ${times < 100 ? times.toFixed(1) : "over 99"}×`;
    press(turn, state !== "off");
    allow(turn, open(studio));
  };
  store.watch(["reading", "read_only"], draw);
  studio.news.on("line", draw);
  return node;
}
