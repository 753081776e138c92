/* The second step of a selection: what matches beyond the page. It is loaded once all on the page are selected. */

import { all } from "./list.js";
import { request, withFields } from "./transport.js";

export class Results {
  constructor(inbox) {
    this.inbox = inbox;
    this.parts = all(".ntf-rest-of-results", inbox.form);
    inbox.on(this.parts[1], "click", () => this.select());
  }

  /* Offer the other results by their number. The form has it, or the server says it. */
  show(count) {
    const { everything, page, hasMore, form, status } = this.inbox;
    const { value } = form.elements.matching;
    const [total] = value.split("-");
    const isOffered = page.checked && hasMore;
    if (isOffered && !total) {
      this.asked === value || this.ask(value);
      return;
    }
    const before = this.parts[0].textContent;
    for (const part of this.parts) {
      const text = isOffered ? part.dataset[everything.checked ? "ntfAll" : "ntfPage"] : "";
      part.textContent = text.replace("{count}", count).replace("{total}", total);
    }
    const [{ textContent: text }] = this.parts;
    text && text !== before && (status.textContent = text);
  }

  ask(value) {
    this.asked = value;
    const { ntfAct, ntfUser: user, ntfList: tab, ntfQuery: q, ntfThread: thread } = this.inbox.dataset;
    const url = withFields(ntfAct, { action: "read", scope: "all", tab, q, thread, matching: value });
    const show = ({ data }) => {
      if (this.asked === value) {
        this.inbox.form.elements.matching.value = data.matching;
        this.inbox.change();
      }
    };
    request(url, { user }).then(show, (problem) => this.inbox.showProblem(problem));
  }

  select() {
    const { everything, page } = this.inbox;
    const { checked } = everything;
    checked ? this.inbox.unselect() : (everything.checked = true);
    this.inbox.change();
    checked && page.focus();
  }
}
