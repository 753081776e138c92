/* Desktop notifications. It is loaded when the bell is opened, or has one to show. */

import { isWebUrl, remember } from "./transport.js";

export function offer(button) {
  const isOn = () => Notification.permission === "granted" && remember("ntf-desktop") === "on";
  Object.assign(button, { hidden: Notification.permission === "denied", ariaPressed: isOn() });
  button.onclick = async () => {
    const on = !isOn() && (await Notification.requestPermission()) === "granted";
    remember("ntf-desktop", on ? "on" : "off");
    button.ariaPressed = on;
  };
}

export function show({ text, description, id, url }, link) {
  const shown = new Notification(text, { body: description ?? "", tag: id });
  shown.onclick = () => open(isWebUrl(url) ? url : link);
}
