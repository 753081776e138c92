/*
 * Keeps the badge and the menu of a page up to date. A classic script: {% register_notify_callbacks %} leaves the
 * configuration in the page as data, before or after it; a script of the site may also set these globals itself.
 * Needs no inline script, no eval and no HTML sink, so it runs under a strict Content-Security-Policy.
 */

var notify_badge_class;
var notify_menu_class;
// The badge reads "99+" where the number is more than 99; without a cap it reads what the number is.
var notify_badge_cap;
var notify_api_url;
var notify_fetch_count;
var notify_unread_url;
var notify_mark_all_unread_url;
// Milliseconds between two requests, and how many one request may take.
var notify_refresh_period = notify_refresh_period || 15000;
var notify_timeout = notify_timeout || 30000;
// True to mark notifications as read when they are fetched.
var notify_mark_as_read = notify_mark_as_read || false;
var notify_csrf_token;
var notify_connection_lost = notify_connection_lost || "Connection lost!";
var consecutive_misfires = consecutive_misfires || 0;
var registered_functions = registered_functions || [];

(function () {
    "use strict";

    // A page that includes this file twice must not ask twice.
    if (window.fetch_api_data) {
        return;
    }

    const MISFIRES_UNTIL_LOST = 10;

    // What the configuration set. A global that the site has set since stays as the site wants it.
    const ours = { notify_refresh_period, notify_mark_as_read, notify_connection_lost };
    // The names of callbacks that were found, and those that the console knows to be missing.
    const found = new Set();
    const missed = new Set();
    let timer;
    let running;
    // The last answer, so that a poll that finds nothing new costs next to nothing.
    let last = {};

    function fill_notification_badge(data) {
        const more = notify_badge_cap && data.unread_count > notify_badge_cap;
        const text = more ? `${notify_badge_cap}+` : String(data.unread_count);
        for (const badge of document.getElementsByClassName(notify_badge_class)) {
            // Only a change is written: a live region would be read out each time.
            if (badge.textContent !== text) {
                badge.textContent = text;
            }
        }
    }

    function fill_notification_list(data) {
        if (!data.unread_list) {
            return; // The answer of the api "count" has none.
        }
        for (const menu of document.getElementsByClassName(notify_menu_class)) {
            menu.replaceChildren(...data.unread_list.map(list_item));
        }
    }

    function register_notifier(func) {
        registered_functions.push(func);
    }

    // Ask now, and again every notify_refresh_period. A call while an answer is awaited waits for that one.
    function fetch_api_data() {
        running = running || ask().finally(function () {
            running = undefined;
            if (consecutive_misfires < MISFIRES_UNTIL_LOST) {
                ask_in(notify_refresh_period);
            }
        });
        return running;
    }

    async function ask() {
        clearTimeout(timer);
        read_configurations().forEach(look_up_callback);
        if (!registered_functions.length) {
            return;
        }
        let data;
        try {
            data = await request();
        } catch {
            consecutive_misfires++;
            if (consecutive_misfires >= MISFIRES_UNTIL_LOST) {
                show_lost();
            }
            return;
        }
        consecutive_misfires = 0;
        for (const badge of document.getElementsByClassName(notify_badge_class)) {
            if (badge.title === notify_connection_lost) {
                badge.removeAttribute("title");
            }
        }
        for (const func of [...registered_functions]) {
            try {
                func(data);
            } catch (error) {
                // One callback must not take the others with it, and its error must not get lost either.
                reportError(error);
            }
        }
    }

    async function request() {
        const url = new URL(notify_api_url, document.baseURI);
        const options = { signal: AbortSignal.timeout(notify_timeout) };
        if (notify_fetch_count !== undefined) {
            url.searchParams.set("max", notify_fetch_count);
        }
        if (notify_mark_as_read) {
            url.searchParams.set("mark_as_read", "true");
            options.method = "POST";
            options.body = new URLSearchParams({ csrfmiddlewaretoken: notify_csrf_token || cookie("csrftoken") });
        }
        if (!options.method && last.url === url.href && last.etag) {
            options.headers = { "If-None-Match": last.etag };
        }
        const response = await fetch(url, options);
        if (response.status === 304) {
            return JSON.parse(last.text);
        }
        if (!response.ok) {
            throw new Error(`${url} answered ${response.status}`);
        }
        // The text, since a callback may do with its data what it likes.
        const text = await response.text();
        const data = JSON.parse(text);
        last = { url: url.href, etag: response.headers.get("ETag"), text };
        return data;
    }

    function ask_in(milliseconds) {
        clearTimeout(timer);
        // Nobody sees a hidden page; it asks again when somebody does.
        if (!document.hidden) {
            timer = setTimeout(fetch_api_data, milliseconds);
        }
    }

    function show_lost() {
        for (const badge of document.getElementsByClassName(notify_badge_class)) {
            badge.textContent = "!";
            badge.title = notify_connection_lost;
        }
    }

    function list_item(item) {
        const li = document.createElement("li");
        const parts = [linked(item.actor, item.actor_url), item.verb, linked(item.target, item.target_url), item.timestamp];
        // append() takes a string as text: nothing that a user wrote becomes HTML.
        parts.filter(Boolean).forEach((part, index) => li.append(...(index ? [" ", part] : [part])));
        return li;
    }

    function linked(text, url) {
        if (!text || !is_web_url(url)) {
            return text; // The url may come from a user, and could be a script.
        }
        const a = document.createElement("a");
        a.href = url;
        a.textContent = text;
        return a;
    }

    function is_web_url(url) {
        try {
            return Boolean(url) && ["http:", "https:"].includes(new URL(url, document.baseURI).protocol);
        } catch {
            return false;
        }
    }

    // Set the globals, and return the names of the callbacks.
    function read_configurations() {
        const names = [];
        for (const element of document.querySelectorAll("script#notify-config")) {
            const { callbacks, ...globals } = JSON.parse(element.textContent);
            for (const [key, value] of Object.entries(globals)) {
                const name = `notify_${key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
                if (window[name] === ours[name]) {
                    window[name] = ours[name] = value;
                }
            }
            names.push(...callbacks);
        }
        return names;
    }

    // By name, as late as can be, since the site's own scripts may come after this one; and once, since a site may
    // take a function out of registered_functions.
    function look_up_callback(name) {
        if (found.has(name)) {
            return;
        }
        const func = name.split(".").reduce((object, part) => object?.[part], window);
        if (typeof func === "function") {
            found.add(name);
            register_notifier(func);
        } else if (!missed.has(name)) {
            missed.add(name);
            console.error(`notify.js: no function window.${name} to call back; it is looked for again each time.`);
        }
    }

    function cookie(name) {
        const pair = document.cookie.split("; ").find((text) => text.startsWith(`${name}=`));
        return pair ? decodeURIComponent(pair.slice(name.length + 1)) : "";
    }

    function resume() {
        if (document.hidden) {
            clearTimeout(timer);
        } else {
            fetch_api_data();
        }
    }

    function start() {
        read_configurations();
        ask_in(1000);
    }

    Object.assign(window, { fill_notification_badge, fill_notification_list, register_notifier, fetch_api_data });

    document.addEventListener("visibilitychange", resume);
    window.addEventListener("online", resume);
    if (document.readyState === "loading") {
        document.addEventListener("DOMContentLoaded", start);
    } else {
        start();
    }
})();
