/* What the server has, and actions without an answer. */

import { ahead, isWebUrl, live, queue, request, send, showCounts, withFields } from "./transport.js";

export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

export function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

// What an action adds and removes, and the tabs that the row leaves.
const EFFECTS = {
  done: { add: ["done"], remove: ["unread", "snoozed"], leaves: ["inbox", "unread", "snoozed"] },
  undone: { remove: ["done"], leaves: ["done"] },
  save: { add: ["saved"] },
  unsave: { remove: ["saved"], leaves: ["saved"] },
  snooze: { add: ["snoozed"], remove: ["unread"], leaves: ["inbox", "unread", "done"] },
  unsnooze: { remove: ["snoozed"], leaves: ["snoozed"] },
  read: { remove: ["unread"], leaves: ["unread"] },
  unread: { add: ["unread"] },
  delete: { leaves: ["inbox", "unread", "saved", "snoozed", "done"] },
};

// The action that is offered in a state, and otherwise.
const OFFERS = { done: ["undone", "done"], saved: ["unsave", "save"], snoozed: ["unsnooze", "snooze"], unread: ["read", "unread"] };

function ago(moment) {
  const seconds = Math.max((Date.now() - ahead - Date.parse(moment)) / 1000, 1);
  const units = { year: 31536e3, month: 2628e3, week: 604800, day: 86400, hour: 3600, minute: 60, second: 1 };
  const unit = Object.keys(units).find((unit) => seconds >= units[unit]);
  const write = (lang) => unit && new Intl.RelativeTimeFormat(lang).format(-Math.floor(seconds / units[unit]), unit);
  try {
    return write(document.documentElement.lang || undefined);
  } catch {
    return write();
  }
}

// What is written again is laid out again.
const write = (slot, text) => (slot.hidden === !text && slot.textContent === `${text ?? ""}`) || Object.assign(slot, { textContent: text ?? "", hidden: !text });

function makeRow(template, entry) {
  const row = template.content.firstElementChild.cloneNode(true);
  row.dataset.ntfId = entry.slug;
  row.className += ` ntf-${entry.level}`;
  row.classList.toggle("ntf-child", Boolean(entry.parent));
  entry.more && (row.dataset.ntfThread = entry.key);
  const { localName } = template.closest("[data-ntf-api]");
  const named = `ntf-made-${localName}-${entry.slug}`;
  const fill = {
    url: (link) => isWebUrl(entry.url) && (link.href = entry.url),
    text: (slot) => Object.assign(slot, { textContent: entry.text, id: named }),
    time: (slot) => Object.assign(slot, { textContent: ago(entry.timestamp), dateTime: entry.timestamp }),
    actions: (slot) => slot.append(...entry.actions.filter(({ href }) => isWebUrl(href)).map(({ href, title }) => make("li", {}, make("a", { href }, title)))),
    about: (button) => entry.target ?? entry.action_object ?? button.remove(),
    page: (link) => (link.href = link.href.replace(/\b0(?=\/($|\?))/, entry.row ?? entry.slug)),
    more: (link) => (entry.more ? Object.assign(link, { textContent: entry.more, href: withFields(link, { thread: entry.key }) }) : link.remove()),
    kind: (slot) => slot.append(...all(`[data-ntf-kind="${entry.kind}"]`, template.parentNode).map(({ content }) => content.cloneNode(true))),
    face: (slot) => (entry.avatar ? slot.append(make("img", { src: entry.avatar, alt: "" })) : (slot.dataset.ntfInitials = entry.initials)),
  };
  for (const slot of all("[data-ntf-slot]", row)) {
    const { ntfSlot: name } = slot.dataset;
    fill[name] ? fill[name](slot) : write(slot, entry[name]);
  }
  for (const box of all("[name=id]", row)) {
    Object.assign(box, { value: entry.slug }).setAttribute("aria-labelledby", named);
  }
  for (const tool of all(".ntf-tool", row)) {
    tool.value &&= tool.value.replace(/[^:]*$/, tool.name === "row" ? entry.row ?? entry.slug : entry.slug);
    tool.setAttribute("aria-describedby", named);
  }
  return row;
}

/* Rows, or threads with the rows of those that are open. */
function entriesOf({ items, threads }, opened) {
  const find = (slug) => items.find((item) => item.slug === slug);
  const show = ({ id, ...thread }) => {
    const { key, row, rows } = thread;
    const entry = { ...find(row), ...thread };
    const children = opened.has(key) ? rows.map((slug) => ({ ...find(slug), day: entry.day, parent: key })) : [];
    return [{ ...entry, slug: id ?? row }, ...children];
  };
  return threads?.flatMap(show) ?? items;
}

