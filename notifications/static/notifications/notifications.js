/*
 * <notifications-inbox> and <notifications-bell>: what the server rendered moves by itself and answers to the keyboard.
 * Load it with <script type="module" src="...">. Nothing here makes HTML out of a string. A site may listen on the
 * document for "notifications:count" ({unread, unseen}), "notifications:new" (the JSON of one notification) and
 * "notifications:changed" (something in the inbox is not as it was).
 */

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const make = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children); // A string becomes text.
    return element;
};
const makeAction = ({ href, title }) => make("li", {}, make("a", { href }, title));

function remember(name, value) {
    try {
        return value === undefined ? localStorage.getItem(name) : localStorage.setItem(name, value);
    } catch {
        return null; // A browser may keep nothing.
    }
}

const absolute = (url) => new URL(url, document.baseURI);
const isWebUrl = (url) => url && URL.canParse(url, document.baseURI) && /^https?:$/.test(absolute(url).protocol);

function ago(moment) {
    const seconds = Math.max((Date.now() - Date.parse(moment)) / 1000, 1);
    const units = { day: 86400, hour: 3600, minute: 60, second: 1 };
    const [unit, size] = Object.entries(units).find(([, size]) => seconds >= size);
    const words = new Intl.RelativeTimeFormat(document.documentElement.lang || undefined, { numeric: "auto" });
    return words.format(-Math.floor(seconds / size), unit);
}

/* Return {data, etag}, or null where nothing has changed. An answer that leads elsewhere means: logged out. */
async function ask(url, etag, options = {}) {
    // A site may let only what a person does keep a session alive.
    const poll = !options.method && { "X-Notifications-Poll": "1" };
    const headers = { Accept: "application/json", ...poll, ...(etag && { "If-None-Match": etag }) };
    const response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(30000), headers, ...options });
    if ([204, 304].includes(response.status)) {
        return null;
    }
    if (response.ok) {
        return { data: await response.json(), etag: response.headers.get("ETag") };
    }
    const { status } = response;
    throw Object.assign(new Error(`Answered ${status}`), { status, ended: [0, 401].includes(status) });
}

const keyOf = ({ id, inbox_at }) => `${id} ${inbox_at}`;

const post = (url, body) => ask(url, "", { method: "POST", body });

/* What is new, for all tabs of a browser: the one that holds the lock listens, or polls, and tells the others. */
class Live {
    known = new Set();
    isUnwatched = () => document.hidden && Date.now() - this.looked > this.period * 1.5;
    close = () => (this.source = this.source?.close());

    /* The first element of a page says whom to ask, and how often. */
    join(element) {
        if (!this.data) {
            this.data = { ...element.dataset };
            this.since = Date.parse(this.data.ntfNow) || Date.now();
            this.period = 1000 * (this.data.ntfPeriod || 15);
            this.start();
        }
    }

    start(again = false) {
        Object.assign(this, { leading: false, misfires: 0, asked: 0, looked: 0, life: new AbortController() });
        const name = `notifications:${this.data.ntfApi}:${this.data.ntfUser}`;
        this.channel = new BroadcastChannel(name);
        this.channel.onmessage = ({ data }) => this.hear(...data);
        const { signal } = this.life;
        const began = performance.now();
        const lead = () => this.lead(again || performance.now() - began > 1000);
        // Without https there is no lock: then each tab listens for itself, while somebody looks at it.
        navigator.locks ? navigator.locks.request(name, { signal }, lead).catch(() => {}) : lead();
        this.channel.postMessage(["hello"]);
        document.addEventListener("visibilitychange", () => this.look(), { signal });
        addEventListener("online", () => this.look(Object.assign(this, { asked: 0, misfires: 0 })), { signal });
        this.beat = setInterval(() => this.look(), this.period * (1 + Math.random() / 8));
    }

    stop() {
        this.life.abort();
        this.channel.close();
        this.close();
        clearInterval(this.beat);
    }

    /* Lead until the tab goes; the browser gives the lock to another then. */
    lead(late) {
        this.leading = true;
        this.data.ntfLive && this.open();
        (late || !this.source) && this.poll(); // What was told while nobody listened.
        return new Promise((resolve) => this.life.signal.addEventListener("abort", resolve));
    }

