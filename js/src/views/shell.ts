// What every lab is built in: its root, the traits, the line to the kernel, the picture, and how it says how it stands.

import { openKernel } from "../kernel";
import type { Answer, Frame, Post, Trouble } from "../messages";
import { make } from "../parts/dom";
import { liveRegion, troubleStrip } from "../parts/notices";
import { followTheme } from "../parts/theme";
import { openStore, type Model } from "../store";
import { actsOf, newsroom, noSheets, open, type Acts, type Studio } from "../studio";
import { screen, type Screen } from "./screen";

export interface Props {
  readonly model: Model;
  readonly el: HTMLElement;
  readonly signal?: AbortSignal;
}

export interface Shell {
  readonly root: HTMLElement;
  readonly studio: Studio;
  readonly acts: Acts;
  readonly picture: Screen;
  /** What went wrong, and what is said aloud. */
  readonly notices: readonly [HTMLElement, HTMLElement];
  /** Put the lab on the page, once all its parts are in the root; answers what takes it away. */
  begin(): () => void;
}

export function shell({ model, el, signal: outer }: Props, className: string, label: string, post: (post: Exclude<Post, Answer | Frame>, data: DataView) => void): Shell {
  const life = new AbortController();
  const { signal } = life;
  outer?.addEventListener("abort", () => life.abort(), { once: true, signal });

  const root = make("div", `gw-lab ${className}`, { role: "region", "aria-label": label });
  const store = openStore(model, signal);
  const news = newsroom();
  const live = liveRegion();
  const trouble = troubleStrip(signal);
  const picture = screen({ store, signal, news });
  const kernel = openKernel(model, signal, {
    async frame(frame: Frame, data) {
      await picture.frame(frame, data);
      if (frame.preview) news.tell("preview");
    },
    post,
    changed: () => news.tell("line"),
  });
  const studio: Studio = { store, kernel, signal, sheets: noSheets(), news, say: live.say, fail: trouble.show };

  function mark(): void {
    root.dataset["gwReady"] = String(kernel.line === "live");
    root.dataset["gwLine"] = kernel.line;
    root.dataset["gwBusy"] = String(store.get("busy") !== "" || kernel.acts.length > 0);
    root.classList.toggle("gw-shut", !open(studio));
  }

  return {
    root,
    studio,
    acts: actsOf(studio),
    picture,
    notices: [trouble.node, live.node],
    begin() {
      followTheme(root, signal);
      store.watch(["error"], () => {
        const error = store.get("error");
        trouble.show("message" in error ? (error as Trouble) : null);
      });
      store.watch(["status"], () => live.say(store.get("status")));
      store.watch(["busy", "read_only"], mark);
      news.on("line", mark);
      el.append(root);
      kernel.greet(globalThis.devicePixelRatio || 1);
      return () => {
        life.abort();
        root.remove();
      };
    },
  };
}
