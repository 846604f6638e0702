// A model that keeps what is set, saved and sent.

import { afterEach } from "vitest";
import { START } from "../demo/fake_kernel";
import type { Post, RequestKind, State } from "../src/messages";
import type { Model } from "../src/store";

export interface Sent {
  readonly kind: RequestKind;
  readonly id: number;
  readonly view: string;
  readonly [field: string]: unknown;
}

export function fakeModel(traits: Partial<State> & Record<string, unknown> = {}) {
  const state: Record<string, unknown> = { ...START, ...traits };
  const heard = new Map<string, Set<(...args: unknown[]) => void>>();
  const emit = (event: string, ...args: unknown[]) => [...(heard.get(event) ?? [])].forEach((hear) => hear(...args));
  const sent: Sent[] = [];
  const buffers: Uint8Array[][] = [];
  const saved: string[] = [];
  const changed = new Set<string>();
  const answered = new Set<number>();
  const model = {
    get: (name: string) => state[name],
    set(name: string, value: unknown) {
      state[name] = value;
      changed.add(name);
      emit(`change:${name}`);
    },
    save_changes() {
      saved.push(...changed);
      changed.clear();
    },
    on: (event: string, hear: never) => void heard.set(event, (heard.get(event) ?? new Set()).add(hear)),
    off: (event: string, hear: never) => void heard.get(event)?.delete(hear),
    send(content: Sent, _callbacks: unknown, data: Uint8Array[] = []) {
      sent.push(content);
      buffers.push(data);
    },
  };
  return {
    model: model as unknown as Model,
    state,
    sent,
    buffers,
    saved,
    /** Handlers that are still there. */
    handlers: () => [...heard.values()].reduce((sum, each) => sum + each.size, 0),
    emit,
    /** The kernel sets a trait. */
    say(values: Partial<State>) {
      for (const [name, value] of Object.entries(values)) {
        state[name] = value;
        emit(`change:${name}`);
      }
    },
    /** The kernel sends a message. */
    post: (content: Post, data: DataView[] = []) => emit("msg:custom", content, data),
    of: (kind: RequestKind) => sent.filter((each) => each.kind === kind),
    /** Answer a request of that kind that has none yet. */
    answer(kind: RequestKind, payload: object = {}, data: DataView[] = []) {
      const request = sent.find((each) => each.kind === kind && !answered.has(each.id));
      if (!request) throw new Error(`nobody asked ${kind}`);
      answered.add(request.id);
      emit("msg:custom", { kind: "answer", id: request.id, view: request.view, status: "done", ...payload }, data);
    },
  };
}

const ends: (() => void)[] = [];
afterEach(() => ends.splice(0).forEach((end) => end()));

interface View {
  render(context: { model: Model; el: HTMLElement }): () => void;
}

/** A view of a model of its own, gone after the test; its kernel has said that it is there, if it is to be `live`. */
export function mounted(widget: View, traits: Parameters<typeof fakeModel>[0] = {}, live = true) {
  const fake = fakeModel(traits);
  const el = document.createElement("div");
  document.body.append(el);
  const end = widget.render({ model: fake.model, el });
  ends.push(() => (end(), el.remove()));
  if (live) fake.answer("ready");
  const find = <T extends HTMLElement = HTMLElement>(selector: string) => el.querySelector<T>(selector) as T;
  return { ...fake, el, end, find };
}

/** Let everything that is due happen. */
export const settled = () => new Promise<void>((done) => setTimeout(done, 0));
