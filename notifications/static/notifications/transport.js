/* Requests, the queue of actions, and live updates. A site can use this module alone. */

export const absolute = (url) => new URL(url, document.baseURI);

export function isWebUrl(url) {
  try {
    return Boolean(url) && /^https?:$/.test(absolute(url).protocol);
  } catch {
    return false;
  }
}

// What cannot be stored.
const kept = {};

export function remember(name, value) {
  try {
    value === undefined || localStorage.setItem(name, value);
    return kept[name] ?? localStorage.getItem(name);
  } catch {
    return (kept[name] = value ?? kept[name]);
  }
}

export function withFields(url, fields) {
  const found = absolute(url);
  Object.entries(fields).forEach(([name, value]) => value && found.searchParams.set(name, value));
  return found;
}

const keyOf = ({ id, inbox_at }) => `${id} ${inbox_at}`;
const dispatch = (name, detail) => document.dispatchEvent(new CustomEvent(`notifications:${name}`, { detail }));

const USER_HEADER = "X-Notifications-User";

export let ahead = 0; // Of the clock of the server.

/* Of a kind: "offline", "signed-out", "other-user", "csrf", "refused" or "server". */
export class Problem extends Error {
  constructor(kind, message = "") {
    super(message);
    this.kind = kind;
  }
}

export const isOver = ({ kind }) => ["signed-out", "other-user"].includes(kind);

/* Return {data, etag}, or null if nothing has changed. */
export async function request(url, { user, etag, body } = {}) {
  // Nobody has pressed anything.
  const headers = { Accept: "application/json", ...(!body && { "X-Notifications-Poll": "1" }) };
  user && (headers[USER_HEADER] = encodeURIComponent(user));
  etag && (headers["If-None-Match"] = etag);
  // It survives the page, up to 64 KiB.
  const method = body && { method: "POST", body, keepalive: String(body).length < 30000 };
  const options = { headers, redirect: "manual", signal: AbortSignal.timeout(30000), ...method };
  let response, text;
  try {
    response = await fetch(absolute(url).href, options);
    text = await response.text();
  } catch {
    throw new Problem("offline");
  }
  const data = parse(text);
  const { status, headers: given } = response;
  const owner = given.get(USER_HEADER);
  ahead = Date.now() - Date.parse(given.get("Date")) || 0;
  if (response.type === "opaqueredirect" || status === 401) {
    throw new Problem("signed-out", data?.error);
  }
  if (user && owner !== null && decodeURIComponent(owner) !== user) {
    throw new Problem(owner ? "other-user" : "signed-out", data?.error);
  }
  if (status === 204 || status === 304) {
    return null;
  }
  if (response.ok && data) {
    return { data, etag: given.get("ETag") };
  }
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
    throw new Problem(status === 403 ? "csrf" : "refused", data?.error);
  }
  throw new Problem("server");
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const tokenFields = () => document.querySelectorAll("[data-ntf-api] [name=csrfmiddlewaretoken]");

/* Send a form, if need be with a new token. */
export async function send(element, url, form) {
  const { ntfUser: user, ntfToken } = element.dataset;
  const body = new URLSearchParams(form);
  const post = () => {
    const token = tokenFields()[0]?.value;
    token && body.set("csrfmiddlewaretoken", token);
    return request(url, { user, body });
  };
  try {
    return await post();
  } catch (problem) {
    if (problem.kind !== "csrf" || !ntfToken) {
      throw problem;
    }
  }
  const answer = await request(ntfToken, { user });
  tokenFields().forEach((field) => (field.value = answer.data.token));
  return post();
}

/* Send one command after the other. */
class Queue {
  commands = [];
  pause = 1000;

  add(element, url, form) {
    const command = { element, url, form };
    const answer = new Promise((resolve, reject) => Object.assign(command, { resolve, reject }));
    this.commands.push(command);
    this.running ??= this.run().finally(() => (this.running = undefined));
    return Object.assign(command, { answer });
  }

  cancel(command) {
    const isLeft = this.commands.includes(command) && !command.sent;
    isLeft && this.finish(command).resolve({ cancelled: true });
    return isLeft;
  }

