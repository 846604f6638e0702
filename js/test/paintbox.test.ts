import { afterEach, describe, expect, it, vi } from "vitest";
import type { Step } from "../src/messages";
import widget from "../src/views/paintbox";
import { fakeModel, mounted, settled } from "./model";

const RECT = { left: 0, top: 0, width: 400, height: 400, right: 400, bottom: 400, x: 0, y: 0 } as DOMRect;
const STEP: Step = { entry: 3, label: "tree painted", concept: "tree", mode: "insert", on: true, everywhere: false, seed: 5, box: null };
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
  vi.restoreAllMocks();
});

/** A view whose kernel has said that it is there. */
function shown(traits: Parameters<typeof fakeModel>[0] = {}, live = true) {
  const view = mounted(widget, traits, live);
  const { find } = view;
  const canvas = find<HTMLCanvasElement>(".gw-picture");
  canvas.getBoundingClientRect = () => RECT;
  const pointer = (type: string, x: number, y: number, target: EventTarget = canvas, more: PointerEventInit = {}) =>
    target.dispatchEvent(new PointerEvent(type, { clientX: x, clientY: y, pointerId: 1, isPrimary: true, button: 0, bubbles: true, ...more }));
  const press = (key: string, target: HTMLElement = canvas, more: KeyboardEventInit = {}) => {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
    target.dispatchEvent(event);
    return event;
  };
  const release = (key: string, target: HTMLElement = canvas) => target.dispatchEvent(new KeyboardEvent("keyup", { key, bubbles: true }));
  return { ...view, canvas, pointer, press, release };
}

describe("before and after", () => {
  it("stand side by side, with a line that moves by key and by pointer", () => {
    const { find, press, pointer } = shown();
    const line = find(".gw-split-line");
    const button = find("[data-act='split']");
    expect([line.hidden, button.getAttribute("aria-pressed")]).toEqual([true, "false"]);
    press("s");
    expect([line.hidden, button.getAttribute("aria-pressed")]).toEqual([false, "true"]);
    expect(press("ArrowRight", line).defaultPrevented).toBe(true);
    expect(line.getAttribute("aria-valuenow")).toBe("52");
    press("Home", line);
    expect([line.style.left, find(".gw-split").style.clipPath]).toEqual(["0%", "inset(0 100% 0 0)"]);
    pointer("pointerdown", 0, 200, line);
    pointer("pointermove", 300, 200, line);
    pointer("pointerup", 300, 200, line);
    pointer("pointermove", 100, 200, line);
    expect(line.getAttribute("aria-valuenow")).toBe("75");
    button.click();
    expect([line.hidden, button.getAttribute("aria-pressed")]).toEqual([true, "false"]);
  });
});

