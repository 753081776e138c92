/* Which key is pressed, and whether it is for us. */

import { remember } from "./transport.js";

const FIELDS = `select, textarea, input:not([type=checkbox]), [contenteditable]:not([contenteditable=false]), dialog,
  [popover], .ntf-panel, [role$=box]:not([role=checkbox]), [role^=menu], [role=dialog]`;

/* Return "j", "Shift+M" or "Enter". Without Latin letters, the position of the key counts. */
export function nameOfKey(event) {
  const { key, code = "" } = event;
  // Autofill sends none.
  const isOther = typeof key !== "string" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.getModifierState("AltGraph");
  if (isOther || event.isComposing || event.keyCode === 229) {
    return "";
  }
  if (key.length > 1) {
    return key;
  }
  const name = key > "\x7f" && /^Key/.test(code) ? code[3] : key;
  return event.shiftKey && /[a-z]/i.test(name) ? `Shift+${name.toUpperCase()}` : name.toLowerCase();
}

/* A key is for the element if the focus is in it, or nowhere. */
export function isFor(element, event) {
  const target = event.composedPath()[0];
  if (!(target instanceof Element) || target === document.body || target === document.documentElement) {
    return true;
  }
  const isForeign = target.localName.includes("-") && target !== element;
  return element.contains(target) && !isForeign && !element.contains(target.closest(FIELDS));
}

export const areOn = (element) => element.dataset.ntfKeys !== "off" && remember("ntf-keys") !== "off";

export function explain(element, on) {
  const [open, help, box] = element.querySelectorAll("[data-ntf-keys-help], [data-ntf-help], [data-ntf-keys]");
  if (box) {
    on(open, "click", () => help.showModal());
    open.hidden = element.dataset.ntfKeys === "off";
    box.checked = areOn(element);
    on(box, "change", () => remember("ntf-keys", box.checked ? "on" : "off"));
  }
  return help;
}
