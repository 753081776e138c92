/* Saves each choice of the page of preferences when it is made. Without this script, the button saves all of them. */

const form = document.querySelector("[data-ntf-preferences]");
const says = form.querySelector("[data-ntf-says]");
const { ntfDefault, ntfSaved, ntfFailed } = form.dataset;

/* One after the other, so that the last choice is the one that holds. */
let queue = Promise.resolve();

/* What got no answer: it is sent again before the next choice. */
let unsaved = [];

/* Who has only opened the page is told nothing. */
let isTouched = false;

function say(text) {
    says.textContent = isTouched ? text : "";
}

function changed(field) {
    const day = /^quiet_(?:from|to)_(\d)$/.exec(field.name)?.[1];
    return day === undefined ? [field] : ["from", "to"].map((end) => form.elements[`quiet_${end}_${day}`]);
}

async function save(fields) {
    const body = new URLSearchParams(fields.map(({ name, value }) => [name, value]));
    body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    const options = { method: "POST", body, headers: { Accept: "application/json" }, redirect: "manual", keepalive: true };
    let answer;
    try {
        const response = await fetch(form.action, options);
        answer = await response.json();
        fields.forEach((field) => (response.ok ? field.removeAttribute("aria-invalid") : field.setAttribute("aria-invalid", "true")));
        response.ok && show(answer.choices);
        if (!response.ok) {
            say(answer.error || ntfFailed);
        } else if (!unsaved.length && !form.querySelector("[aria-invalid]")) {
            say(ntfSaved);
        }
    } catch {
        say(ntfFailed); // Offline, signed out, or not JSON.
        unsaved.push(fields);
    }
}

/* Each is saved as it is then, so that one that changed meanwhile is saved once. */
async function saveAll(fields) {
    const names = ([{ name }]) => name;
    const before = unsaved.filter((each) => names(each) !== names(fields));
    unsaved = [];
    for (const each of [...before, fields]) {
        await save(each);
    }
}

/* Say for each type what holds now where nothing was chosen. */
function show(choices) {
    for (const { channel, scope, chosen, frequency } of choices) {
        const select = form.elements[`choice:${channel}:${scope}`];
        const option = select?.querySelector("[data-ntf-frequency]");
        if (option) {
            const label = [...select.options].find(({ value }) => value === frequency)?.text;
            option.textContent = chosen || !label ? ntfDefault : `${ntfDefault} (${label})`;
        }
    }
}

form.addEventListener("change", ({ target }) => {
    const fields = changed(target);
    isTouched = true;
    // A time of quiet hours waits for the other one.
    if (fields.length === 1 || fields.every(({ value }) => value) || fields.every(({ value }) => !value)) {
        queue = queue.then(() => saveAll(fields));
    }
});

/* A user who has no time zone yet has that of the browser. */
const zone = form.elements.time_zone;
if (!zone.value) {
    // If the server has it too.
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    zone.value = [...(zone.list?.options ?? [])].some(({ value }) => value === timeZone) ? timeZone : "";
    zone.value && (queue = queue.then(() => saveAll([zone])));
}
