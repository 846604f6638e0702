// Traffic with the kernel: numbered requests answered exactly once, one preview at a time, frames in order, slices pulled.

import { QUIET, type Answer, type Frame, type Post, type RequestKind, type Requests, type Status } from "./messages";
import { commLive, follow, type Model } from "./store";

export interface Reply extends Partial<Omit<Answer, "status">> {
  readonly status: Status;
  readonly buffers: readonly DataView[];
}

/** "waiting": the first answer is not in; "gone": nobody will answer. */
export type Line = "waiting" | "live" | "gone";

export interface Hooks {
  /** Draw a frame; it is acknowledged once that is done. */
  frame(frame: Frame, data: DataView): Promise<void> | void;
  post(post: Exclude<Post, Answer | Frame>, data: DataView): void;
  /** The line to the kernel, or the number of requests under way, has changed. */
  changed(): void;
}

export interface Kernel {
  readonly view: string;
  readonly line: Line;
  /** Whether the first answer is long in coming. */
  readonly late: boolean;
  /** Acts under way, oldest first. */
  readonly acts: readonly number[];
  ask<K extends RequestKind>(kind: K, fields: Requests[K], buffer?: ArrayBufferView<ArrayBuffer>): Promise<Reply>;
  /** Show what a stroke would do. At most one preview is under way; of those that wait only the latest is made and sent. */
  preview(fields: Requests["preview"], mask: () => ArrayBufferView<ArrayBuffer>): void;
  /** Show an object in another box, as a preview. */
  peek(fields: Requests["peek"]): void;
  /** Forget the preview that waits. Unless what it shows is to come true (`undone` false), give up the one under way, and show none of those asked for so far. */
  dropPreviews(undone?: boolean): void;
  /** Give up an act. */
  cancel(id: number): void;
  /** Say `ready`, once everything listens. */
  greet(dpr: number): void;
}

interface Asked {
  readonly kind: RequestKind;
  readonly settle: (reply: Reply) => void;
}

const PATIENCE = 8000; // ms without a first answer, after which we wonder

const GONE: Reply = { status: "cancelled", message: "the kernel is gone", buffers: [] };

export function openKernel(model: Model, signal: AbortSignal, hooks: Hooks): Kernel {
  const view = newView();
  const asked = new Map<number, Asked>();
  let count = 0;
  let late = false;
  let line: Line = commLive(model) === false ? "gone" : "waiting";

  function send<K extends RequestKind>(kind: K, fields: Requests[K], buffer?: ArrayBufferView<ArrayBuffer>): number {
    const id = ++count;
    model.send({ ...fields, kind, id, view }, undefined, buffer ? [buffer] : []);
    return id;
  }

  function ask<K extends RequestKind>(kind: K, fields: Requests[K], buffer?: ArrayBufferView<ArrayBuffer>): Promise<Reply> {
    if (line === "gone" || signal.aborted) return Promise.resolve(GONE);
    return new Promise((settle) => {
      asked.set(count + 1, { kind, settle });
      send(kind, fields, buffer);
      hooks.changed();
      if (kind !== "next") pull.hungry();
    });
  }

  function answered(answer: Answer, buffers: readonly DataView[]): void {
    if (answer.view !== view || answer.id === null) return;
    const request = asked.get(answer.id);
    if (!request) return; // answered already
    asked.delete(answer.id);
    if (line === "waiting") line = "live";
    request.settle({ ...answer, buffers });
    hooks.changed();
  }

  const previews = onePreview(() => count, (id) => ask("cancel", { target: id }));
  const frames = inOrder(hooks.frame, (frame) => send("ack", { frame }), (frame) => frame.preview && !previews.wanted(frame, view));
  const pull = puller(() => model.get("driver") === "pull", ask);

  function heard(content: Post, buffers: readonly DataView[] = []): void {
    if (content === null || typeof content !== "object") return;
    if (content.kind === "answer") return answered(content, buffers);
    const data = buffers[0];
    if (!data) return;
    if (content.kind === "frame") void frames(content, data).then(pull.drawn);
    else hooks.post(content, data);
  }

  function checkLine(): void {
    const live = commLive(model);
    if (live === false && line !== "gone") {
      line = "gone";
      const lost = [...asked.values()];
      asked.clear();
      for (const { settle } of lost) settle(GONE);
      hooks.changed();
    } else if (live === true && line === "gone") {
      line = "waiting";
      hooks.changed();
      kernel.greet(globalThis.devicePixelRatio || 1);
    }
  }

  follow(model, "msg:custom", heard, signal);
  follow(model, "comm_live_update", () => setTimeout(() => signal.aborted || checkLine(), 0), signal);
  for (const name of ["busy", "history", "seed"]) follow(model, `change:${name}`, () => pull.hungry(), signal);
  signal.addEventListener("abort", () => asked.clear(), { once: true });

  const kernel: Kernel = {
    view,
    get line() {
      return line;
    },
    get late() {
      return late && line === "waiting";
    },
    get acts() {
      return [...asked].filter(([, { kind }]) => !QUIET.includes(kind)).map(([id]) => id);
    },
    ask,
    preview: (fields, mask) => previews.show(() => ask("preview", fields, mask())),
    peek: (fields) => previews.show(() => ask("peek", fields)),
    dropPreviews: previews.drop,
    cancel: (id) => void ask("cancel", { target: id }),
    greet(dpr) {
      void ask("ready", { dpr: Math.min(16, Math.max(0.1, dpr)) });
      const timer = setTimeout(() => {
        late = true;
        hooks.changed();
      }, PATIENCE);
      signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
    },
  };
  return kernel;
}

