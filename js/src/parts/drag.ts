// Dragging with the pointer: a press that moves far enough becomes a drag; Escape or a lost pointer ends it without a drop.

import { listen } from "./dom";

interface Place {
  readonly clientX: number;
  readonly clientY: number;
}

export interface Drag {
  /** A drag of this part begins; false: it may not. */
  start(node: HTMLElement, at: Place): boolean;
  move(at: Place): void;
  drop(at: Place): void;
  cancel(): void;
}

const FAR = 6; // css pixels

/** Make the parts that match draggable. A drag is no click. */
export function dragging(parent: HTMLElement, selector: string, signal: AbortSignal, drag: Drag): void {
  let held: { node: HTMLElement; pointer: number; x: number; y: number; going: boolean; life: AbortController } | null = null;
  let ended = 0; // when a drag ended: the click that follows is none

  function end(commit: Place | null): void {
    if (!held) return;
    const { going, life } = held;
    held = null;
    life.abort();
    if (!going) return;
    ended = performance.now();
    if (commit) drag.drop(commit);
    else drag.cancel();
  }

  function begin(event: PointerEvent): void {
    const node = (event.target as Element).closest<HTMLElement>(selector);
    if (!node || event.button !== 0 || !event.isPrimary) return;
    end(null);
    const life = new AbortController();
    held = { node, pointer: event.pointerId, x: event.clientX, y: event.clientY, going: false, life };
    const ours = (heard: (event: PointerEvent) => void) => (each: PointerEvent) => each.pointerId === held?.pointer && heard(each);
    listen(window, "pointermove", ours(move), life.signal);
    listen(window, "pointerup", ours((each) => end(each)), life.signal);
    listen(window, "pointercancel", ours(() => end(null)), life.signal);
    listen(window, "keydown", escape, life.signal, { capture: true });
  }

  function move(event: PointerEvent): void {
    if (!held) return;
    if (!held.going) {
      if (Math.hypot(event.clientX - held.x, event.clientY - held.y) < FAR) return;
      if (!drag.start(held.node, event)) return end(null);
      held.going = true;
      held.node.setPointerCapture?.(held.pointer);
    }
    drag.move(event);
  }

  function escape(event: KeyboardEvent): void {
    if (event.key !== "Escape" || !held?.going) return;
    event.stopPropagation();
    event.preventDefault();
    end(null);
  }

  listen(parent, "pointerdown", begin, signal);
  listen(
    parent,
    "click",
    (event) => {
      if (performance.now() - ended > 250) return;
      event.stopImmediatePropagation();
      event.preventDefault();
    },
    signal,
    { capture: true },
  );
  signal.addEventListener("abort", () => end(null), { once: true });
}