    open() {
        const url = absolute(this.data.ntfLive);
        // What came between the page and its stream; later, the answer to a poll has what came meanwhile.
        this.opened || url.searchParams.set("since", this.data.ntfNow ?? "");
        const source = (this.source = new EventSource(url));
        const told = (event, react) => source.addEventListener(event, ({ data }) => react(data && JSON.parse(data)));
        told("count", (counts) => this.tell("count", counts));
        told("notification", (entry) => this.tell("new", entry));
        told("changed", () => this.tell("changed"));
        told("bye", () => this.tell("bye"));
        told("resync", () => this.poll());
        told("open", () => Object.assign(this, { opened: true, misfires: 0 }));
        told("error", () => {
            // The browser tries again by itself, unless the answer was none: 204 where only polling helps.
            if (source.readyState === EventSource.CLOSED && this.source === source) {
                this.close();
                this.misfires += this.opened ? 1 : 0;
                this.look();
            }
        });
    }

    async poll() {
        this.asked = Date.now();
        this.opened && !this.source && this.open();
        const { signal } = this.life;
        const answer = await ask(absolute(this.data.ntfApi), this.etag).catch((error) => error);
        if (signal.aborted) {
            return;
        }
        this.misfires = answer instanceof Error ? this.misfires + 1 : 0;
        if (answer?.ended) {
            this.tell("bye");
        } else if (answer?.data) {
            this.etag = answer.etag;
            // What arrives now may have happened before, and what has a lower number may be committed later.
            const { items } = answer.data;
            const since = this.since - (this.newest === undefined ? 0 : 60000);
            const isNew = ({ id, inbox_at }) => Date.parse(inbox_at) >= since || (Number.isInteger(id) && id > this.newest);
            const news = items.filter((entry) => isNew(entry) && !this.known.has(keyOf(entry)));
            news.reverse().forEach((entry) => this.tell("new", entry));
            items.forEach((entry) => this.known.add(keyOf(entry)));
            this.newest = Math.max(this.newest ?? 0, ...items.map(({ id }) => (Number.isInteger(id) ? id : 0)));
            this.tell("count", answer.data.counts);
            this.tell("changed");
        }
    }

    /* Poll if it is time to: four times slower where nobody looks, and slower with each answer that is none. */
    look() {
        const pace = this.period * (this.isUnwatched() ? 4 : 1) * 2 ** this.misfires;
        const isTime = Date.now() - this.asked >= Math.min(pace, 300000) * 0.95;
        if (!this.leading) {
            document.hidden || this.channel.postMessage(["look"]);
        } else if (document.hidden && !navigator.locks) {
            this.close();
        } else if (!this.source && isTime) {
            this.poll();
        }
    }

    tell(...message) {
        this.life.signal.aborted || this.channel.postMessage(message);
        this.hear(...message);
    }

    hear(kind, detail) {
        if (kind === "count") {
            this.counts = { unread: detail.unread, unseen: detail.unseen };
            showCounts(this.counts, this.data.ntfCap);
            document.dispatchEvent(new CustomEvent("notifications:count", { detail: this.counts }));
        } else if (kind === "new") {
            if (!this.known.has(keyOf(detail))) {
                this.known.add(keyOf(detail));
                document.dispatchEvent(new CustomEvent("notifications:new", { detail }));
            }
        } else if (kind === "changed") {
            document.dispatchEvent(new CustomEvent("notifications:changed"));
        } else if (kind === "bye") {
            // An answer such as that of a limit of requests is no reason to stop for ever: ask again when somebody looks.
            this.stop();
            const again = () => {
                if (!document.hidden) {
                    document.removeEventListener("visibilitychange", again);
                    this.life.signal.aborted && this.start(true);
                }
            };
            document.addEventListener("visibilitychange", again);
        } else if (this.leading && kind === "look") {
            this.looked = Date.now();
            this.look();
        } else if (this.leading && this.counts) {
            this.channel.postMessage(["count", this.counts]); // To a tab that says hello.
        }
    }
}

