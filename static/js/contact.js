// Sends the form without leaving the page. The server alone judges what is written and words
// each mistake; here its answer is only put in place. Nothing typed is ever lost, and none of it
// is stored on the device: docs/decisions/0007-drafts-stay-in-memory.md
(() => {
  const section = document.getElementById("contact-us-today"), title = document.title;
  const print = document.getElementById("print");
  if (print) {
    print.hidden = false;
    print.onclick = () => window.print();
  }
  if (!section) return;
  const heading = document.getElementById("contact-heading"), unsent = "unsent:";
  const live = make("p", "", "visually-hidden", { role: "status" });
  let form = section.querySelector("form"), counter, sending = false, keeping, telling;

  function make(tag, text, className = "", attributes = {}) {
    const element = Object.assign(document.createElement(tag), { textContent: text, className });
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }

  function say(text) { live.textContent = text; }

  function over() {
    const most = document.getElementById("message-hint").textContent.match(/[\d,]+/)[0];
    return [...form.message.value].length - most.replace(",", "");
  }

  function left() {
    const number = Math.abs(over()).toLocaleString("en-US");
    return over() > 0 ? `${number} characters too many` : `${number} characters left`;
  }

  // Seen at each key; heard only near the end, when the typing pauses.
  function count() {
    counter.textContent = left();
    clearTimeout(telling);
    if (over() > -500) telling = setTimeout(() => say(left()), 1500);
  }

  function askForPhone() {
    const phone = form.phone, label = phone.labels[0], needed = form.reply_by.value !== "email";
    phone.required = needed;
    label.querySelector(".hint")?.remove();
    if (needed) label.append(make("span", " (required)", "hint"));
  }

  // A browser writes its open pages to disk, typed text too, unless a field says "off". Said only
  // after the first key: until then the browser may fill in name and address.
  function leaveNoTrace(field) { if (field.value) field.autocomplete = "off"; }

  function dress() {
    form.autocomplete = "off";
    [...form.elements].forEach(leaveNoTrace);
    counter?.remove();
    counter = make("p", "", "hint", { "aria-hidden": true });
    form.message.after(counter);
    count();
    askForPhone();
  }

  // Words xor noise in this tab's name, which is kept in memory; the noise in its history.
  function keep() {
    const words = new TextEncoder().encode(JSON.stringify([...new FormData(form)]));
    if (sending) return;
    try {
      const noise = crypto.getRandomValues(new Uint8Array(words.length));
      window.name = unsent + btoa(String.fromCharCode(...words.map((byte, i) => byte ^ noise[i])));
      history.replaceState(noise, "");
    } catch { /* more words, or more often, than the browser admits: sending goes on */ }
  }

  function forget() {
    clearTimeout(keeping);
    window.name = "";
    history.replaceState(null, "");
  }

  function bringBack() {
    const noise = history.state, name = window.name;
    if (!name.startsWith(unsent)) return;
    window.name = "";
    if (!(noise instanceof Uint8Array)) return;
    try {
      const words = Uint8Array.from(atob(name.slice(unsent.length)), (char, i) =>
        char.charCodeAt() ^ noise[i]);
      put(JSON.parse(new TextDecoder().decode(words)));
    } catch {
      return; // the noise of another visit to this page
    }
    dress();
    keep();
    say("What you typed is back.");
  }

  function put(words) {
    for (const [name, value] of words) {
      const field = form.elements[name];
      if (!field || field.type === "hidden") continue;
      if (field.type === "checkbox") field.checked = true;
      else field.value = value;
    }
  }

  function wait(on) {
    const button = form.querySelector("button");
    sending = on;
    button.setAttribute("aria-disabled", on);
    button.textContent = on ? "Sending…" : "Send";
    say(on ? "Sending…" : "");
  }

  function show(summary) {
    document.querySelector(".error-summary")?.remove();
    summary.autofocus = false; // that is for a page that loads
    heading.before(summary);
    document.title = "Error: " + title.replace("Error: ", "");
    wait(false);
    summary.focus();
  }

  function trouble(what, words) {
    const alert = { role: "alert", tabindex: -1, "aria-label": what };
    const summary = make("div", "", "error-summary", alert), call = make("p", "");
    const again = make("button", "Try again", "button");
    again.onclick = send;
    call.append(document.querySelector(".phone").cloneNode(true));
    summary.append(make("h2", what), make("p", words), call, again);
    show(summary);
  }

  function unsure(what) {
    trouble(what, "We cannot tell whether your message reached us. Your words "
      + "are kept here. You can safely try again: we will not get it twice.");
  }

  async function send() {
    if (sending) return;
    if (!navigator.onLine) {
      trouble("No connection", "Nothing was sent. Your words are kept here.");
      return;
    }
    keep();
    wait(true);
    const sent = new FormData(form);
    sent.set("elapsed_seconds", Math.floor(performance.now() / 1000));
    let answer, page;
    try {
      answer = await fetch(form.action, {
        method: "POST", body: new URLSearchParams(sent), signal: AbortSignal.timeout?.(60000),
      });
      page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch {
      unsure("The connection broke");
      return;
    }
    if (answer.url.includes("/received/")) {
      forget();
      form.reset();
      location.assign(answer.url);
    } else judged(page, answer.status);
  }

  function judged(page, status) {
    const summary = page.querySelector(".error-summary");
    const fresh = page.querySelector("#contact-us-today form");
    if (!summary || !fresh) {
      unsure("The site did not answer");
      return;
    }
    if (status === 422) {
      const words = [...new FormData(form)].filter(([name]) => name !== "email_choice");
      form.replaceWith(fresh);
      form = fresh;
      put(words); // what was typed while the answer was on its way
      dress();
    }
    show(summary);
  }

  section.append(live);
  dress();
  bringBack();
  document.addEventListener("submit", (event) => {
    if (event.target !== form) return;
    event.preventDefault();
    send();
  });
  document.addEventListener("input", ({ target }) => {
    if (target.form !== form) return;
    leaveNoTrace(target);
    count();
    askForPhone();
    clearTimeout(keeping);
    keeping = setTimeout(keep, 400);
  });
  // A jump within the page makes a new entry of the history, and that has no noise yet.
  addEventListener("hashchange", () => window.name && keep());
  addEventListener("pageshow", ({ persisted }) => {
    if (!persisted) return;
    wait(false);
    dress();
  });
})();
