import { describe, expect, it } from "vitest";
import { actOf, isHosts, stride } from "../src/keys";

describe("the key map", () => {
  it.each([
    ["b", {}, "brush"],
    ["E", {}, "eraser"],
    ["z", {}, "undo"],
    ["Z", { shiftKey: true }, "redo"],
    ["z", { ctrlKey: true }, "undo"],
    ["z", { metaKey: true, shiftKey: true }, "redo"],
    ["y", { ctrlKey: true }, "redo"],
    ["[", {}, "smaller"],
    ["]", {}, "larger"],
    [",", {}, "previous"],
    [".", {}, "next"],
    ["o", {}, "original"],
    ["s", {}, "split"],
    ["h", {}, "heat"],
    ["?", { shiftKey: true }, "help"],
    ["Escape", {}, "escape"],
  ] as const)("%s %o is %s anywhere in the lab", (key, modifiers, act) => {
    expect(actOf({ key, ...modifiers }, "picture")).toBe(act);
    expect(actOf({ key, ...modifiers }, "control")).toBe(act);
  });

  it.each([[" ", "dab"], ["Enter", "drop"], ["ArrowLeft", "left"], ["ArrowDown", "down"], ["p", "pen"]] as const)("%s is for the picture only", (key, act) => {
    expect(actOf({ key }, "picture")).toBe(act);
    expect(actOf({ key }, "control")).toBeNull();
  });

  it("leaves a field one types in alone, but for Escape", () => {
    for (const key of ["b", "z", "1", "Enter", "ArrowUp", " "]) expect(actOf({ key }, "text")).toBeNull();
    expect(actOf({ key: "z", ctrlKey: true }, "text")).toBeNull();
    expect(actOf({ key: "Escape" }, "text")).toBe("escape");
  });

  it("leaves the host its own keys", () => {
    expect(isHosts({ key: "Tab" }) && isHosts({ key: "Tab", shiftKey: true }) && isHosts({ key: "Enter", shiftKey: true }) && isHosts({ key: "Enter", ctrlKey: true })).toBe(true);
    expect(isHosts({ key: "Enter" })).toBe(false);
    expect(actOf({ key: "s", ctrlKey: true }, "picture")).toBeNull();
    expect(actOf({ key: "b", altKey: true }, "picture")).toBeNull();
  });

  it("strides further with Shift", () => expect(stride({ key: "ArrowUp", shiftKey: true })).toBeGreaterThan(stride({ key: "ArrowUp" })));
});