const live = new Live();
addEventListener("pagehide", () => live.data && live.stop());
addEventListener("pageshow", ({ persisted }) => persisted && live.data && live.start(true));

/* Write numbers wherever the page shows them, and how many are unread into its title. */
function showCounts(counts, cap) {
    const text = (count) => (cap && count > Number(cap) ? `${cap}+` : String(count));
    for (const element of all("[data-ntf-count]")) {
        const count = counts[element.dataset.ntfCount];
        if (Number.isInteger(count)) {
            Object.assign(element, { textContent: text(count), hidden: !count });
        }
    }
    const prefix = counts.unread ? `(${text(counts.unread)}) ` : "";
    document.title = prefix + document.title.replace(/^\(\d+\+?\) /, "");
}

/* Return a row for an entry, made from the template of its list. */
function makeRow(template, entry) {
    const row = template.content.firstElementChild.cloneNode(true);
    row.dataset.ntfId = entry.slug;
    row.classList.add(`ntf-${entry.level}`);
    const named = `ntf-made-${template.closest("[data-ntf-api]").localName}-${entry.slug}`;
    const fill = {
        url: (link) => isWebUrl(entry.url) && (link.href = entry.url),
        text: (slot) => Object.assign(slot, { textContent: entry.text, id: named }),
        level: (slot) => (slot.textContent = entry.level_name ?? entry.level),
        time: (slot) => Object.assign(slot, { textContent: ago(entry.timestamp), dateTime: entry.timestamp }),
        reason: (slot) => Object.assign(slot, { textContent: entry.reason_name, hidden: !entry.reason_name }),
        description: (slot) => Object.assign(slot, { textContent: entry.description, hidden: !entry.description }),
        actions: (slot) => slot.append(...entry.actions.filter(({ href }) => isWebUrl(href)).map(makeAction)),
        about: (button) => entry.target ?? entry.action_object ?? button.remove(),
        page: (link) => (link.href = link.href.replace(/\b0(?=\/$)/, entry.slug)), // The server wrote it for the row 0.
    };
    all("[data-ntf-slot]", row).forEach((slot) => fill[slot.dataset.ntfSlot](slot));
    all("[name=id]", row).forEach((box) => box.setAttribute("aria-labelledby", named));
    return row;
}

/* Update a row to the states of its entry, and show the actions that are available. */
function showState(row, template, { slug, states }) {
    const is = (name) => states.includes(name);
    const unread = is("unread");
    row.toggleAttribute("data-ntf-unread", unread);
    row.classList.toggle("ntf-new", unread);
    all(".ntf-notice", row).forEach((notice) => notice.classList.toggle("ntf-unread", unread));
    all(".ntf-state", row).forEach((state) => (state.hidden = !unread));
    const offers = { undone: ["done", "done"], unsave: ["saved", "save"], unsnooze: ["snoozed", "snooze"], unread: ["read", "read"] };
    for (const [yes, [state, no]] of Object.entries(offers)) {
        const [wanted, other] = (is(state) ? [yes, no] : [no, yes]).map((verb) => `[data-ntf-verb=${verb}]`);
        const button = row.querySelector(other);
        const focused = button && button === document.activeElement;
        if (button && !row.querySelector(wanted)) {
            button.after(template.content.querySelector(wanted).cloneNode(true));
        }
        button?.remove();
        focused && row.querySelector(wanted).focus();
    }
    all("[name=id]", row).forEach((box) => (box.value = slug));
    for (const tool of all(".ntf-tool", row)) {
        tool.value &&= tool.value.replace(/[^:]*$/, slug);
        tool.setAttribute("aria-describedby", row.querySelector("[name=id]").getAttribute("aria-labelledby"));
    }
}

