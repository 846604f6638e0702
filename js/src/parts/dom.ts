// Small helpers for the page; text goes in as text, never as HTML.

import { icon, type IconName } from "./icons";

type Attributes = Readonly<Record<string, string | number | boolean | null>>;

/** An element with a class, attributes (true: empty, false and null: none) and children; strings become text. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  if (className) node.className = className;
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children);
  return node;
}

export function listen<K extends keyof HTMLElementEventMap>(
  target: EventTarget,
  type: K,
  heard: (event: HTMLElementEventMap[K]) => void,
  signal: AbortSignal,
  options: AddEventListenerOptions = {},
): void {
  target.addEventListener(type, heard as EventListener, { ...options, signal });
}

export interface ButtonLook {
  readonly act: string;
  /** what it does; also its tooltip */
  readonly label: string;
  readonly icon?: IconName;
  /** shown beside the icon */
  readonly text?: string;
  /** its key, for the tooltip */
  readonly key?: string;
  readonly className?: string;
}

/** A button of ours. It is switched off by `allow`, which leaves the focus where it is. */
export function button(look: ButtonLook, pressed: (() => void) | null, signal: AbortSignal): HTMLButtonElement {
  const title = look.key ? `${look.label} (${look.key})` : look.label;
  const node = make("button", `gw-button ${look.className ?? ""}`.trim(), {
    type: "button",
    title,
    "data-act": look.act,
    "data-lm-suppress-shortcuts": "true",
    "aria-label": look.text && look.label.toLowerCase().includes(look.text.toLowerCase()) ? null : look.label,
  });
  if (look.icon) node.append(icon(look.icon));
  if (look.text) node.append(make("span", "gw-text", {}, look.text));
  if (pressed) listen(node, "click", () => allowed(node) && pressed(), signal);
  return node;
}

export function allow(node: Element, on: boolean): void {
  if (on) node.removeAttribute("aria-disabled");
  else node.setAttribute("aria-disabled", "true");
}

export const allowed = (node: Element): boolean => node.getAttribute("aria-disabled") !== "true";

export const press = (node: Element, on: boolean): void => node.setAttribute("aria-pressed", String(on));

/** A part of the lab with a heading. */
export function card(className: string, heading: string, ...children: readonly (Node | string)[]): HTMLElement {
  const id = `gw-${Math.random().toString(36).slice(2)}`;
  return make("section", `gw-card ${className}`, { "aria-labelledby": id }, make("h3", "gw-heading", { id }, heading), ...children);
}

/** Keep `parent`'s children one to a key, in order: those that stay are kept (and the focus in them), others made or removed. */
export function keyed<T>(
  parent: Element,
  items: readonly T[],
  keyOf: (item: T) => string,
  create: (item: T) => HTMLElement,
  update: (node: HTMLElement, item: T) => void,
): void {
  const old = new Map([...parent.children].map((node) => [(node as HTMLElement).dataset["gwKey"] ?? "", node as HTMLElement]));
  let at: Element | null = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let node = old.get(key);
    old.delete(key);
    if (!node) {
      node = create(item);
      node.dataset["gwKey"] = key;
    }
    update(node, item);
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
  for (const node of old.values()) node.remove();
}

/** Arrows, Home and End move the focus among the parts that match; one of them is in the Tab order. */
export function roving(parent: HTMLElement, selector: string, signal: AbortSignal, moved: (node: HTMLElement) => void = () => {}): () => void {
  const all = () => [...parent.querySelectorAll<HTMLElement>(selector)];
  const settle = (chosen?: HTMLElement) => {
    const nodes = all();
    const stop = chosen ?? nodes.find((node) => node.tabIndex === 0) ?? nodes[0];
    for (const node of nodes) node.tabIndex = node === stop ? 0 : -1;
  };
  listen(
    parent,
    "keydown",
    (event) => {
      const nodes = all();
      const from = nodes.indexOf(event.target as HTMLElement);
      const to = target(event.key, from, nodes.length);
      const node = from < 0 || to === null || event.altKey || event.ctrlKey || event.metaKey ? undefined : nodes[to];
      if (!node) return;
      event.preventDefault();
      settle(node);
      node.focus();
      moved(node);
    },
    signal,
  );
  listen(parent, "focusin", (event) => all().includes(event.target as HTMLElement) && settle(event.target as HTMLElement), signal);
  return () => settle(parent.querySelector<HTMLElement>(`${selector}[aria-checked="true"], ${selector}[aria-current="true"]`) ?? undefined);
}

function target(key: string, from: number, count: number): number | null {
  if (key === "ArrowRight" || key === "ArrowDown") return (from + 1) % count;
  if (key === "ArrowLeft" || key === "ArrowUp") return (from + count - 1) % count;
  if (key === "Home") return 0;
  return key === "End" ? count - 1 : null;
}