describe("a stroke by pointer", () => {
  it("previews while it moves and is sent once, with its mask", async () => {
    const { pointer, of, buffers, sent, find, answer } = shown();
    pointer("pointerdown", 100, 100);
    expect(find(".gw-ink").dataset["gwInk"]).toBe("true");
    pointer("pointermove", 200, 200);
    pointer("pointermove", 300, 200);
    expect(of("preview")).toHaveLength(1);
    expect(of("stroke")).toEqual([]);
    pointer("pointerup", 300, 200);
    pointer("lostpointercapture", 300, 200);
    expect(of("stroke")).toMatchObject([{ concept: "tree", tool: "insert" }]);
    const data = buffers[sent.findIndex((each) => each.kind === "stroke")];
    expect([...(data?.[0]?.subarray(1, 4) ?? [])]).toEqual([80, 78, 71]);
    expect(find(".gw-ink").dataset["gwStrokes"]).toBe("1");
    answer("stroke");
    await settled();
    expect(find(".gw-ink").dataset["gwStrokes"]).toBe("0");
  });

  it("ends in a straight line while Shift is held", () => {
    const straight = shown();
    straight.pointer("pointerdown", 40, 200);
    straight.pointer("pointermove", 200, 40, undefined, { shiftKey: true });
    straight.pointer("pointermove", 360, 200, undefined, { shiftKey: true });
    straight.pointer("pointerup", 360, 200);
    const plain = shown();
    plain.pointer("pointerdown", 40, 200);
    plain.pointer("pointermove", 360, 200);
    plain.pointer("pointerup", 360, 200);
    const mask = (view: typeof plain) => view.buffers[view.sent.findIndex((each) => each.kind === "stroke")]?.[0];
    expect(mask(straight)).toEqual(mask(plain));
  });

  it("is as strong as the pen is pressed", () => {
    const sizes = [0.9, 0.2, 0].map((pressure) => {
      const view = shown();
      view.pointer("pointerdown", 100, 100, undefined, { pointerType: "pen", pressure });
      view.pointer("pointerup", 100, 100);
      return view.buffers[view.sent.findIndex((each) => each.kind === "stroke")]?.[0];
    });
    expect(sizes[0]).not.toEqual(sizes[1]);
    expect(sizes[2]).toBeDefined(); // a pen that reports no pressure still paints
  });

  it("keeps every stroke while the kernel is busy", async () => {
    const { pointer, of, find } = shown();
    for (let i = 0; i < 4; i++) {
      pointer("pointerdown", 50 * i, 100);
      pointer("pointerup", 50 * i, 100);
    }
    expect(of("stroke")).toHaveLength(4);
    expect(of("preview")).toHaveLength(1);
    expect(find(".gw-ink").dataset["gwStrokes"]).toBe("4");
  });

  it("uses all coalesced samples", async () => {
    const { pointer, canvas, of, buffers, sent } = shown();
    pointer("pointerdown", 40, 200);
    const event = new PointerEvent("pointermove", { clientX: 360, clientY: 200, pointerId: 1, isPrimary: true, bubbles: true });
    event.getCoalescedEvents = () => [[200, 40], [360, 200]].map(([clientX, clientY]) => ({ clientX, clientY }) as PointerEvent);
    canvas.dispatchEvent(event);
    pointer("pointerup", 360, 200);
    const straight = shown();
    straight.pointer("pointerdown", 40, 200);
    straight.pointer("pointermove", 360, 200);
    straight.pointer("pointerup", 360, 200);
    const [bent, plain] = [{ sent, buffers }, straight].map((each) => each.buffers[each.sent.findIndex((one) => one.kind === "stroke")]?.[0]);
    expect(of("stroke")).toHaveLength(1);
    expect(bent).not.toEqual(plain);
  });

  it("is given up by Escape: nothing is sent", () => {
    const { pointer, press, of } = shown();
    pointer("pointerdown", 100, 100);
    const event = press("Escape");
    pointer("pointerup", 100, 100);
    expect(of("stroke")).toEqual([]);
    expect(of("cancel")).toHaveLength(1);
    expect(event.defaultPrevented).toBe(true);
  });

  it("is no second finger's, no right button's, and begins only once", () => {
    const { pointer, of } = shown();
    pointer("pointerdown", 10, 10, undefined, { isPrimary: false, pointerId: 2 });
    pointer("pointerdown", 10, 10, undefined, { button: 2 });
    pointer("pointerup", 10, 10);
    expect(of("stroke")).toEqual([]);
  });

  it("erases with the eraser, and with the pen's other end", () => {
    const { pointer, of, find } = shown();
    find("[data-act=eraser]").click();
    pointer("pointerdown", 100, 100);
    pointer("pointerup", 100, 100);
    find("[data-act=brush]").click();
    pointer("pointerdown", 100, 100, undefined, { button: 5 });
    pointer("pointerup", 100, 100);
    expect(of("stroke").map((each) => each["tool"])).toEqual(["ablate", "ablate"]);
  });

  it("says what went wrong", async () => {
    const { pointer, answer, find } = shown();
    pointer("pointerdown", 100, 100);
    pointer("pointerup", 100, 100);
    answer("stroke", { status: "error", message: "the stroke covers nothing", details: "Traceback" });
    await settled();
    expect(find(".gw-error").hidden).toBe(false);
    expect(find(".gw-error-words").textContent).toBe("the stroke covers nothing");
    expect(find<HTMLDetailsElement>(".gw-error details").open).toBe(false);
  });
});

