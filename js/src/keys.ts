// The key map: what a key does, by where the focus is.

/** "picture": the canvas; "text": a field one types in; "control": any other part of the lab. */
export type Focus = "picture" | "control" | "text";

export interface Key {
  readonly key: string;
  readonly shiftKey?: boolean;
  readonly ctrlKey?: boolean;
  readonly metaKey?: boolean;
  readonly altKey?: boolean;
}

export type Act =
  | "brush"
  | "eraser"
  | "undo"
  | "redo"
  | "heat"
  | "everywhere"
  | "original"
  | "split"
  | "previous"
  | "next"
  | "smaller"
  | "larger"
  | "select"
  | "object"
  | "remove"
  | "grow"
  | "shrink"
  | "whole"
  | "help"
  | "escape"
  | "dab"
  | "pen"
  | "drop"
  | "left"
  | "right"
  | "up"
  | "down";

const ANYWHERE: Readonly<Record<string, Act>> = {
  b: "brush",
  e: "eraser",
  z: "undo",
  h: "heat",
  a: "everywhere",
  o: "original",
  s: "split",
  ",": "previous",
  ".": "next",
  "[": "smaller",
  "]": "larger",
  v: "select",
  n: "object",
  Delete: "remove",
  Backspace: "remove",
  "+": "grow",
  "=": "grow",
  "-": "shrink",
  "0": "whole",
  "?": "help",
  Escape: "escape",
};

const ON_PICTURE: Readonly<Record<string, Act>> = {
  " ": "dab",
  p: "pen",
  Enter: "drop",
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
};

/** What the key does; null: nothing of ours, so that the host, the browser or the field has it. */
export function actOf(key: Key, focus: Focus): Act | null {
  const name = key.key.length === 1 ? key.key.toLowerCase() : key.key;
  if (focus === "text") return name === "Escape" ? "escape" : null;
  if (key.altKey) return null;
  if (key.ctrlKey || key.metaKey) {
    if (name === "z") return key.shiftKey ? "redo" : "undo";
    return name === "y" ? "redo" : null;
  }
  if (name === "z" && key.shiftKey) return "redo";
  if (name === "Enter" && key.shiftKey) return null;
  return ANYWHERE[name] ?? (focus === "picture" ? ON_PICTURE[name] ?? null : null);
}

/** Keys that belong to the page and the notebook whatever has the focus: moving on, and running the cell. */
export function isHosts(key: Key): boolean {
  return key.key === "Tab" || (key.key === "Enter" && Boolean(key.shiftKey || key.ctrlKey || key.metaKey || key.altKey));
}

/** How far an arrow moves the brush, as a fraction of the picture. */
export const stride = (key: Key): number => (key.shiftKey ? 0.1 : 0.02);

/** The help sheet. */
export const SHORTCUTS: readonly (readonly [string, string])[] = [
  ["b   e   v", "brush, eraser, select"],
  ["n", "select the next object (Shift: the one before)"],
  ["Delete", "take the selected object away"],
  ["+   -", "resize the selected object, else zoom"],
  ["0", "the whole picture"],
  ["[   ]", "smaller, larger"],
  ["z   Shift+z", "undo, redo"],
  ["o (hold)", "the picture before all edits"],
  ["s", "before and after, side by side"],
  ["h", "heat map: where the units act"],
  ["a", "this picture or every picture"],
  [",   .", "picture before, after"],
  ["Esc", "give up what is under way"],
  ["?", "this sheet"],
];

export const PICTURE_SHORTCUTS: readonly (readonly [string, string])[] = [
  ["Arrows", "move the brush or the object (Shift: further)"],
  ["Space", "dab; hold and move to paint"],
  ["p", "brush down, and up again"],
  ["Enter", "put the chosen thing at the brush"],
  ["Shift + drag", "a straight line"],
  ["Ctrl + wheel", "zoom; so do two fingers"],
  ["Middle button", "move the zoomed picture"],
];

/** The help sheet of the unit browser. */
export const UNIT_SHORTCUTS: readonly (readonly [string, string])[] = [
  ["z   Shift+z", "undo, redo"],
  ["h", "heat map: where the chosen unit acts"],
  ["t", "the chosen unit's threshold"],
  [",   .", "picture before, after"],
  ["?", "this sheet"],
];

export const LIST_SHORTCUTS: readonly (readonly [string, string])[] = [
  ["Arrows", "the unit before, after"],
  ["Page up   Page down", "further"],
  ["Home   End", "first, last"],
  ["Space", "tick the unit, or leave it as it is"],
];

export const PROBE_SHORTCUTS: readonly (readonly [string, string])[] = [
  ["Arrows", "move the point (Shift: further)"],
  ["Enter", "which units act there?"],
];
