// PaintBox in a plain page. ?theme=dark, ?state=busy|error|readonly|gone|script|empty, ?views=2, ?delay=MS

import widget from "../src/views/paintbox";
import type { State } from "../src/messages";
import { fakeModel } from "./fake_kernel";
import { landscape } from "./scene";

const query = new URLSearchParams(location.search);
const theme = query.get("theme");
if (theme) document.body.dataset["jpThemeLight"] = String(theme !== "dark");

const states: Readonly<Record<string, Partial<State>>> = {
  busy: { busy: "drawing the palette", progress: { done: 5, total: 12, note: "water" } },
  error: { error: { message: "no concept 'dragon' in the palette; its concepts are tree, cloud, window, roof, door.", details: "Traceback (most recent call last):\n  ...\nConceptError" } },
  readonly: { read_only: true },
  empty: { concepts: [], concept: "" },
};
const state = query.get("state") ?? "";
const model = fakeModel({ traits: states[state] ?? {}, delay: Number(query.get("delay") ?? 20), silent: state === "gone" });
if (state === "gone") {
  const get = model.get.bind(model) as (name: string) => unknown;
  const bytes = await (await landscape(5).convertToBlob()).arrayBuffer();
  Object.assign(model, { get: (name: string) => (name === "layout" ? { comm_live: false } : name === "picture" ? new DataView(bytes) : get(name)) });
}
for (let i = 0; i < Number(query.get("views") ?? 1); i++) {
  const el = document.createElement("div");
  el.className = "cell";
  document.querySelector("main")?.append(el);
  widget.render({ model, el });
}
Object.assign(window, { model });