describe("keys on the picture", () => {
  it("Space dabs, holding it while arrows move paints, letting go sends", () => {
    const { press, release, of } = shown();
    press(" ");
    press(" ", undefined, { repeat: true });
    press("ArrowRight", undefined, { shiftKey: true });
    press("ArrowDown");
    expect(of("stroke")).toEqual([]);
    release(" ");
    release(" ");
    expect(of("stroke")).toHaveLength(1);
  });

  it("p puts the brush down and lifts it again", () => {
    const { press, of } = shown();
    press("p");
    press("ArrowLeft");
    press("p");
    expect(of("stroke")).toHaveLength(1);
  });

  it("Enter drops the chosen thing at the brush", () => {
    const { press, of } = shown({ size: 0.1 });
    press("ArrowRight", undefined, { shiftKey: true });
    press("Enter");
    expect(of("drop")).toMatchObject([{ concept: "tree", x: expect.closeTo(0.5), y: expect.closeTo(0.4), width: expect.closeTo(0.2), height: expect.closeTo(0.2) }]);
  });

  it("never reach the notebook, but for Tab, Shift+Enter and an Escape that nobody needs", () => {
    const { press, el } = shown();
    const heard: string[] = [];
    el.addEventListener("keydown", (event) => heard.push(event.key));
    for (const key of ["b", "d", "x", "ArrowUp", "Enter", "z", " "]) press(key);
    expect(heard).toEqual([]);
    const tab = press("Tab");
    const run = press("Enter", undefined, { shiftKey: true });
    press(" "); // a stroke is under way, which the first Escape ends
    press("Escape");
    expect(heard).toEqual(["Tab", "Enter"]);
    expect(tab.defaultPrevented || run.defaultPrevented).toBe(false);
  });

  it("set the tool and the size as settings", () => {
    const { press, state, saved } = shown({ size: 0.2 });
    press("e");
    press("]");
    expect(state["tool"]).toBe("ablate");
    expect(state["size"]).toBeCloseTo(0.24);
    expect(saved).toEqual(["tool", "size"]);
    for (let i = 0; i < 40; i++) press("]");
    expect(state["size"]).toBe(0.6);
  });
});

describe("undo, redo, reset", () => {
  it("are possible as the kernel says", async () => {
    const { find, of, say, press } = shown();
    const off = (act: string) => find(`[data-act=${act}]`).getAttribute("aria-disabled") === "true";
    expect([off("undo"), off("redo"), off("reset")]).toEqual([true, true, true]);
    find("[data-act=undo]").click();
    press("z");
    expect(of("undo")).toEqual([]);
    say({ can_undo: true, can_redo: true, history: [STEP] });
    await settled();
    expect([off("undo"), off("redo"), off("reset")]).toEqual([false, false, false]);
    find("[data-act=undo]").click();
    press("z", undefined, { ctrlKey: true });
    press("Z", undefined, { shiftKey: true });
    find("[data-act=reset]").click();
    expect([of("undo").length, of("redo").length, of("reset").length]).toEqual([2, 1, 1]);
  });

  it("list each step with a box that switches it", async () => {
    const { find, of, answer, say } = shown({ history: [STEP, { ...STEP, entry: 4, everywhere: true, seed: null, on: false }] });
    expect([...find(".gw-steps").children].map((node) => (node as HTMLElement).dataset["entry"])).toEqual(["4", "3"]);
    const box = find<HTMLInputElement>('.gw-step[data-entry="3"] input');
    box.click();
    expect(of("toggle")).toMatchObject([{ entry: 3, on: false }]);
    answer("toggle", { status: "error", message: "no" });
    await settled();
    expect(box.checked).toBe(true);
    say({ history: [] });
    await settled();
    expect(find(".gw-step")).toBeNull();
  });
});

