// PaintBox in a plain page. ?theme=dark, ?state=busy|error|readonly|gone|script|empty|usual|unseen|learning|unmeasured, ?views=2, ?delay=MS

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
  usual: { reading: { state: "read", done: 160, total: 160, word: "usual", times: 1.2, place: 0.34, note: "1.2 times as far from the usual as unedited pictures are, at layer7; 28 of 100 unedited pictures are as far" } },
  unseen: { reading: { state: "read", done: 160, total: 160, word: "never seen", times: 6.3, place: 0.91, note: "6.3 times as far from the usual as unedited pictures are, at layer7; 0 of 100 unedited pictures are as far" } },
  learning: { reading: { state: "learning", done: 45, total: 160, word: "", times: 0, place: 0, note: "" } },
  unmeasured: { reading: { state: "off", done: 0, total: 160, word: "", times: 0, place: 0, note: "about 40 s" } },
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
