// How many units have a concept, and the same of the nulls: what a table is to be held against.

import type { Tally } from "../messages";
import { make } from "./dom";

export function tallies(): { node: HTMLElement; show(rows: readonly Tally[]): void } {
  const body = make("tbody");
  const head = make("tr", "", {}, ...["counted in", "units", "concepts", "mean IoU"].map((text) => make("th", "", { scope: "col" }, text)));
  const node = make("table", "gw-tallies", { "aria-label": "Units that have a concept, and the same of the nulls" }, make("thead", "", {}, head), body);
  return {
    node,
    show(rows) {
      node.hidden = rows.length === 0;
      body.replaceChildren(...rows.map((row) => make("tr", "", {}, make("th", "", { scope: "row" }, row.name), make("td", "", {}, `${row.matched} of ${row.units}`), make("td", "", {}, String(row.concepts)), make("td", "", {}, row.iou.toFixed(3)))));
    },
  };
}