/** A name for this view that no other has. */
function newView(): string {
  const words = new Uint32Array(2);
  globalThis.crypto.getRandomValues(words);
  return [...words].map((word) => word.toString(36)).join("");
}

type Ask = Kernel["ask"];

/** One preview under way, the latest waiting. */
function onePreview(last: () => number, giveUp: (id: number) => void) {
  let flying: number | null = null;
  let waiting: (() => Promise<Reply>) | null = null;
  let given: number | null = null; // already cancelled
  let oldest = 0; // frames of previews before this one are not shown

  async function fly(): Promise<void> {
    while (waiting && flying === null) {
      const send = waiting;
      waiting = null;
      flying = last() + 1;
      await send();
      flying = null;
    }
  }

  return {
    show(send: () => Promise<Reply>) {
      waiting = send;
      void fly();
    },
    drop(undone = true) {
      waiting = null;
      if (!undone) return;
      oldest = last() + 1;
      if (flying !== null && flying !== given) giveUp((given = flying));
    },
    wanted: (frame: Frame, view: string) => frame.view === view && (frame.id ?? 0) >= oldest,
  };
}

/** Frames as they come, without those older than the newest and those not wanted; each is acknowledged. */
function inOrder(draw: Hooks["frame"], acknowledge: (frame: number) => void, unwanted: (frame: Frame) => boolean) {
  let newest = 0;
  return async (frame: Frame, data: DataView): Promise<void> => {
    if (frame.frame > newest && !unwanted(frame)) {
      newest = frame.frame;
      await draw(frame, data);
    }
    acknowledge(frame.frame);
  };
}

/** On hosts with one thread the kernel works only while it answers: ask for the next slice as long as there is more. */
function puller(pulls: () => boolean, ask: Ask) {
  let [due, flying] = [false, false];
  let picture: Promise<void> = Promise.resolve();
  let seen: () => void = () => {};

  async function go(): Promise<void> {
    if (flying) return;
    flying = true;
    while (due && pulls()) {
      due = false;
      picture = new Promise((done) => (seen = done));
      const reply = await ask("next", {});
      if (reply.status !== "done") break;
      if (reply.more) {
        due = true;
        await Promise.race([picture, new Promise((done) => setTimeout(done, 30))]);
      }
    }
    flying = false;
  }

  return {
    /** There may be work. */
    hungry() {
      due = true;
      if (pulls()) void go();
    },
    /** A frame has been drawn. */
    drawn: () => seen(),
  };
}