const statesOf = (row) =>
  new Set(Object.keys(OFFERS).filter((state) => (state === "unread" ? row.matches("[data-ntf-unread]") : row.querySelector(`[data-ntf-action=${OFFERS[state][0]}]`))));

function showStates(row, states, template) {
  const before = row.ntfStates;
  row.ntfStates = [...states].sort().join();
  if (row.ntfStates === before) {
    return;
  }
  const unread = states.has("unread");
  row.toggleAttribute("data-ntf-unread", unread);
  row.classList.toggle("ntf-new", unread);
  all(".ntf-notice", row).forEach((notice) => notice.classList.toggle("ntf-unread", unread));
  all(".ntf-state, .ntf-news:not(:empty)", row).forEach((state) => (state.hidden = !unread));
  for (const [state, [yes, no]] of Object.entries(OFFERS)) {
    const [wanted, other] = (states.has(state) ? [yes, no] : [no, yes]).map((action) => `[data-ntf-action=${action}]`);
    const button = row.querySelector(other);
    const tool = row.querySelector(wanted) ?? template?.content.querySelector(wanted)?.cloneNode(true);
    if (button && tool) {
      const focused = button === document.activeElement;
      if (!row.contains(tool)) {
        tool.value = tool.value.replace(/[^:]*$/, row.dataset.ntfId);
        tool.setAttribute("aria-describedby", button.getAttribute("aria-describedby") ?? "");
        button.after(tool);
      }
      button.remove();
      focused && tool.focus();
    }
  }
}

function readRecords(list) {
  const records = [];
  let day;
  for (const node of list?.children ?? []) {
    if (node.dataset.ntfId !== undefined) {
      const { ntfId: slug, ntfThread: key } = node.dataset;
      records.push({ slug, key, row: node, day, states: statesOf(node), leaving: 0 });
    } else if (node.matches(".ntf-day")) {
      day = node.textContent.trim();
    }
  }
  return records;
}

/* Show these rows under their days, and touch no others. */
function arrange(list, records) {
  const wanted = new Set(records.flatMap(({ row, day }) => [row, day]));
  const days = new Map();
  for (const node of [...list.children]) {
    const isDay = node.matches(".ntf-day");
    isDay && days.set(node.textContent.trim(), node);
    wanted.has(isDay ? node.textContent.trim() : node) || node.remove();
  }
  let [next, before] = [list.firstElementChild, undefined];
  const place = (node) => (node === next ? (next = next.nextElementSibling) : list.insertBefore(node, next));
  for (const { row, day } of records) {
    if (day && day !== before) {
      place(days.get(day) ?? make("li", { className: "ntf-day" }, make("h2", {}, day)));
    }
    before = day;
    place(row);
  }
}

export class List extends HTMLElement {
  on = (target, event, handler, capture) => target.addEventListener(event, handler.bind(this), { capture, signal: this.life.signal });
  rows = () => all("[data-ntf-id]", this.list);
  focused = () => this.rows().indexOf(document.activeElement?.closest("[data-ntf-id]"));
  shown = () => this.records.filter(({ leaving }) => !leaving);
  opened = new Set();
  pending = 0;
  acts = 0;

  connectedCallback() {
    Object.assign(this, { life: new AbortController(), timer: undefined });
    this.list = this.querySelector(".ntf-list, .ntf-few");
    this.template = this.querySelector("template[data-ntf-row]");
    this.records = readRecords(this.list);
    this.upTo = Date.parse(this.dataset.ntfNow) || Date.now();
    live.join(this);
    for (const name of ["click", "auxclick"]) {
      this.on(this, name, (event) => event.button < 2 && this.open(event));
    }
    this.timers = [setInterval(() => this.tick(), 60000)];
  }

  disconnectedCallback() {
    this.life.abort();
    live.leave(this);
    clearTimeout(this.timer);
    this.timers?.forEach(clearInterval);
  }

  tick() {
    for (const time of all("time[datetime]", this.list)) {
      write(time, ago(time.dateTime) || time.textContent);
    }
    const { today = "" } = this;
    this.today = new Date().toDateString();
    today && today !== this.today && this.soon();
  }

