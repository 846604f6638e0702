// Sheets that lie over the lab: the keys, and the edits as Python.

import { button, make } from "./dom";

export interface SheetDesk {
  readonly node: HTMLElement;
  readonly isOpen: boolean;
  help(): void;
  script(text: string): void;
  close(): boolean;
}

/** What the sheet of keys says. */
export interface Help {
  readonly words: string;
  /** by heading: keys, three spaces apart, and what they do */
  readonly tables: Readonly<Record<string, readonly (readonly [string, string])[]>>;
}

export function sheetDesk(signal: AbortSignal, say: (text: string) => void, help: Help): SheetDesk {
  const heading = make("h3", "gw-sheet-title");
  const body = make("div", "gw-sheet-body");
  const shut = button({ act: "close-sheet", label: "Close", icon: "close", key: "Esc", className: "gw-small" }, () => void close(), signal);
  const node = make("div", "gw-sheet", { role: "dialog", "aria-modal": "false", "aria-label": "Help", tabindex: -1 }, make("div", "gw-sheet-head", {}, heading, shut), body);
  node.hidden = true;
  let back: Element | null = null;

  function open(name: string, ...content: Node[]): void {
    back = node.hidden ? document.activeElement : back;
    heading.textContent = name;
    node.setAttribute("aria-label", name);
    body.replaceChildren(...content);
    node.hidden = false;
    shut.focus();
  }

  function close(): boolean {
    if (node.hidden) return false;
    node.hidden = true;
    (back as HTMLElement | null)?.focus?.();
    return true;
  }

  return {
    node,
    get isOpen() {
      return !node.hidden;
    },
    close,
    help() {
      if (!node.hidden && heading.textContent === "Keys") return void close();
      open("Keys", make("p", "gw-hint", {}, help.words), ...Object.entries(help.tables).map(([name, rows]) => table(name, rows)));
    },
    script(text) {
      const code = make("pre", "gw-code", { tabindex: 0, role: "group", "aria-label": "The edits as Python", "data-lm-suppress-shortcuts": "true" }, text);
      const copy = button({ act: "copy", label: "Copy", text: "Copy", icon: "copy" }, () => void put(), signal);
      const put = async () => {
        const done = await copied(text);
        if (!done) getSelection()?.selectAllChildren(code);
        say(done ? "Python copied." : "Press Ctrl+C to copy the Python.");
      };
      open("The edits as Python", code, copy);
      void put();
    },
  };
}

function table(name: string, rows: readonly (readonly [string, string])[]): HTMLElement {
  const list = make("dl", "gw-keys");
  for (const [keys, what] of rows) {
    const term = make("dt", "");
    for (const key of keys.split("   ")) term.append(make("kbd", "gw-key", {}, key));
    list.append(term, make("dd", "", {}, what));
  }
  return make("div", "gw-keys-part", {}, make("h4", "gw-heading", {}, name), list);
}

async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