/* Let a list hold these entries in this order, under their days. What stays is not touched. */
function arrange(list, template, entries) {
    const rows = new Map(all("[data-ntf-id]", list).map((row) => [row.dataset.ntfId, row]));
    const days = new Map(all(".ntf-day", list).map((day) => [day.textContent.trim(), day]));
    const wanted = new Set(entries.flatMap(({ slug, day }) => [String(slug), day]));
    for (const [key, node] of [...rows, ...days]) {
        wanted.has(key) || node.remove();
    }
    let [next, before] = [list.firstElementChild, undefined];
    const place = (node) => (node === next ? (next = next.nextElementSibling) : list.insertBefore(node, next));
    for (const entry of entries) {
        if (entry.day && entry.day !== before) {
            place(days.get(entry.day) ?? make("li", { className: "ntf-day" }, make("h2", {}, entry.day)));
        }
        before = entry.day;
        const row = rows.get(String(entry.slug)) ?? makeRow(template, entry);
        showState(row, template, entry);
        place(row);
    }
}

/* A list that is kept like the server's. */
class Listing extends HTMLElement {
    on = (target, event, handler) => target.addEventListener(event, handler.bind(this), { signal: this.life.signal });
    rows = () => all("[data-ntf-id]", this.list);

    connectedCallback() {
        this.life = new AbortController();
        this.list = this.querySelector(".ntf-list, .ntf-few");
        live.join(this);
    }

    disconnectedCallback() {
        this.life.abort();
        clearInterval(this.pulse);
    }

    soon() {
        this.timer ??= setTimeout(() => {
            this.timer = undefined;
            this.refresh().catch(() => {});
        }, 100);
    }

    /* Ask what the list is to hold. The last question wins. */
    async refresh(question = {}) {
        const url = absolute(this.dataset.ntfApi);
        const asked = Object.entries({ ...question, max: this.dataset.ntfMax });
        asked.forEach(([name, value]) => value && url.searchParams.set(name, value));
        const turn = (this.turn = {});
        const answer = await ask(url, this.etag);
        if (answer && turn === this.turn && this.isConnected) {
            this.etag = answer.etag;
            this.show(answer.data);
        }
    }

    show({ counts, items }) {
        const focused = document.activeElement;
        const place = this.rows().indexOf(focused.closest("[data-ntf-id]"));
        arrange(this.list, this.querySelector("template[data-ntf-row]"), items);
        showCounts(counts, this.dataset.ntfCap);
        this.list.hidden = !items.length;
        all(".ntf-empty", this).forEach((element) => (element.hidden = items.length > 0));
        if (place >= 0 && document.activeElement !== focused) {
            this.focusRow(Math.min(place, items.length - 1));
        }
    }

    focusRow(index) {
        const row = this.rows()[index];
        const link = row?.querySelector("[data-ntf-open][href]") ?? row?.querySelector("a[href], button");
        (link ?? this.querySelector("[aria-current]"))?.focus();
    }
}

let bells = 0;

class Bell extends Listing {
    tellsDesktop = () => window.Notification?.permission === "granted" && remember("ntf-desktop") === "on";

    connectedCallback() {
        super.connectedCallback();
        this.link = this.querySelector(".ntf-bell");
        this.panel = this.querySelector(".ntf-panel");
        Object.assign(this.link, { role: "button", ariaExpanded: "false" });
        // There may be more than one bell on a page.
        this.panel.id ||= `ntf-panel-${(bells += 1)}`;
        this.link.setAttribute("aria-controls", this.panel.id);
        this.on(this.link, "click", (event) => {
            if (!event.ctrlKey && !event.metaKey && !event.shiftKey) {
                event.preventDefault();
                this.toggle(this.panel.hidden);
            }
        });
        this.on(this.link, "keydown", (event) => event.key === " " && (event.preventDefault(), this.link.click()));
        this.on(this, "keydown", ({ key }) => key === "Escape" && this.toggle(false));
        const leave = (target) => target && !this.contains(target) && this.toggle(false);
        this.on(document, "pointerdown", ({ target }) => leave(target));
        this.on(this, "focusout", ({ relatedTarget }) => leave(relatedTarget));
        this.on(document, "notifications:changed", () => this.panel.hidden || this.soon());
        this.on(document, "notifications:new", ({ detail }) => this.tellDesktop(detail));
        this.desktop = this.querySelector("[data-ntf-desktop]");
        if (this.desktop && window.Notification && Notification.permission !== "denied") {
            Object.assign(this.desktop, { hidden: false, ariaPressed: String(this.tellsDesktop()) });
            this.on(this.desktop, "click", this.askDesktop);
        }
    }