describe("a chip", () => {
  const drag = (view: ReturnType<typeof shown>, concept = "cloud") => {
    const chip = view.find(`.gw-chip[data-concept=${concept}]`);
    view.pointer("pointerdown", 500, 20, chip);
    view.pointer("pointermove", 503, 21, chip);
    expect(view.find(".gw-ghost")).toBeNull(); // too short for a drag
    view.pointer("pointermove", 200, 100, chip);
    return chip;
  };

  it("is chosen by a click", () => {
    const { find, state, saved } = shown();
    find(".gw-chip[data-concept=door]").click();
    expect([state["concept"], saved]).toEqual(["door", ["concept"]]);
  });

  it("is dropped where it is let go, in a box twice the brush", () => {
    const view = shown({ size: 0.1 });
    const chip = drag(view);
    expect(view.find(".gw-ghost")).not.toBeNull();
    expect(view.of("preview")).toMatchObject([{ concept: "cloud", tool: "insert" }]);
    view.pointer("pointerup", 200, 100, chip);
    expect(view.of("drop")).toMatchObject([{ concept: "cloud", x: expect.closeTo(0.4), y: expect.closeTo(0.15), width: expect.closeTo(0.2), height: expect.closeTo(0.2) }]);
    expect(view.find(".gw-ghost")).toBeNull();
  });

  it("is dropped nowhere outside the picture", () => {
    const view = shown();
    const chip = drag(view);
    view.pointer("pointermove", 600, 600, chip);
    view.pointer("pointerup", 600, 600, chip);
    expect(view.of("drop")).toEqual([]);
    expect(view.of("cancel")).toHaveLength(1);
  });

  it("is given up by Escape", () => {
    const view = shown();
    const chip = drag(view);
    view.press("Escape", document.body);
    view.pointer("pointerup", 200, 100, chip);
    expect(view.of("drop")).toEqual([]);
    expect(view.find(".gw-ghost")).toBeNull();
  });

  it("is reached by arrows: one stop in the Tab order", async () => {
    const { find, press, state, el } = shown();
    await settled();
    const stops = [...el.querySelectorAll<HTMLElement>(".gw-chip")].filter((node) => node.tabIndex === 0);
    expect(stops.map((node) => node.dataset["concept"])).toEqual(["tree"]);
    press("ArrowRight", find(".gw-chip[data-concept=tree]"));
    expect(state["concept"]).toBe("cloud");
  });
});

describe("the strip", () => {
  it("steps, and moves along at its end", () => {
    const { press, of, find } = shown({ seed: 7 });
    press(".");
    expect(of("show").map((each) => each["seed"])).toEqual([8]);
    expect(of("strip")).toMatchObject([{ step: 8 }]);
    find('[data-seed="2"]').click();
    expect(of("show").at(-1)?.["seed"]).toBe(2);
  });

  it("goes on from the picture asked for last, while the kernel draws", async () => {
    const { press, of, answer } = shown({ seed: 2 });
    for (const key of [".", ".", ","]) press(key);
    expect(of("show").map((each) => each["seed"])).toEqual([3, 4, 3]);
    for (let i = 0; i < 3; i++) answer("show", { status: "cancelled" });
    await settled();
    press(".");
    expect(of("show").at(-1)?.["seed"]).toBe(3);
  });

  it("stops at the first picture", () => {
    const { press, of, find } = shown({ seed: 0 });
    press(",");
    expect(of("show")).toEqual([]);
    expect(find(".gw-status").textContent).toContain("first");
  });

  it("takes a number, and says so when it is none", () => {
    const { find, of } = shown();
    const number = find<HTMLInputElement>(".gw-number");
    const type = (text: string) => {
      number.value = text;
      number.dispatchEvent(new Event("change", { bubbles: true }));
    };
    type("1234");
    expect(of("show").map((each) => each["seed"])).toEqual([1234]);
    expect(of("strip")[0]?.["seeds"]).toEqual([1234, 1235, 1236, 1237, 1238, 1239, 1240, 1241]);
    for (const wrong of ["-1", "cat", "4294967296", "1e3", "1.5"]) type(wrong);
    expect(of("show")).toHaveLength(1);
    expect(find(".gw-error-words").textContent).toContain("“1.5” is no picture number");
    expect(number.value).toBe("5");
  });
});

describe("settings", () => {
  it("go to the kernel as traits; the count's slider makes the level custom", async () => {
    const { find, state, saved, of } = shown();
    find("[data-act=level-high]").click();
    find("[data-act=everywhere]").click();
    const count = find<HTMLInputElement>("[data-set=count]");
    count.value = "9";
    count.dispatchEvent(new Event("input", { bubbles: true }));
    expect([state["level"], state["count"], state["everywhere"]]).toEqual(["custom", 9, true]);
    expect(saved).toEqual(["level", "everywhere", "level", "count"]);
    expect(of("set")).toEqual([]);
    await settled();
    expect(find("[data-act=everywhere]").getAttribute("aria-checked")).toBe("true");
  });

  it("ask for the heat map, one at a time", async () => {
    const { find, of, answer, say } = shown();
    find("[data-act=heat]").click();
    await settled();
    say({ concept: "cloud" });
    say({ count: 5 });
    await settled();
    expect(of("heatmap")).toHaveLength(1);
    answer("heatmap", { width: 1, height: 1 }, [new DataView(new ArrayBuffer(1))]);
    await settled();
    expect(of("heatmap").map((each) => each["concept"])).toEqual(["tree", "cloud"]);
  });
});

