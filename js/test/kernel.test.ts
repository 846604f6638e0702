import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openKernel, type Hooks } from "../src/kernel";
import type { Frame } from "../src/messages";
import { fakeModel, settled } from "./model";

const DATA = new DataView(new ArrayBuffer(4));
const MASK = new Uint8Array(1);
const PREVIEW = { concept: "tree", tool: "insert" } as const;

let life: AbortController;
beforeEach(() => void (life = new AbortController()));
afterEach(() => life.abort());

function opened(traits: Parameters<typeof fakeModel>[0] = {}, hooks: Partial<Hooks> = {}) {
  const fake = fakeModel(traits);
  const drawn: Frame[] = [];
  const kernel = openKernel(fake.model, life.signal, { frame: (frame) => void drawn.push(frame), post: () => {}, changed: () => {}, ...hooks });
  const frame = (number: number, more: Partial<Frame> = {}) =>
    fake.post({ kind: "frame", frame: number, id: null, view: "", format: "png", rest: true, seed: 0, preview: false, ...more }, [DATA]);
  return { ...fake, kernel, drawn, frame };
}

describe("requests", () => {
  it("carry a kind, the view, and ids that count up; fields cannot change them", async () => {
    const { kernel, sent } = opened();
    void kernel.ask("show", { seed: 3 });
    void kernel.ask("undo", { kind: "redo", id: 99 } as never);
    expect(sent).toEqual([
      { kind: "show", id: 1, view: kernel.view, seed: 3 },
      { kind: "undo", id: 2, view: kernel.view },
    ]);
  });

  it("are answered exactly once, and only by their own answer", async () => {
    const { kernel, post } = opened();
    const heard: string[] = [];
    void kernel.ask("undo", {}).then((reply) => heard.push(reply.status));
    post({ kind: "answer", id: 1, view: "another view", status: "error" });
    post({ kind: "answer", id: 2, view: kernel.view, status: "error" });
    await settled();
    expect(heard).toEqual([]);
    post({ kind: "answer", id: 1, view: kernel.view, status: "done" });
    post({ kind: "answer", id: 1, view: kernel.view, status: "error" });
    await settled();
    expect(heard).toEqual(["done"]);
    expect(kernel.acts).toEqual([]);
  });

  it("outlive a busy kernel: all go out at once and wait", () => {
    const { kernel, of } = opened();
    for (let i = 0; i < 5; i++) void kernel.ask("stroke", PREVIEW, MASK);
    expect(of("stroke")).toHaveLength(5);
    expect(kernel.acts).toEqual([1, 2, 3, 4, 5]);
  });

  it("survive messages that make no sense", async () => {
    const { kernel, post, drawn } = opened();
    for (const nonsense of [null, 7, "frame", {}, { kind: "frame" }, { kind: "answer" }]) post(nonsense as never);
    const reply = kernel.ask("undo", {});
    post({ kind: "answer", id: 1, view: kernel.view, status: "done" });
    expect((await reply).status).toBe("done");
    expect(drawn).toEqual([]);
  });

  it("the first answer opens the line; a lost comm closes it and ends what waits", async () => {
    const layout = { comm_live: true };
    const { kernel, answer, emit, of } = opened({ layout });
    expect(kernel.line).toBe("waiting");
    kernel.greet(2);
    answer("ready");
    expect(kernel.line).toBe("live");
    const reply = kernel.ask("undo", {});
    layout.comm_live = false;
    emit("comm_live_update");
    expect((await reply).status).toBe("cancelled");
    expect(kernel.line).toBe("gone");
    expect((await kernel.ask("redo", {})).status).toBe("cancelled");
    expect(of("redo")).toEqual([]);
    layout.comm_live = true;
    emit("comm_live_update");
    await settled();
    expect(of("ready")).toHaveLength(2);
  });
});

describe("previews", () => {
  it("fly one at a time, and the latest wins", async () => {
    const { kernel, of, answer, buffers, sent } = opened();
    const made: number[] = [];
    const show = (n: number) => kernel.preview(PREVIEW, () => (made.push(n), Uint8Array.of(n)));
    [1, 2, 3, 4].forEach(show);
    expect(of("preview")).toHaveLength(1);
    answer("preview");
    await settled();
    expect(made).toEqual([1, 4]); // those between were not even encoded
    expect(buffers[sent.length - 1]?.[0]?.[0]).toBe(4);
    answer("preview", { status: "superseded" });
    await settled();
    expect(of("preview")).toHaveLength(2);
    show(5);
    expect(of("preview")).toHaveLength(3);
  });

  it("that come to nothing are cancelled, and their frames are acknowledged but not shown", async () => {
    const { kernel, of, frame, drawn } = opened();
    kernel.preview(PREVIEW, () => MASK);
    kernel.preview(PREVIEW, () => MASK);
    kernel.dropPreviews();
    expect(of("cancel").map((each) => each["target"])).toEqual([1]);
    frame(1, { preview: true, rest: false, id: 1, view: kernel.view });
    await settled();
    expect(drawn).toEqual([]);
    expect(of("ack").map((each) => each["frame"])).toEqual([1]);
    expect(of("preview")).toHaveLength(1);
  });

  it("that come true are not cancelled", () => {
    const { kernel, of } = opened();
    kernel.preview(PREVIEW, () => MASK);
    kernel.dropPreviews(false);
    expect(of("cancel")).toEqual([]);
  });

  it("of another view are not shown", async () => {
    const { frame, drawn } = opened();
    frame(1, { preview: true, rest: false, id: 4, view: "elsewhere" });
    await settled();
    expect(drawn).toEqual([]);
  });
});

describe("frames", () => {
  it("are acknowledged once drawn, and stale ones are dropped", async () => {
    let finish: () => void = () => {};
    const shown: number[] = [];
    const { frame, of } = opened({}, { frame: (each) => (shown.push(each.frame), each.frame === 2 ? new Promise<void>((done) => (finish = done)) : undefined) });
    frame(2);
    await settled();
    expect(of("ack")).toEqual([]);
    finish();
    frame(1);
    frame(3);
    await settled();
    expect(shown).toEqual([2, 3]);
    expect(of("ack").map((each) => each["frame"]).sort()).toEqual([1, 2, 3]);
  });
});

describe("the pull driver", () => {
  it("asks for slices as long as there is more, one at a time", async () => {
    vi.useFakeTimers();
    const { kernel, of, answer } = opened({ driver: "pull" });
    void kernel.ask("stroke", PREVIEW, MASK);
    expect(of("next")).toHaveLength(1);
    answer("next", { more: true });
    await vi.advanceTimersByTimeAsync(40);
    expect(of("next")).toHaveLength(2);
    answer("next", { more: false });
    await vi.advanceTimersByTimeAsync(200);
    expect(of("next")).toHaveLength(2);
    vi.useRealTimers();
  });

  it("asks for the next slice as soon as a frame is drawn", async () => {
    const { kernel, of, answer, frame } = opened({ driver: "pull" });
    void kernel.ask("undo", {});
    answer("next", { more: true });
    frame(1);
    await settled();
    expect(of("next")).toHaveLength(2);
  });

  it("is not asked where a thread does the work", () => {
    const { kernel, of } = opened();
    void kernel.ask("undo", {});
    expect(of("next")).toEqual([]);
  });
});
