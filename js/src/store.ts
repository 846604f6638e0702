// The lab's synced traits as one view sees them: read, watch, and write the settings that a hand may change.

import type { AnyModel } from "@anywidget/types";
import type { Setting, State } from "./messages";

/** What we use of anywidget's model; `any` in its events is theirs. */
export type Model = Pick<AnyModel<State>, "get" | "set" | "on" | "off" | "save_changes" | "send">;

export type Settings = Pick<State, Setting>;

export interface Store {
  get<K extends keyof State>(name: K): State[K];
  /** Change settings, here and in the kernel. */
  set(values: Partial<Settings>): void;
  /** Call `seen` now, and again when one of the traits has changed: once, however many did. */
  watch(names: readonly (keyof State)[], seen: () => void): void;
}

export function openStore(model: Model, signal: AbortSignal): Store {
  return {
    get: (name) => model.get(name),
    set(values) {
      let changed = false;
      for (const [name, value] of Object.entries(values) as [Setting, never][]) {
        if (model.get(name) === value) continue;
        model.set(name, value);
        changed = true;
      }
      if (changed) model.save_changes();
    },
    watch(names, seen) {
      let due = false;
      const later = () => {
        if (due) return;
        due = true;
        queueMicrotask(() => {
          due = false;
          if (!signal.aborted) seen();
        });
      };
      for (const name of names) follow(model, `change:${name}`, later, signal);
      seen();
    },
  };
}

/** Hear a model's event until the signal. */
export function follow(model: Model, event: string, heard: (...args: never[]) => void, signal: AbortSignal): void {
  if (signal.aborted) return;
  const handler = heard as (...args: unknown[]) => void;
  model.on(event, handler);
  signal.addEventListener("abort", () => model.off(event, handler), { once: true });
}

/** Whether the kernel's end of the model is there: null where the host does not tell. */
export function commLive(model: Model): boolean | null {
  // anywidget hands out no `comm_live`, but the layout is a model of the same kernel, and that one we are given whole
  const layout = (model as unknown as { get(name: string): unknown }).get("layout");
  const live = layout !== null && typeof layout === "object" ? (layout as { comm_live?: unknown }).comm_live : undefined;
  return typeof live === "boolean" ? live : null;
}