describe("before and after", () => {
  it("is held by key and by button", () => {
    const { find, press, release, pointer } = shown();
    const eye = find("[data-act=original]");
    pointer("pointerdown", 0, 0, eye);
    expect(eye.getAttribute("aria-pressed")).toBe("true");
    pointer("pointerup", 0, 0, eye);
    expect(eye.getAttribute("aria-pressed")).toBe("false");
    press(" ", eye);
    expect(eye.getAttribute("aria-pressed")).toBe("true");
    release(" ", eye);
    expect(eye.getAttribute("aria-pressed")).toBe("false");
    expect(press("o").defaultPrevented).toBe(true);
  });
});

describe("frames", () => {
  it("mark the canvas once drawn, newest only, and are acknowledged", async () => {
    const { post, canvas, of, find } = shown();
    const frame = { kind: "frame", id: null, view: "", format: "png", rest: true, seed: 5, preview: false } as const;
    post({ ...frame, frame: 4 }, [new DataView(new ArrayBuffer(1))]);
    post({ ...frame, frame: 2 }, [new DataView(new ArrayBuffer(1))]);
    await settled();
    expect(canvas.dataset["gwFrame"]).toBe("4");
    expect(of("ack")).toHaveLength(2);
    expect(find(".gw-paintbox").dataset["gwReady"]).toBe("true");
  });
});

describe("what is under way", () => {
  it("is shown, and Escape or the button gives it up", async () => {
    const { find, say, of, press } = shown();
    say({ busy: "drawing", progress: { done: 1, total: 4, note: "tree" } });
    find("[data-act=shuffle]").click();
    await settled();
    expect(find(".gw-progress").hidden).toBe(false);
    expect(find(".gw-progress-words").textContent).toBe("drawing: tree");
    expect(find("[role=progressbar]").getAttribute("aria-valuenow")).toBe("25");
    expect(find(".gw-paintbox").dataset["gwBusy"]).toBe("true");
    press("Escape");
    find("[data-act=cancel]").click();
    expect(of("cancel").map((each) => each["target"])).toEqual([of("strip")[0]?.id, of("strip")[0]?.id]);
  });
});

describe("handing in", () => {
  /** What the browser is given to keep. */
  function kept() {
    const files: { name: string; blob: Blob }[] = [];
    let last: Blob | null = null;
    vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => ((last = blob as Blob), "blob:x"));
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
      files.push({ name: this.download, blob: last as Blob });
    });
    return files;
  }

  it("asks once, and keeps the zip under the kernel's name", async () => {
    const files = kept();
    const { find, of, answer } = shown();
    const button = find("[data-act=handin]");
    expect(button.title).toBe("Hand in: the edits and the picture");
    button.click();
    expect(of("handin")).toHaveLength(1);
    expect(Object.keys(of("handin")[0] as object).sort()).toEqual(["id", "kind", "view"]); // no path, no name
    answer("handin", { name: "../story book-5.zip" }, [new DataView(Uint8Array.from([80, 75, 3, 4]).buffer)]);
    await settled();
    expect(files.map((file) => file.name)).toEqual([".._story_book-5.zip"]);
    expect([...new Uint8Array(await (files[0]?.blob as Blob).arrayBuffer())]).toEqual([80, 75, 3, 4]);
    expect(files[0]?.blob.type).toBe("application/zip");
    expect(find(".gw-status").textContent).toContain("hand it in");
  });

  it("keeps nothing when it went wrong, and is barred without a kernel", async () => {
    const files = kept();
    const { find, answer } = shown();
    find("[data-act=handin]").click();
    answer("handin", { status: "error", message: "the disk is full" });
    await settled();
    expect([files, find(".gw-error-words").textContent]).toEqual([[], "the disk is full"]);
    const alone = shown({ read_only: true });
    expect(alone.find("[data-act=handin]").getAttribute("aria-disabled")).toBe("true");
  });
});

