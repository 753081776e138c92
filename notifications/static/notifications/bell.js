/* <notifications-bell>: a link that opens a panel. */

import { List, all } from "./list.js";
import { isOver, live, remember, send } from "./transport.js";

let bells = 0;

class Bell extends List {
  desktop = async (name, ...rest) => (await import("./desktop.js"))[name](...rest);

  connectedCallback() {
    super.connectedCallback();
    this.link = this.querySelector(".ntf-bell");
    this.panel = this.querySelector(".ntf-panel");
    this.panel.id = `ntf-panel-${++bells}`;
    Object.assign(this.link, { role: "button", ariaExpanded: "false" });
    this.link.setAttribute("aria-controls", this.panel.id);
    this.on(this.link, "click", (event) => {
      if (!event.ctrlKey && !event.metaKey && !event.shiftKey) {
        event.preventDefault();
        this.toggle(this.panel.hidden);
      }
    });
    this.on(this.link, "keydown", (event) => event.key === " " && (event.preventDefault(), this.link.click()));
    this.on(this.panel, "click", ({ target }) => this.press(target.closest("button[value]")));
    this.on(this, "keydown", (event) => event.key === "Escape" && !this.panel.hidden && (event.preventDefault(), this.toggle(false)));
    const leave = (target) => target && !this.contains(target) && this.toggle(false);
    this.on(document, "pointerdown", ({ target }) => leave(target));
    this.on(this, "focusout", ({ relatedTarget }) => leave(relatedTarget));
    this.on(document, "notifications:changed", () => this.panel.hidden || this.soon());
    // One tab, where nobody looks.
    const isOn = () => window.Notification?.permission === "granted" && remember("ntf-desktop") === "on";
    this.on(document, "notifications:new", ({ detail }) => isOn() && live.leading && live.isUnwatched() && this.desktop("show", detail, this.link));
    this.on(document, "notifications:stopped", ({ detail }) => this.showProblem({ kind: detail.reason }));
    for (const event of ["resize", "scroll"]) {
      this.on(window, event, () => this.panel.hidden || this.place(), true);
    }
  }

  press(button) {
    if (button) {
      const { name, value, dataset } = button;
      const [action, slug] = value.split(/:(.*)/);
      const records = this.shown().filter((record) => !slug || record.slug === slug);
      const { answer } = this.act(action, records, dataset.ntfUrl ?? this.dataset.ntfAct, { [name]: value });
      answer.then((counts) => this.count(counts)).catch((problem) => this.showProblem(problem, true));
    }
  }

  question() {
    return { threads: this.dataset.ntfThreads };
  }

  async toggle(open) {
    const opens = open && this.panel.hidden;
    open || !this.panel.contains(document.activeElement) || this.link.focus();
    this.panel.hidden = !open;
    // Nothing cuts it off.
    this.panel.togglePopover?.(open);
    this.link.ariaExpanded = String(open);
    if (opens) {
      this.place();
      const button = this.querySelector("[data-ntf-desktop]");
      button && window.Notification && this.desktop("offer", button);
      this.showState("loading");
      try {
        await this.refresh();
        const { unread } = live.counts ?? {};
        await send(this, this.dataset.ntfSeen, {});
        live.send("count", { unread, unseen: 0 });
      } catch (problem) {
        this.showProblem(problem);
      }
    }
  }

  async refresh() {
    await super.refresh();
    // That an action failed stays.
    this.state === "wrong" || this.showState("");
  }

  showState(name) {
    this.state = name;
    for (const message of all("[data-ntf-when]", this.panel)) {
      message.hidden = message.dataset.ntfWhen !== name;
    }
    this.panel.ariaBusy = String(name === "loading");
    name && all(".ntf-empty", this.panel).forEach((element) => (element.hidden = true));
  }

  showProblem(problem, wasAsked) {
    super.showProblem(problem);
    this.showState(isOver(problem) ? problem.kind : wasAsked ? "wrong" : "failed");
    if (isOver(problem)) {
      this.records = [];
      this.list.hidden = true;
      this.list.replaceChildren();
    }
  }

  /* Keep the panel on the screen. */
  place() {
    const { top, bottom, left, right } = this.getBoundingClientRect();
    const { clientWidth: width, clientHeight: height } = document.documentElement;
    const { style, offsetWidth: size, scrollHeight } = this.panel;
    const [above, below] = [top - 16, height - bottom - 16];
    const isUp = below < Math.min(scrollHeight, 240) && above > below;
    const x = Math.min(left < width / 2 ? left : right - size, width - 8 - size);
    const y = isUp ? `auto auto ${height - top + 8}px` : `${bottom + 8}px auto auto`;
    style.inset = `${y} ${Math.max(x, 8)}px`;
    style.maxHeight = `${Math.max(isUp ? above : below, 120)}px`;
  }
}

customElements.define("notifications-bell", Bell);