  async run() {
    while (this.commands.length) {
      const [command] = this.commands;
      command.sent = true;
      this.isWaiting = false;
      try {
        command.body ??= await (typeof command.form === "function" ? command.form() : command.form);
        const answer = await send(command.element, command.url, command.body);
        this.finish(command).resolve(answer?.data ?? {});
      } catch (error) {
        if (error.kind === "offline") {
          this.isWaiting = true;
          dispatch("waiting");
          await this.line();
          continue;
        }
        const ended = isOver(error) ? this.commands : [command];
        ended.forEach((each) => this.finish(each).reject(error));
      }
      this.pause = 1000;
    }
  }

  finish(command) {
    this.commands = this.commands.filter((each) => each !== command);
    return command;
  }

  line() {
    return new Promise((resolve) => {
      this.retry = resolve;
      setTimeout(resolve, this.pause);
      this.pause = Math.min(this.pause * 2, 30000);
      addEventListener("online", resolve, { once: true });
    });
  }

  flush() {
    for (const command of this.commands) {
      const { element, url, form, body = form, sent } = command;
      const isOpen = (sent && !this.isWaiting) || typeof body === "function";
      isOpen || this.finish(command).resolve(send(element, url, body).then((answer) => answer?.data ?? {}));
    }
  }
}

export const queue = new Queue();

/* What is new. The tab that holds the lock sends it to the others. */
class Live {
  members = new Set();
  known = new Set();
  isUnwatched = () => document.hidden && Date.now() - this.looked > this.period * 1.5;
  close = () => (this.source = this.source?.close());

  join(element) {
    this.members.add(element);
    const { ntfUser, ntfApi } = element.dataset;
    if (this.isRunning && this.data.ntfUser === ntfUser && this.data.ntfApi === ntfApi) {
      return setTimeout(dispatch, 0, "changed"); // Out of a cache.
    }
    this.isRunning && this.stop();
    this.data = { ...element.dataset };
    this.known = new Set();
    this.counts = this.opened = this.newest = undefined;
    this.since = Date.parse(this.data.ntfNow) || Date.now();
    this.period = 1000 * (this.data.ntfPeriod || 15);
    this.start();
  }

  leave(element) {
    this.members.delete(element);
    setTimeout(() => this.members.size || !this.isRunning || this.stop());
  }

  start(again = false) {
    Object.assign(this, { isRunning: true, leading: false, failures: 0, asked: 0, looked: 0, isOver: false, etag: undefined });
    this.life = new AbortController();
    const name = `notifications:${this.data.ntfApi}:${this.data.ntfUser}`;
    this.channel = new BroadcastChannel(name);
    this.channel.onmessage = ({ data }) => this.receive(...data);
    const { signal } = this.life;
    const began = performance.now();
    const lead = () => signal.aborted || this.lead(again || performance.now() - began > 1000);
    // There are none without https.
    navigator.locks ? navigator.locks.request(name, { signal }, lead).catch(() => signal.aborted || lead()) : lead();
    this.channel.postMessage(["joined"]);
    document.addEventListener("visibilitychange", () => this.look(), { signal });
    addEventListener("online", () => this.look(Object.assign(this, { asked: 0, failures: 0 })), { signal });
    this.timer = setInterval(() => this.look(), this.period * (1 + Math.random() / 8));
  }

  stop() {
    this.isRunning = false;
    this.life.abort();
    this.channel.close();
    this.close();
    clearInterval(this.timer);
  }

  lead(late) {
    const { signal } = this.life;
    this.leading = true;
    this.data.ntfLive && this.open();
    (late || !this.source) && this.poll();
    return new Promise((resolve) => signal.addEventListener("abort", resolve));
  }

  open() {
    const url = absolute(this.data.ntfLive);
    this.opened || url.searchParams.set("since", this.data.ntfNow ?? "");
    url.searchParams.set("user", this.data.ntfUser);
    const source = (this.source = new EventSource(url.href));
    const on = (event, react) =>
      source.addEventListener(event, ({ data }) => {
        this.lived = Date.now();
        react?.(data && JSON.parse(data));
      });
    this.lived = Date.now();
    on("count", (counts) => this.send("count", counts));
    on("notification", (entry) => this.send("new", entry));
    on("changed", () => this.send("changed"));
    on("alive");
    on("bye", () => this.again()); // Perhaps with another session.
    on("resync", () => this.poll());
    on("open", () => Object.assign(this, { opened: true, failures: 0 }));
    on("error", () => {
      // The browser tries again, if there was a stream.
      if (source.readyState === EventSource.CLOSED && this.source === source) {
        this.close();
        this.failures += this.opened ? 1 : 0;
        this.look();
      }
    });
  }