  soon() {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.refresh().catch((problem) => this.showProblem(problem));
    }, 100);
  }

  question() {
    return {};
  }

  /* Only the last answer counts, and none from before an action. */
  async refresh() {
    if (this.pending) {
      return; // The last answer asks again.
    }
    const url = withFields(this.dataset.ntfApi, { ...this.question(), max: this.dataset.ntfMax });
    const [turn, acts] = [(this.turn = {}), this.acts];
    const answer = await request(url, { user: this.dataset.ntfUser, etag: this.etag });
    if (turn !== this.turn || !this.isConnected) {
      return;
    }
    live.isOver && live.start(true);
    if (acts !== this.acts) {
      this.pending || this.soon();
    } else if (answer) {
      this.etag = answer.etag;
      this.show(answer.data);
    } else {
      this.render();
    }
  }

  show(answer) {
    const known = new Map(this.records.map((record) => [record.slug, record]));
    const fresh = entriesOf(answer, this.opened).map((entry) => {
      const slug = String(entry.slug);
      const row = known.get(slug)?.row ?? makeRow(this.template, entry);
      all("[data-ntf-slot=new], [data-ntf-slot=marks]", row).forEach((slot) => write(slot, entry[slot.dataset.ntfSlot]));
      const { day, key, parent, states } = entry;
      return { slug, key, parent, row, day, states: new Set(states), leaving: 0, at: Date.parse(entry.inbox_at) };
    });
    this.records = this.hold(fresh, known);
    showCounts({ ...answer.filters, ...answer.counts }, this.dataset.ntfCap, answer.filters && "");
    this.render();
  }

  hold(fresh) {
    return fresh;
  }

  render() {
    const index = this.focused();
    const shown = this.shown();
    shown.forEach(({ row, states, key }) => {
      showStates(row, states, this.template);
      all("[data-ntf-rest]", row).forEach((link) => (link.ariaExpanded = String(this.opened.has(key))));
    });
    arrange(this.list, shown);
    this.list.hidden = !shown.length;
    all(".ntf-empty", this).forEach((element) => (element.hidden = shown.length > 0));
    if (index >= 0 && !this.list.contains(document.activeElement)) {
      this.focusRow(Math.min(index, shown.length - 1));
    }
  }

  focusRow(index) {
    const row = this.rows()[index];
    const link = row?.querySelector("[data-ntf-open][href]") ?? row?.querySelector("a[href], button");
    (link ?? this.querySelector("[aria-current]"))?.focus();
  }

  apply(action, records) {
    const { add = [], remove = [], leaves = [] } = EFFECTS[action] ?? {};
    const gone = leaves.includes(this.dataset.ntfList ?? "inbox") ? 1 : 0;
    const order = [...this.records];
    const keys = records.map(({ key }) => key);
    const rest = order.filter((record) => record.parent && keys.includes(record.parent) && !records.includes(record));
    const undo = [...records, ...rest].map((record) => {
      const added = add.filter((state) => !record.states.has(state));
      const removed = remove.filter((state) => record.states.delete(state));
      added.forEach((state) => record.states.add(state));
      record.leaving += gone;
      return () => {
        const now = this.records.find(({ slug }) => slug === record.slug) ?? this.putBack(record, order);
        now === record && (record.leaving -= gone);
        added.forEach((state) => now.states.delete(state));
        removed.forEach((state) => now.states.add(state));
      };
    });
    this.render();
    return () => {
      undo.forEach((each) => each());
      this.render();
    };
  }

  putBack(record, order) {
    const later = order.slice(order.indexOf(record) + 1).map(({ slug }) => slug);
    const index = this.records.findIndex(({ slug }) => later.includes(slug));
    this.records.splice(index < 0 ? this.records.length : index, 0, record);
    return record;
  }

  act(action, records, url, form) {
    this.acts++;
    this.pending++;
    const revert = this.apply(action, records);
    const command = queue.add(this, url, form);
    const answer = command.answer
      .catch((problem) => {
        revert();
        throw problem;
      })
      .finally(() => --this.pending || this.soon());
    return { command, answer, revert };
  }

  count({ unread_count: unread, unseen_count: unseen }) {
    unread === undefined || live.send("count", { unread, unseen });
    live.send("changed");
  }

  showProblem(problem) {
    if (!problem.kind) {
      throw problem;
    }
  }

  /* Who opens a notification has read it. */
  open(event) {
    const link = event.target.closest?.("a[href]");
    const row = link?.closest("[data-ntf-id]");
    const { ntfRead, ntfList: tab = "", ntfQuery: q = "" } = this.dataset;
    if (!row || !ntfRead || event.defaultPrevented || link.closest(".ntf-buttons, [data-ntf-rest]") || !row.matches("[data-ntf-unread]")) {
      return;
    }
    const record = this.records.find((each) => each.row === row);
    record.states.delete("unread");
    showStates(row, record.states, this.template);
    this.acts++;
    this.pending++;
    send(this, ntfRead.replace(/\b0(?=\/$)/, record.slug), { tab, q })
      .then(({ data }) => this.count(data))
      .catch((problem) => {
        record.states.add("unread");
        showStates(row, record.states, this.template);
        this.showProblem(problem);
      })
      .finally(() => --this.pending || this.soon());
  }
}
