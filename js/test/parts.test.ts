import { afterEach, describe, expect, it } from "vitest";
import { followTheme } from "../src/parts/theme";
import { keyed, make, roving } from "../src/parts/dom";
import { drawTile, tile } from "../src/parts/pictures";
import { settled } from "./model";

let life = new AbortController();
afterEach(() => {
  life.abort();
  life = new AbortController();
  document.body.replaceChildren();
  for (const name of ["data-jp-theme-light", "data-vscode-theme-kind", "class", "style"]) document.body.removeAttribute(name);
  document.documentElement.removeAttribute("theme");
});

describe("the theme", () => {
  const themed = (prepare: () => void) => {
    prepare();
    const root = make("div");
    document.body.append(root);
    followTheme(root, life.signal);
    return root;
  };

  it.each<[string, string, () => void]>([
    ["JupyterLab, dark", "dark", () => void (document.body.dataset["jpThemeLight"] = "false")],
    ["JupyterLab, light", "light", () => void (document.body.dataset["jpThemeLight"] = "true")],
    ["VS Code, dark", "dark", () => void (document.body.className = "vscode-dark")],
    ["VS Code, light", "light", () => void (document.body.dataset["vscodeThemeKind"] = "vscode-light")],
    ["VS Code, high contrast", "dark", () => void (document.body.dataset["vscodeThemeKind"] = "vscode-high-contrast")],
    ["VS Code, high contrast light", "light", () => void (document.body.dataset["vscodeThemeKind"] = "vscode-high-contrast-light")],
    ["Colab, dark", "dark", () => document.documentElement.setAttribute("theme", "dark")],
    ["a dark page that says nothing", "dark", () => void (document.body.style.backgroundColor = "rgb(20, 20, 20)")],
    ["a light page that says nothing", "light", () => void (document.body.style.backgroundColor = "rgb(250, 250, 250)")],
  ])("of %s is %s", (_, theme, prepare) => expect(themed(prepare).dataset["gwTheme"]).toBe(theme));

  it("changes with the host's", async () => {
    const root = themed(() => void (document.body.dataset["jpThemeLight"] = "true"));
    document.body.dataset["jpThemeLight"] = "false";
    await settled();
    expect(root.dataset["gwTheme"]).toBe("dark");
  });
});

describe("keyed children", () => {
  it("stay the same elements, in the order of the items", () => {
    const list = make("ul");
    const draw = (items: string[]) => keyed(list, items, (item) => item, () => make("li"), (node, item) => void (node.textContent = item));
    draw(["a", "b", "c"]);
    const [a, , c] = [...list.children];
    draw(["c", "x", "a"]);
    expect([...list.children].map((node) => node.textContent)).toEqual(["c", "x", "a"]);
    expect([list.children[0], list.children[2]]).toEqual([c, a]);
    draw([]);
    expect(list.children).toHaveLength(0);
  });
});

describe("roving", () => {
  it("moves by arrows, Home and End, and keeps one stop", () => {
    const bar = make("div", "", {}, ...["a", "b", "c"].map((name) => make("button", "", { id: name })));
    document.body.append(bar);
    roving(bar, "button", life.signal)();
    const press = (key: string) => document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    const stops = () => [...bar.children].filter((node) => (node as HTMLElement).tabIndex === 0).map((node) => node.id);
    expect(stops()).toEqual(["a"]);
    (bar.children[0] as HTMLElement).focus();
    for (const [key, where] of [["ArrowRight", "b"], ["End", "c"], ["ArrowRight", "a"], ["ArrowLeft", "c"], ["Home", "a"]] as const) {
      press(key);
      expect([document.activeElement?.id, stops()]).toEqual([where, [where]]);
    }
  });
});

describe("a sheet of small pictures", () => {
  it("draws the square of its key, and none that it lacks", () => {
    const calls: unknown[][] = [];
    const canvas = tile("x");
    canvas.getContext = (() => ({ drawImage: (...args: unknown[]) => calls.push(args) })) as never;
    const image = {} as ImageBitmap;
    const sheet = { keys: ["tree", "door"], size: 48, image };
    expect([drawTile(canvas, sheet, "door"), drawTile(canvas, sheet, "dragon"), drawTile(canvas, { ...sheet, image: null }, "tree")]).toEqual([true, false, false]);
    expect(calls).toEqual([[image, 48, 0, 48, 48, 0, 0, 48, 48]]);
  });
});
