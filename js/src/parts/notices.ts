// What the lab says: the badge, the progress bar, the error strip, the live region.

import type { Progress, Trouble } from "../messages";
import { barred, type Acts, type Studio } from "../studio";
import { button, make } from "./dom";
import { icon } from "./icons";

/** Model and layer, and a badge where nothing can be changed. */
export function title(studio: Studio): HTMLElement {
  const { store } = studio;
  const name = make("h2", "gw-title");
  const where = make("span", "gw-where");
  const badge = make("span", "gw-badge", { role: "status" });
  store.watch(["model", "layer", "image_size"], () => {
    name.textContent = store.get("model") || "PaintBox";
    where.textContent = [store.get("layer"), store.get("image_size") ? `${store.get("image_size")} px` : ""].filter(Boolean).join(" · ");
  });
  const draw = () => {
    const why = barred(studio);
    if (badge.textContent !== why) badge.textContent = why;
    badge.hidden = why === "";
  };
  store.watch(["protocol", "read_only"], draw);
  studio.news.on("line", draw);
  return make("div", "gw-head", {}, name, where, badge);
}

/** What is under way, how far it is, and a button to give it up. */
export function progress(studio: Studio, acts: Acts): HTMLElement {
  const { store, kernel, signal } = studio;
  const words = make("span", "gw-progress-words");
  const fill = make("span", "gw-progress-fill");
  const bar = make("span", "gw-progress-bar", { role: "progressbar", "aria-label": "Progress" }, fill);
  const cancel = button({ act: "cancel", label: "Cancel", icon: "close", key: "Esc", className: "gw-small" }, () => void acts.cancel(), signal);
  const node = make("div", "gw-progress", {}, words, bar, cancel);
  const draw = () => {
    const { done = 0, total = 0, note = "" }: Partial<Progress> = store.get("progress");
    const busy = store.get("busy");
    node.hidden = busy === "" && kernel.acts.length === 0;
    words.textContent = [busy || "waiting for the kernel", note].filter(Boolean).join(": ");
    cancel.hidden = kernel.acts.length === 0;
    node.classList.toggle("gw-endless", total <= 0);
    fill.style.width = total > 0 ? `${Math.min(100, (100 * done) / total)}%` : "";
    if (total > 0) bar.setAttribute("aria-valuenow", String(Math.round((100 * done) / total)));
    else bar.removeAttribute("aria-valuenow");
  };
  store.watch(["busy", "progress"], draw);
  studio.news.on("line", draw);
  return node;
}

export interface TroubleStrip {
  readonly node: HTMLElement;
  show(trouble: Trouble | null): void;
}

/** What went wrong, in words, with the details folded. */
export function troubleStrip(signal: AbortSignal): TroubleStrip {
  const words = make("p", "gw-error-words");
  const details = make("pre", "gw-error-details", { tabindex: 0, role: "group", "aria-label": "Details", "data-lm-suppress-shortcuts": "true" });
  const folded = make("details", "gw-error-fold", {}, make("summary", "", {}, "Details"), details);
  const close = button({ act: "dismiss", label: "Dismiss", icon: "close", className: "gw-small" }, () => show(null), signal);
  const node = make("div", "gw-error", { role: "alert" }, icon("warning"), make("div", "gw-error-body", {}, words, folded), close);
  function show(trouble: Trouble | null): void {
    node.hidden = trouble === null;
    words.textContent = trouble?.message ?? "";
    details.textContent = trouble?.details ?? "";
    folded.hidden = !trouble?.details;
    folded.open = false;
  }
  show(null);
  return { node, show };
}

/** The live region: what the kernel and the lab say. */
export function liveRegion(): { node: HTMLElement; say(text: string): void } {
  const node = make("p", "gw-status", { role: "status", "aria-live": "polite" });
  return {
    node,
    say: (text) => {
      node.textContent = text;
    },
  };
}
