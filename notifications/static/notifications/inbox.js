/* <notifications-inbox>: the page of the inbox. */

import { areOn, explain, isFor, nameOfKey } from "./keys.js";
import { List, all } from "./list.js";
import { isOver, live, queue, withFields } from "./transport.js";

// What a key does: the first of these that a row offers.
const ACTIONS = {
  e: ["done", "undone"],
  s: ["save", "unsave"],
  h: ["snooze", "unsnooze"],
  "Shift+I": ["read"],
  "Shift+U": ["unread"],
};

class Inbox extends List {
  connectedCallback() {
    super.connectedCallback();
    this.form = this.querySelector("#ntf-bulk");
    this.toast = this.querySelector("div[data-ntf-undo]");
    this.status = this.querySelector(".ntf-live");
    this.pill = this.querySelector("[data-ntf-arrivals]");
    this.page = this.querySelector("[data-ntf-select=page]");
    this.everything = this.querySelector("[data-ntf-select=all]");
    Object.assign(this, { arrived: [], held: [], failed: [], results: undefined, hasMore: this.querySelector(".ntf-pages:not([hidden])") });
    if (!this.form || !this.toast) {
      return;
    }
    this.help = explain(this, this.on);
    this.everything && (this.everything.closest("label").hidden = true);
    this.on(this, "submit", this.submit);
    this.on(this, "change", this.change);
    this.on(this.list, "click", this.toggle);
    this.on(document, "keydown", this.press);
    this.on(document, "notifications:changed", this.soon);
    this.on(document, "notifications:new", ({ detail }) => this.arrive(detail));
    this.on(document, "notifications:waiting", () => this.showToast("waiting"));
    this.on(document, "notifications:stopped", ({ detail }) => this.showProblem({ kind: detail.reason }));
    this.pill && this.on(this.pill, "click", this.release);
    this.on(this.toast, "click", ({ target }) => {
      target.closest("[data-ntf-again]") && this.again();
      target.closest("[data-ntf-close]") && this.hideToast();
    });
    this.toast.querySelector("[data-ntf-close]").hidden = false;
    const token = this.toast.hidden ? "" : this.toast.querySelector("[name=undo]").value;
    this.last = token ? { token, message: this.toast.querySelector("[data-ntf-slot=message]").textContent } : undefined;
    const look = () => document.hidden || this.soon();
    this.on(document, "visibilitychange", look);
    this.timers.push(setInterval(look, live.period * 4));
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.announcement);
  }

  question() {
    const { ntfList: tab, ntfQuery: q, ntfThreads: threads, ntfThread: thread, ntfPlace } = this.dataset;
    const { page, before, after } = Object.fromEntries(new URLSearchParams(ntfPlace));
    return { filters: 1, tab, q, page, before, after, threads, thread, open: [...this.opened].join() };
  }

  show(answer) {
    const { list } = this;
    // While all is laid out.
    this.busy = list.matches(":hover") || list.contains(document.activeElement) || list.getBoundingClientRect().top < 0;
    super.show(answer);
    if (!this.held.length) {
      const { matching, matching_unread } = this.form.elements;
      const { matching: now = "" } = answer;
      // Until all are counted again, their number is that of the page.
      const asks = this.results && this.page.checked && /^-/.test(now);
      asks ? this.results.ask(now) : (matching.value = now);
      matching_unread.value = answer.matching_unread ?? "";
      this.hasMore = answer.before || answer.after;
      const older = this.querySelector("[data-ntf-older]");
      if (older && answer.before) {
        older.href = withFields(older, { before: answer.before });
        older.parentNode.hidden = false;
      }
      this.results && !asks && (this.results.asked = undefined);
      this.upTo = Math.max(this.upTo, ...this.records.map(({ at }) => at || 0));
      this.change();
    }
    this.acted = false;
  }

  async refresh() {
    await super.refresh();
    isOver(this) && this.hideToast();
  }

  render() {
    super.render();
    this.form.hidden = !this.shown().length;
    this.form.hidden && this.unselect();
    this.form.elements.shown.value = this.shown().flatMap(({ slug, parent }) => (parent ? [] : slug)).join();
    this.change();
  }

  arrive(entry) {
    this.everything && (this.everything.checked = false);
    this.change();
    this.arrived.push(entry.text);
    clearTimeout(this.announcement);
    this.announcement = setTimeout(() => {
      this.status.textContent = `${this.dataset.ntfArrived} ${this.arrived.splice(0).join(". ")}`;
    }, 500);
  }

  /* What arrives waits while the rows are in use. */
  hold(fresh, known) {
    const last = fresh.map(({ slug }) => known.has(slug)).lastIndexOf(true);
    const comesIn = ({ slug, at, parent }, index) => !known.has(slug) && !parent && index < last && (at > this.upTo || !this.acted);
    this.held = this.pill && this.busy ? fresh.filter(comesIn) : [];
    this.fresh = fresh;
    this.showPill();
    if (!this.held.length) {
      return fresh;
    }
    const slugs = new Set(fresh.map(({ slug }) => slug));
    const end = this.records.findLastIndex(({ slug }) => slugs.has(slug)) + 1;
    const old = this.records;
    const pushed = old.slice(end).filter(({ leaving }) => !leaving).slice(0, this.held.length);
    this.records = [...fresh.filter((record) => !this.held.includes(record)), ...pushed];
    // Threads stay as they are.
    old.filter((record) => this.isHeld(record) && !this.records.includes(record)).forEach((record) => this.putBack(record, old));
    return this.records;
  }

  isHeld = ({ key }) => key && this.held.some((record) => record.key === key);

  showPill() {
    if (this.pill) {
      this.pill.hidden = !this.held.length;
      this.pill.textContent = this.dataset.ntfHeld?.replace("{count}", this.held.length) ?? "";
    }
  }

  release() {
    this.records = this.records.filter((record) => !this.isHeld(record));
    this.held.splice(0).forEach((record) => this.putBack(record, this.fresh));
    this.showPill();
    this.etag = undefined;
    this.render();
    this.list.scrollIntoView({ block: "nearest" });
    this.focusRow(0);
    this.soon();
  }

  submit(event) {
    const { target, submitter } = event;
    if (this.toast.contains(target)) {
      event.preventDefault();
      this.undo();
    } else if (target === this.form && submitter) {
      const { name, value } = submitter;
      // Without their number, a page asks.
      const isAll = name === "action" && this.everything?.checked;
      const matching = target.elements[name === "all" ? "matching_unread" : isAll && "matching"];
      if (submitter === this.plain || /^-|^$/.test(matching?.value) || (submitter.hasAttribute("formaction") && !submitter.hasAttribute("data-ntf-json"))) {
        return;
      }
      event.preventDefault();
      submitter.closest(".ntf-more")?.removeAttribute("open");
      const form = new FormData(target);
      form.append(name, value);
      // form.action is the buttons of this name.
      const url = submitter.getAttribute("formaction") ?? target.getAttribute("action");
      const perform = () => this.perform(name, value, url, form);
      /^snooze/.test(value) ? this.openPanel(submitter, withFields(url, { action: "snooze" }), form, perform) : perform();
    }
  }

  /* Show what a page asks, or the page itself. */
  async openPanel(opener, ...rest) {
    try {
      const { open } = await import("./panel.js");
      await open(this, opener, ...rest);
    } catch (problem) {
      problem.kind || console.warn(problem);
      this.plain = opener;
      opener.click();
      this.plain = undefined;
    }
  }

  perform(name, value, url, form) {
    const scopes = form.getAll("scope");
    const ids = new Set(form.getAll("id"));
    const [action, slug] = name === "one" || name === "row" ? value.split(/:(.*)/) : [value];
    const records = this.shown().filter((record) => (slug === undefined ? name === "all" || scopes.length || ids.has(record.slug) : record.slug === slug));
    slug === undefined && name !== "all" && this.unselect();
    this.do({ action: name === "row" ? "" : action, records, url, form, isOurs: name !== "row" });
  }

  async do(wanted) {
    const before = this.last;
    this.hideToast();
    // The same again, if its answer was none.
    wanted.form.has("command") || wanted.form.set("command", `${Date.now()}-${Math.random()}`);
    const { command, answer, revert } = this.act(wanted.action, wanted.records, wanted.url, wanted.form);
    const mine = (this.last = { command, revert, wanted });
    this.acted = true;
    try {
      const { message, undo, changed, cancelled, ...counts } = await answer;
      Object.assign(mine, { token: undo, message, answered: true });
      if (cancelled) {
        return;
      }
      const isNothing = wanted.isOurs && !changed;
      if (this.last === mine) {
        this.last = isNothing ? before : undo ? mine : undefined;
        const { message: text, token } = isNothing && wanted.records.length && before?.token ? before : { message, token: undo };
        this.kind === "failed" || this.showToast("done", text ?? "", token);
      }
      this.count(counts);
    } catch (problem) {
      this.last === mine && (this.last = before);
      problem.kind === "server" && this.failed.push(wanted);
      this.showProblem(problem, true);
    }
  }

  async undo() {
    const { last } = this;
    if (!last) {
      return;
    }
    const inToast = this.toast.contains(document.activeElement);
    this.last = undefined;
    this.hideToast();
    last.revert?.();
    inToast && this.focusRow(Math.max(this.shown().indexOf(last.wanted?.records[0]), 0));
    if (last.command && queue.cancel(last.command)) {
      return;
    }
    this.acted = true;
    const token = async () => last.token ?? (await last.command.answer).undo ?? "";
    const form = async () => ({ undo: await token().catch(() => "") });
    const { answer } = this.act("", [], this.toast.querySelector("form").action, form);
    try {
      const { message, ...counts } = await answer;
      this.kind === "failed" || this.last || this.showToast("done", message);
      this.count(counts);
    } catch (problem) {
      last.wanted && this.apply(last.wanted.action, last.wanted.records);
      this.last ??= last;
      this.showProblem(problem, true);
    }
  }

  again() {
    this.hideToast();
    queue.retry?.();
    for (const wanted of this.failed.splice(0)) {
      const slugs = wanted.records.map(({ slug }) => slug);
      this.do({ ...wanted, records: this.shown().filter(({ slug }) => slugs.includes(slug)) });
    }
  }

  showToast(kind, message = this.toast.querySelector(`[data-ntf-text=${kind}]`)?.textContent ?? "", undo = "") {
    if (kind === this.kind && kind !== "done" && kind !== "failed") {
      return;
    }
    this.kind = kind;
    this.toast.hidden = false;
    this.toast.classList.toggle("ntf-failed", kind !== "done");
    this.toast.querySelector("[data-ntf-slot=message]").textContent = message;
    // To be read again.
    kind === "done" && this.status.textContent === message && (message += "\u00a0");
    this.status.textContent = message;
    this.toast.querySelector("[name=undo]").value = undo ?? "";
    this.toast.querySelector("form").hidden = !undo;
    this.toast.querySelector("[data-ntf-again]").hidden = kind !== "waiting" && !this.failed.length;
    all("[data-ntf-link]", this.toast).forEach((link) => (link.hidden = link.dataset.ntfLink !== kind));
  }

  hideToast() {
    this.toast.contains(document.activeElement) && this.focusRow(Math.max(this.at ?? 0, 0));
    this.toast.hidden = true;
    this.kind = "";
  }

  showProblem(problem, wasAsked = false) {
    super.showProblem(problem);
    const { kind, message } = problem;
    if (isOver(problem)) {
      this.showToast(kind);
    } else if (wasAsked) {
      this.showToast("failed", message || undefined);
    }
  }

  change(event) {
    const boxes = all("[name=id]", this.list);
    event?.target === this.page && boxes.forEach((box) => (box.checked = this.page.checked));
    const checked = boxes.filter((box) => box.checked).length;
    this.page.checked = checked > 0 && checked === boxes.length;
    this.page.indeterminate = checked > 0 && checked < boxes.length;
    if (this.everything) {
      this.everything.checked &&= this.page.checked;
      this.results ? this.results.show(boxes.length) : this.page.checked && this.hasMore && this.loadResults();
    }
  }

  async loadResults() {
    const { Results } = await import("./results.js");
    this.results ??= new Results(this);
    this.change();
  }

  toggle(event) {
    const link = event.target.closest("[data-ntf-rest], [data-ntf-panel]");
    if (!link || link === this.plain || event.ctrlKey || event.metaKey || event.shiftKey) {
      return;
    }
    event.preventDefault();
    const key = link.closest("[data-ntf-id]").dataset.ntfThread;
    if (link.matches("[data-ntf-panel]")) {
      this.openPanel(link, link.href);
    } else if (this.opened.delete(key)) {
      this.records = this.records.filter(({ parent }) => parent !== key);
      this.render();
    } else {
      this.opened.add(key);
      link.ariaExpanded = "true";
      this.soon();
    }
  }

  unselect() {
    const boxes = [...all("[name=scope]", this.form), ...this.records.flatMap(({ row }) => all("[name=id]", row))];
    boxes.forEach((box) => (box.checked = false));
    this.page.indeterminate = false;
  }

  press(event) {
    const key = nameOfKey(event);
    if (!key || !isFor(this, event) || !areOn(this) || (event.repeat && key !== "j" && key !== "k")) {
      return;
    }
    const rows = this.rows();
    const focused = this.focused();
    this.at = focused >= 0 ? focused : Math.min(this.at ?? -1, rows.length - 1);
    const row = rows[this.at];
    const goes = this.before === "g" && key === "n";
    this.before = key;
    const extra = row?.querySelector(`[data-ntf-key="${CSS.escape(key.replace("Shift+", ""))}"]`);
    const does = {
      j: () => this.focusRow(Math.min(this.at + 1, rows.length - 1)),
      k: () => this.focusRow(Math.max(this.at - 1, 0)),
      x: () => row?.querySelector("[name=id]").click(),
      o: () => row?.querySelector("[data-ntf-open][href]")?.click(),
      z: () => this.undo(),
      n: () => goes && location.assign(this.querySelector("[data-ntf-tab=inbox]").href),
      "/": () => this.querySelector("input[type=search]").focus(),
      "?": () => this.help?.showModal(),
    };
    if (key in ACTIONS || key in does) {
      event.preventDefault();
      does[key] ? does[key]() : this.actOn(ACTIONS[key], row);
    } else if (extra && key.startsWith("Shift+")) {
      event.preventDefault();
      extra.click();
    } else if (key === "Enter" && event.target === document.body) {
      does.o();
    } else if (key === "Escape") {
      this.hideToast();
    }
  }

  actOn(actions, row) {
    const many = this.form.querySelector("[name=scope]:checked") ?? this.list.querySelector("[name=id]:checked");
    const buttons = actions.map((action) => (many ? `button[value=${action}]` : `[data-ntf-action=${action}]`));
    (many ? this.form : row)?.querySelector(buttons.join())?.click();
  }
}

customElements.define("notifications-inbox", Inbox);