  again() {
    this.close();
    this.poll();
  }

  async poll() {
    this.asked = Date.now();
    this.opened && !this.source && this.open();
    const { signal } = this.life;
    let answer;
    try {
      answer = await request(this.data.ntfApi, { user: this.data.ntfUser, etag: this.etag });
    } catch (problem) {
      if (!signal.aborted) {
        isOver(problem) ? this.send("stopped", problem.kind) : this.failures++;
      }
      return;
    }
    if (signal.aborted) {
      return;
    }
    this.failures = 0;
    if (answer) {
      this.etag = answer.etag;
      // A lower number may be committed later.
      const { items } = answer.data;
      const since = this.since - (this.newest === undefined ? 0 : 60000);
      const isNew = ({ id, inbox_at }) => Date.parse(inbox_at) >= since || (Number.isInteger(id) && id > this.newest);
      const news = items.filter((entry) => isNew(entry) && !this.known.has(keyOf(entry)));
      news.reverse().forEach((entry) => this.send("new", entry));
      items.forEach((entry) => this.known.add(keyOf(entry)));
      this.newest = Math.max(this.newest ?? 0, ...items.map(({ id }) => (Number.isInteger(id) ? id : 0)));
      this.send("count", answer.data.counts);
      this.send("changed");
    }
  }

  /* Poll if it is time to. */
  look() {
    const pause = this.period * (this.isUnwatched() ? 4 : 1) * 2 ** this.failures;
    const isTime = Date.now() - this.asked >= Math.min(pause, 300000) * 0.95;
    // It is held back, or lost.
    const isSilent = Date.now() - this.lived > 3000 * this.data.ntfHeartbeat;
    if (!this.leading) {
      document.hidden || this.channel.postMessage(["look"]);
    } else if (document.hidden && !navigator.locks) {
      this.close();
    } else if (this.source ? isSilent : isTime) {
      this.again();
    }
  }

  send(...message) {
    this.isRunning && this.channel.postMessage(message);
    this.receive(...message);
  }

  receive(kind, detail) {
    if (kind === "count") {
      this.counts = { unread: detail.unread, unseen: detail.unseen };
      showCounts(this.counts, this.data.ntfCap);
      dispatch("count", this.counts);
    } else if (kind === "new") {
      if (!this.known.has(keyOf(detail))) {
        this.known.add(keyOf(detail));
        dispatch("new", detail);
      }
    } else if (kind === "changed") {
      dispatch("changed");
    } else if (kind === "stopped") {
      this.isRunning && this.stop();
      this.isOver = true;
      const again = () => document.hidden || this.isRunning || !this.members.size || this.start(true);
      document.addEventListener("visibilitychange", again, { once: true });
      dispatch("stopped", { reason: detail });
    } else if (this.leading && kind === "look") {
      this.looked = Date.now();
      this.look();
    } else if (this.leading && this.counts) {
      this.channel.postMessage(["count", this.counts]);
    }
  }
}

export const live = new Live();
addEventListener("pagehide", () => {
  queue.flush();
  live.isRunning && live.stop();
});
addEventListener("pageshow", ({ persisted }) => persisted && live.members.size && live.start(true));

// The titles written here, with the site's own.
const titles = new Map();

export function showCounts(counts, cap, missing) {
  const text = (count) => (cap && count > +cap ? `${cap}+` : String(count));
  for (const element of document.querySelectorAll("[data-ntf-count]")) {
    const count = counts[element.dataset.ntfCount] ?? missing;
    if (count !== undefined) {
      Object.assign(element, { textContent: text(count), hidden: !count });
    }
  }
  if (Number.isInteger(counts.unread)) {
    const own = titles.get(document.title) ?? document.title;
    const title = counts.unread ? `(${text(counts.unread)}) ${own}` : own;
    titles.set(title, own);
    document.title === title || (document.title = title);
  }
}