    async toggle(open) {
        const opens = open && this.panel.hidden;
        open || !this.panel.contains(document.activeElement) || this.link.focus();
        this.panel.hidden = !open;
        this.link.ariaExpanded = String(open);
        if (opens) {
            // Without an answer the panel shows what it had, and the badge keeps its number.
            await this.refresh().catch(() => {});
            const seen = () => live.tell("count", { ...live.counts, unseen: 0 });
            await post(this.dataset.ntfSeen, new FormData(this.querySelector("form"))).then(seen, () => {});
        }
    }

    async askDesktop() {
        const on = !this.tellsDesktop() && (await Notification.requestPermission()) === "granted";
        remember("ntf-desktop", on ? "on" : "off");
        this.desktop.ariaPressed = String(on);
    }

    tellDesktop(entry) {
        // One tab for all, and only where nobody looks at any of them.
        if (this.tellsDesktop() && live.leading && live.isUnwatched()) {
            const shown = new Notification(entry.text, { body: entry.description ?? "", tag: String(entry.id) });
            shown.onclick = () => open(isWebUrl(entry.url) ? entry.url : this.link.href);
        }
    }
}

// What a key stands for: the first of these buttons that a row offers.
const VERBS = { e: ["done", "undone"], s: ["save", "unsave"], h: ["snooze", "unsnooze"], I: ["read"], U: ["unread"] };

class Inbox extends Listing {
    connectedCallback() {
        super.connectedCallback();
        this.form = this.querySelector("#ntf-bulk");
        this.banner = this.querySelector("[data-ntf-undo]");
        this.help = this.querySelector("dialog[data-ntf-help]");
        this.page = this.querySelector("[data-ntf-select=page]");
        Object.assign(this, { voice: this.querySelector(".ntf-live"), heard: [] });
        this.on(this, "submit", this.submit);
        this.on(this, "change", this.change);
        this.on(document, "keydown", this.press);
        this.on(document, "notifications:changed", this.soon);
        this.on(document, "notifications:new", ({ detail }) => this.arrive(detail));
        // What is saved elsewhere, say, is heard of only where a bus carries it.
        const looks = () => document.hidden || this.soon();
        this.on(document, "visibilitychange", looks);
        this.pulse = setInterval(looks, live.period * 4);
        const [button, keys] = [this.querySelector("[data-ntf-keys-help]"), this.querySelector("[data-ntf-keys]")];
        this.on(button, "click", () => this.help.showModal());
        button.hidden = this.dataset.ntfKeys === "off";
        keys.checked = remember("ntf-keys") !== "off";
        this.on(keys, "change", () => remember("ntf-keys", keys.checked ? "on" : "off"));
    }

    async refresh() {
        const { page, before, after } = Object.fromEntries(new URLSearchParams(location.search));
        // A page that has but a number is only shown anew.
        const question = { tab: this.dataset.ntfList, q: this.dataset.ntfQuery, before, after };
        return page ? this.acted && location.reload() : super.refresh(question);
    }

    show(answer) {
        super.show(answer);
        this.form.hidden = !answer.items.length;
        this.form.elements.shown.value = answer.items.map(({ slug }) => slug).join();
        this.form.elements.matching.value = answer.matching ?? "";
        this.form.elements.matching_unread.value = answer.matching_unread ?? "";
        const total = this.form.querySelector("[data-ntf-total]");
        total && (total.textContent = answer.total === null ? "" : `(${answer.total})`);
        this.change();
    }

    /* Say what arrived once, however much comes at a time. */
    arrive(entry) {
        this.heard.push(entry.text);
        clearTimeout(this.speaker);
        this.speaker = setTimeout(() => {
            this.voice.textContent = `${this.dataset.ntfArrived} ${this.heard.splice(0).join(". ")}`;
        }, 500);
    }

