/* Fills the menu of unread notifications: one link per notification, with the whole sentence and how long ago it was. */

"use strict";

const units = [["day", 86400], ["hour", 3600], ["minute", 60]];
const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });

function ago(timestamp) {
  const seconds = (Date.now() - new Date(timestamp)) / 1000;
  const [unit, size] = units.find(([, size]) => seconds >= size) ?? ["second", 1];
  return relative.format(-Math.floor(seconds / size), unit);
}

function menuItem(item) {
  const what = [item.action_object, item.target].filter(Boolean).join(" on ");
  const link = document.createElement("a");
  link.textContent = [item.actor, item.verb, what].filter(Boolean).join(" ");
  link.href = item.action_object_url ?? item.target_url ?? item.actor_url ?? notify_unread_url;
  const time = document.createElement("time");
  time.dateTime = item.timestamp;
  time.textContent = ago(item.timestamp);
  const row = document.createElement("li");
  row.append(link, time);
  return row;
}

// notify.js calls this with each answer of the server; {% register_notify_callbacks %} in base.html names it.
window.fill_menu = function (data) {
  for (const menu of document.getElementsByClassName(notify_menu_class)) {
    // Whoever has moved into the menu with the keyboard must not be thrown out of it.
    if (!menu.contains(document.activeElement)) {
      menu.replaceChildren(...data.unread_list.map(menuItem));
    }
  }
};
