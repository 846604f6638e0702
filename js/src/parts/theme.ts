// Light or dark, as the host has it: said by the host, else seen from its background, else asked of the system.

type Theme = "light" | "dark";

/** Keep `data-gw-theme` of the lab true. */
export function followTheme(root: HTMLElement, signal: AbortSignal): void {
  const settle = () => {
    root.dataset["gwTheme"] = themeOf(root);
  };
  const observer = new MutationObserver(settle);
  for (const node of [document.documentElement, document.body]) {
    observer.observe(node, { attributes: true, attributeFilter: ["class", "style", "theme", "data-theme", "data-jp-theme-light", "data-vscode-theme-kind"] });
  }
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  globalThis.matchMedia?.("(prefers-color-scheme: dark)").addEventListener?.("change", settle, { signal });
  settle();
}

function themeOf(root: HTMLElement): Theme {
  return said(document.body, document.documentElement) ?? seen(root.parentElement) ?? asked();
}

function said(body: HTMLElement, html: HTMLElement): Theme | null {
  const jupyter = body.dataset["jpThemeLight"];
  if (jupyter) return jupyter === "true" ? "light" : "dark";
  const words = `${body.dataset["vscodeThemeKind"] ?? ""} ${body.className} ${html.className} ${html.getAttribute("theme") ?? ""} ${html.dataset["theme"] ?? body.dataset["theme"] ?? ""}`;
  if (/\b(vscode-)?(dark|high-contrast)(-mode|-theme)?\b(?!-light)/.test(words)) return "dark";
  return /\b(vscode-)?(high-contrast-)?light(-mode|-theme)?\b/.test(words) ? "light" : null;
}

/** By the first background that is not see-through. */
function seen(from: Element | null): Theme | null {
  for (let node = from; node; node = node.parentElement) {
    const [r, g, b, a = 1] = (getComputedStyle(node).backgroundColor.match(/[\d.]+/g) ?? []).map(Number);
    if (r !== undefined && g !== undefined && b !== undefined && a > 0.5) return 0.299 * r + 0.587 * g + 0.114 * b < 128 ? "dark" : "light";
  }
  return null;
}

const asked = (): Theme => (globalThis.matchMedia?.("(prefers-color-scheme: dark)").matches ? "dark" : "light");
