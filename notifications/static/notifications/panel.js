/*
 * What a page asks or explains, beside what opens it, until Escape, a click elsewhere or a choice. It is loaded when it
 * is first opened.
 */

import { make } from "./list.js";
import { request } from "./transport.js";

/* Show the JSON of a page. A choice is added to the form, and is by default the action itself. */
export async function open(inbox, opener, url, form = new FormData(inbox.form), perform = undefined) {
  const { title, texts, buttons, input } = (await request(url, { user: inbox.dataset.ntfUser })).data;
  const makeButton = ({ name, value = "", title, note, url }) => {
    const properties = { className: "ntf-tool ntf-text", name, value };
    return make("button", url ? { ...properties, formAction: url } : properties, title, " ", make("small", {}, note ?? ""));
  };
  const says = make("div", { id: "ntf-says" }, make("b", {}, title), ...texts.map((text) => make("p", {}, text)));
  const panel = make("div", { className: "ntf-more-menu ntf-sheet", tabIndex: -1 }, says, make("form", {}, ...buttons.map(makeButton)));
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-labelledby", says.id);
  const field = input && make("input", { type: input.type, ariaLabel: input.label, required: true });
  // In a form of its own: Enter in the field presses its own button.
  input && panel.append(make("form", {}, field, makeButton(input)));

  const life = new AbortController();
  const close = () => {
    life.abort();
    panel.remove();
  };
  const goBack = () => {
    close();
    (opener.closest(".ntf-more")?.querySelector("summary") ?? opener).focus();
  };
  const leave = (target) => target && !panel.contains(target) && close();
  const on = (target, event, handler) => target.addEventListener(event, handler, { signal: life.signal });
  on(document, "pointerdown", ({ target }) => leave(target));
  on(panel, "focusout", ({ relatedTarget }) => leave(relatedTarget));
  on(panel, "keydown", (event) => event.key === "Escape" && (event.preventDefault(), goBack()));
  on(panel, "submit", (event) => {
    const { name, value, formAction } = event.submitter;
    event.preventDefault();
    goBack();
    form.append(name, value || field.value);
    perform ? perform() : inbox.perform(name, value, formAction, form);
  });

  opener.closest(".ntf-more")?.removeAttribute("open");
  opener.closest(".ntf-buttons, .ntf-bulk-actions").append(panel);
  panel.focus();
}
