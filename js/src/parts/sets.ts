// Sets of units: the ticked ones kept under a name, ticked again by a click, sent to the palette of a PaintBox, forgotten.

import type { UnitSet } from "../messages";
import { open, type Acts, type Studio } from "../studio";
import { allow, button, card, keyed, listen, make } from "./dom";

export function unitSets(studio: Studio, acts: Acts): HTMLElement {
  const { store, signal } = studio;
  const name = make("input", "gw-set-name", { type: "text", maxlength: 200, placeholder: "name of the set", "aria-label": "Name of the set", autocomplete: "off" });
  const keep = button({ act: "keep", label: "Keep the ticked units as a set", icon: "save", text: "Keep" }, () => void kept(), signal);
  const list = make("ul", "gw-sets-list");
  const empty = make("p", "gw-hint", {}, "Tick units that belong together and keep them under a name.");

  async function kept(): Promise<void> {
    const wanted = name.value.trim();
    if (store.get("ticked").length === 0) return studio.say("No unit is ticked.");
    if (!wanted) return name.focus();
    const reply = await acts.ask("keep", { name: wanted });
    if (reply?.status === "done") name.value = "";
  }
  listen(name, "keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.metaKey) void kept();
  }, signal);

  const act = (kind: "use" | "forget" | "palette", set: string) => () => void acts.ask(kind, { name: set });
  function create(set: UnitSet): HTMLElement {
    return make(
      "li",
      "gw-set",
      {},
      button({ act: "use", label: `Tick the units of ${set.name}`, text: set.name, className: "gw-set-use" }, act("use", set.name), signal),
      make("span", "gw-set-count"),
      button({ act: "palette", label: `Send ${set.name} to the palette of the PaintBox`, icon: "brush", className: "gw-small" }, act("palette", set.name), signal),
      button({ act: "forget", label: `Forget ${set.name}`, icon: "close", className: "gw-small" }, act("forget", set.name), signal),
    );
  }

  const draw = () => {
    node.hidden = store.get("read_only");
    const on = open(studio);
    const sets = store.get("sets");
    keyed(list, sets, (set) => set.name, create, (node, set) => {
      const count = node.querySelector(".gw-set-count") as HTMLElement;
      count.textContent = `${set.units.length} of ${set.layer}`;
      for (const each of node.querySelectorAll("button")) allow(each, on && (each.dataset["act"] !== "palette" || store.get("image_size") > 0));
    });
    empty.hidden = sets.length > 0;
    list.hidden = sets.length === 0;
    allow(keep, on && store.get("ticked").length > 0);
    name.readOnly = !on;
  };
  const node = card("gw-sets", "Sets of units", make("div", "gw-filter", {}, name, keep), list, empty);
  store.watch(["sets", "ticked", "image_size", "read_only"], draw);
  studio.news.on("line", draw);
  return node;
}