describe("without a kernel", () => {
  it.each([
    ["that is not there", { layout: { comm_live: false } }, "No kernel"],
    ["of another protocol", { protocol: 2 }, "restart the kernel"],
    ["that lets nothing be changed", { read_only: true }, "Read only"],
    ["that has not answered yet", {}, "Waiting"],
  ])("%s, it says so and sends nothing", (_, traits, words) => {
    const { find, pointer, press, of, state } = shown(traits, words !== "Waiting" && words !== "No kernel");
    expect(find(".gw-badge").textContent).toContain(words);
    expect(find(".gw-badge").hidden).toBe(false);
    pointer("pointerdown", 100, 100);
    pointer("pointerup", 100, 100);
    press("Enter");
    press("e");
    find("[data-act=shuffle]").click();
    find(".gw-chip[data-concept=door]").click();
    for (const kind of ["stroke", "drop", "strip"] as const) expect(of(kind)).toEqual([]);
    expect([state["tool"], state["concept"]]).toEqual(["insert", "tree"]);
    expect(find("[data-act=png]").getAttribute("aria-disabled")).toBeNull();
  });
});

describe("text from elsewhere", () => {
  it("is never HTML", async () => {
    const evil = '<img src=x onerror="alert(1)">';
    const { el, find, say, answer } = shown({
      model: evil,
      layer: evil,
      concepts: [{ name: evil, kind: evil, color: `red" onclick="${evil}`, units: 1, measured: true, note: evil }],
      concept: evil,
      history: [{ ...STEP, label: evil, concept: evil }],
      alt: evil,
      heat: true,
    });
    say({ status: evil, busy: evil, error: { message: evil, details: evil }, progress: { done: 1, total: 2, note: evil } });
    await settled();
    find("[data-act=script]").click();
    answer("script", { script: evil });
    await settled();
    expect(el.querySelector("img, [onclick], [onerror]")).toBeNull();
    expect(find(".gw-title").textContent).toBe(evil);
    expect(find(".gw-chip-word").textContent).toBe(evil);
    expect(find(".gw-code").textContent).toBe(evil);
    expect(find(".gw-chip").style.getPropertyValue("--gw-concept")).toBe("rgb(128 128 128)");
  });

  it("meets no way of making HTML in our sources", () => {
    const sources = import.meta.glob("../src/**/*.ts", { query: "?raw", import: "default", eager: true }) as Record<string, string>;
    expect(Object.keys(sources).length).toBeGreaterThan(20);
    for (const [name, text] of Object.entries(sources)) expect(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/.test(text), name).toBe(false);
  });
});

describe("the end of a view", () => {
  it("takes every listener with it", () => {
    const [added, gone] = [vi.spyOn(EventTarget.prototype, "addEventListener"), { count: 0 }];
    const view = shown();
    const unowned = added.mock.calls.filter(([type, , options]) => type !== "abort" && !(options as AddEventListenerOptions | undefined)?.signal);
    expect(unowned).toEqual([]);
    expect(view.handlers()).toBeGreaterThan(10);
    view.pointer("pointerdown", 10, 10);
    view.end();
    expect(view.handlers()).toBe(0);
    expect(view.el.children).toHaveLength(0);
    view.emit("msg:custom", { kind: "frame" });
    gone.count = view.sent.length;
    view.pointer("pointerup", 10, 10);
    expect(view.sent).toHaveLength(gone.count);
  });

  it("leaves other views of the model alone, which have names of their own", async () => {
    const fake = fakeModel();
    const [a, b] = [document.createElement("div"), document.createElement("div")];
    const [endA, endB] = [a, b].map((el) => widget.render({ model: fake.model, el })) as [() => void, () => void];
    ends.push(endB);
    expect(new Set(fake.of("ready").map((each) => each.view)).size).toBe(2);
    endA();
    fake.say({ status: "hello" });
    await settled();
    expect(b.querySelector(".gw-status")?.textContent).toBe("hello");
  });

  it("comes with the host's signal too", () => {
    const fake = fakeModel();
    const life = new AbortController();
    widget.render({ model: fake.model, el: document.createElement("div"), signal: life.signal });
    life.abort();
    expect(fake.handlers()).toBe(0);
  });
});