    submit(event) {
        const { target, submitter } = event;
        const body = new FormData(target, submitter);
        // What all results are the form says only if they are all on this page. Otherwise a page says their number and asks.
        const isAll = submitter?.name === "verb" && body.getAll("scope").includes("all");
        const matching = this.form.elements[submitter?.name === "all" ? "matching_unread" : isAll && "matching"];
        // Until when it is to be snoozed is asked on a page of its own, and what an extension does leads to one.
        const asks = /^snooze/.test(submitter?.value) || submitter?.hasAttribute("formaction") || /^-|^$/.test(matching?.value);
        if ((target === this.form && !asks) || this.banner.contains(target)) {
            event.preventDefault();
            this.act(target.action, body, () => {
                matching.value = matching.value.replace(/^\d+(-\d*-).*/, "$1");
                submitter.click();
            });
        }
    }

    async act(url, body, askAgain) {
        const failed = { data: { message: this.dataset.ntfFailed } };
        const act = () => post(url, body).catch(({ status }) => (status === 409 && askAgain(), failed));
        const { data } = await (this.acting = Promise.resolve(this.acting).then(act)); // In the order of the keys.
        const { message, undo, unread_count: unread, unseen_count: unseen } = data;
        Object.assign(this, { acted: true }).voice.textContent = message;
        undo || !this.banner.contains(document.activeElement) || this.focusRow(0);
        clearInterval(this.undoing);
        this.banner.hidden = !undo;
        if (undo) {
            this.banner.querySelector("[name=undo]").value = undo;
            this.banner.querySelector("[data-ntf-slot=message]").textContent = message;
            this.banner.querySelector("form").hidden = false;
            const used = () => this.banner.matches(":hover, :focus-within");
            this.undoing = setInterval(() => (this.banner.hidden ||= !used()), 10000);
        }
        if (unread !== undefined) {
            live.tell("count", { unread, unseen });
            live.tell("changed");
        }
    }

    /* Keep "all on this page" and what is selected on it in step. */
    change(event) {
        const boxes = all("[name=id]", this.list);
        event?.target === this.page && boxes.forEach((box) => (box.checked = this.page.checked));
        const checked = boxes.filter((box) => box.checked).length;
        this.page.checked = checked > 0 && checked === boxes.length;
        this.page.indeterminate = checked > 0 && checked < boxes.length;
    }

    press(event) {
        const { key, target } = event;
        const fields = "select, textarea, [contenteditable], dialog, .ntf-panel, input:not([type=checkbox])";
        const elsewhere = event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey;
        if (elsewhere || target.closest?.(fields) || this.dataset.ntfKeys === "off" || remember("ntf-keys") === "off") {
            return;
        }
        const rows = this.rows();
        const focused = rows.indexOf(document.activeElement.closest("[data-ntf-id]"));
        this.at = focused >= 0 ? focused : Math.min(this.at ?? -1, rows.length - 1);
        const row = rows[this.at];
        const goes = this.went === "g" && key === "n";
        this.went = key;
        const does = {
            j: () => this.focusRow(Math.min(this.at + 1, rows.length - 1)),
            k: () => this.focusRow(Math.max(this.at - 1, 0)),
            x: () => row?.querySelector("[name=id]").click(),
            o: () => row?.querySelector("[data-ntf-open][href]")?.click(),
            z: async () => (await this.acting, this.banner.hidden || this.banner.querySelector("form").requestSubmit()),
            M: () => row?.querySelector("[data-ntf-key=M]")?.click(),
            n: () => goes && location.assign(this.querySelector("[data-ntf-tab=inbox]").href),
            "/": () => this.querySelector("input[type=search]").focus(),
            "?": () => this.help.showModal(),
        };
        if (key in VERBS || key in does) {
            event.preventDefault();
            does[key] ? does[key]() : this.doVerb(VERBS[key], row);
        } else if (key === "Enter" && target === document.body) {
            does.o();
        }
    }

    /* Do it to what is selected, else to the row where the reader is. */
    doVerb(verbs, row) {
        const many = this.form.querySelector("[name=scope]:checked") ?? this.list.querySelector("[name=id]:checked");
        const buttons = verbs.map((verb) => (many ? `button[value=${verb}]` : `[data-ntf-verb=${verb}]`));
        (many ? this.form : row)?.querySelector(buttons.join())?.click();
    }
}

customElements.define("notifications-bell", Bell);
customElements.define("notifications-inbox", Inbox);
