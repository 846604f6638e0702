import { expect, it } from "vitest";
import type { Reading } from "../src/messages";
import widget from "../src/views/paintbox";
import { fakeModel, mounted, settled } from "./model";

const READ: Reading = { state: "read", done: 160, total: 160, word: "usual", times: 1.24, place: 0.31, note: "1.2 times as far as unedited pictures, at layer7" };

function shown(traits: Parameters<typeof fakeModel>[0] = {}) {
  const view = mounted(widget, traits);
  const { find } = view;
  const bar = () => ["role", "aria-valuemin", "aria-valuemax", "aria-valuenow", "aria-valuetext"].map((name) => find(".gw-meter-bar").getAttribute(name));
  return { ...view, bar };
}

it("the meter is hidden while it has nothing to say", async () => {
  const { find, say } = shown();
  expect(find(".gw-meter").hidden).toBe(true);
  say({ reading: READ });
  await settled();
  expect(find(".gw-meter").hidden).toBe(false);
  say({ reading: {} });
  await settled();
  expect(find(".gw-meter").hidden).toBe(true);
});

it("a reading is a word, a number and a meter that says both", async () => {
  const { find, bar, say } = shown({ reading: READ });
  expect(bar()).toEqual(["meter", "0", "100", "31", "usual: 1.2 times as far as unedited pictures, at layer7"]);
  expect(find(".gw-meter-words").textContent).toBe("usual 1.2×");
  expect(find(".gw-meter-fill").style.width).toBe("31%");
  say({ reading: { ...READ, word: "never seen", times: 812, place: 0.99 } });
  await settled();
  expect(find(".gw-meter").dataset["gwMeter"]).toBe("never seen");
  expect(find(".gw-meter-words").textContent).toBe("never seen over 99×");
});

it("the word is said aloud only when it is another", async () => {
  const { find, say } = shown({ reading: READ });
  const node = find(".gw-meter-word").firstChild;
  say({ reading: { ...READ, times: 1.1, place: 0.3 } });
  await settled();
  expect(find(".gw-meter-word").firstChild).toBe(node);
  expect(find(".gw-meter-more").textContent).toBe(" 1.1×");
  expect(find(".gw-meter-word").getAttribute("aria-live")).toBe("polite");
});

it("says how far learning is, and can be given up and asked for", async () => {
  const { find, bar, say, state } = shown({ reading: { ...READ, state: "learning", done: 40, word: "" } });
  expect(bar()).toEqual(["progressbar", "0", "160", "40", "40 of 160"]);
  expect(find(".gw-meter-words").textContent).toContain("40 of 160");
  const turn = find("[data-act='meter']");
  expect(turn.getAttribute("aria-pressed")).toBe("true");
  turn.click();
  expect(state["meter"]).toBe("off");
  say({ reading: { ...READ, state: "off", word: "", note: "about 40 s" } });
  await settled();
  expect([find(".gw-meter-bar").hidden, turn.getAttribute("aria-pressed"), find(".gw-meter-words").textContent]).toEqual([true, "false", "about 40 s"]);
  turn.click();
  expect(state["meter"]).toBe("on");
});

it("does nothing where nothing can be changed", () => {
  const { find, state } = shown({ reading: READ, read_only: true });
  find("[data-act='meter']").click();
  expect(state["meter"]).toBe("auto");
});
