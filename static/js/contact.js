// Sends the form without leaving the page. Only the server validates input and writes error
// messages; this script inserts its response. What was typed is never lost and never stored on
// the device: docs/decisions/0007-drafts-stay-in-memory.md
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
  let form = section.querySelector("form"), counter, sending = false, saveTimer, announceTimer;

  function make(tag, text, className = "", attributes = {}) {
    const element = Object.assign(document.createElement(tag), { textContent: text, className });
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }

  function announce(text) { live.textContent = text; }

  function charactersOver() {
    const maxLength = document.getElementById("message-hint").textContent.match(/[\d,]+/)[0];
    return [...form.message.value].length - maxLength.replace(",", "");
  }

  function charactersLeft() {
    const number = Math.abs(charactersOver()).toLocaleString("en-US");
    return charactersOver() > 0 ? `${number} characters too many` : `${number} characters left`;
  }

  // Visible near the limit; announced when typing pauses.
  function showCount() {
    counter.textContent = charactersOver() > -1000 ? charactersLeft() : "";
    clearTimeout(announceTimer);
    if (charactersOver() > -500) announceTimer = setTimeout(() => announce(charactersLeft()), 1500);
  }

  function requirePhone() {
    const phone = form.phone, label = phone.labels[0], needed = form.reply_by.value !== "email";
    phone.required = needed;
    label.querySelector(".hint")?.remove();
    if (needed) label.append(make("span", " (required)", "hint"));
  }

  // Browsers write the text of open pages to disk unless a field has autocomplete="off". Set only
  // after the first key press, so that the browser can fill in name and address.
  function disableSessionRestore(field) { if (field.value) field.autocomplete = "off"; }

  function initializeForm() {
    form.autocomplete = "off";
    [...form.elements].forEach(disableSessionRestore);
    counter?.remove();
    counter = make("p", "", "hint", { "aria-hidden": true });
    form.message.after(counter);
    showCount();
    requirePhone();
  }

  // Stores the draft XOR a random key in the tab's name (in memory), and the key in its history.
  function saveDraft() {
    const bytes = new TextEncoder().encode(JSON.stringify([...new FormData(form)]));
    if (sending) return;
    try {
      const key = crypto.getRandomValues(new Uint8Array(bytes.length));
      window.name = unsent + btoa(String.fromCharCode(...bytes.map((byte, i) => byte ^ key[i])));
      history.replaceState(key, "");
    } catch { /* too large or too frequent for the browser: sending still works */ }
  }

  function deleteDraft() {
    clearTimeout(saveTimer);
    window.name = "";
    history.replaceState(null, "");
  }

  function restoreDraft() {
    const key = history.state, name = window.name;
    if (!name.startsWith(unsent)) return;
    window.name = "";
    if (!(key instanceof Uint8Array)) return;
    try {
      const bytes = Uint8Array.from(atob(name.slice(unsent.length)), (char, i) =>
        char.charCodeAt() ^ key[i]);
      fillIn(JSON.parse(new TextDecoder().decode(bytes)));
    } catch {
      return; // the key belongs to another visit
    }
    initializeForm();
    saveDraft();
    announce("We restored what you typed.");
  }

  function fillIn(entries) {
    for (const [name, value] of entries) {
      const field = form.elements[name];
      if (!field || field.type === "hidden") continue;
      if (field.type === "checkbox") field.checked = true;
      else field.value = value;
    }
  }

  function setSending(on) {
    const button = form.querySelector("button");
    sending = on;
    button.setAttribute("aria-disabled", on);
    button.textContent = on ? "Sending…" : "Send message";
    announce(on ? "Sending…" : "");
  }

  function show(summary) {
    document.querySelector(".error-summary")?.remove();
    summary.autofocus = false; // autofocus is for page loads
    heading.after(summary);
    document.title = "Error: " + title.replace("Error: ", "");
    setSending(false);
    summary.focus();
  }

  function showProblem(label, text) {
    const alert = { role: "alert", tabindex: -1, "aria-label": label };
    const summary = make("div", "", "error-summary", alert), call = make("p", "");
    const again = make("button", "Try again", "button");
    again.onclick = send;
    call.append(document.querySelector(".phone").cloneNode(true));
    summary.append(make("h2", label), make("p", text), call, again);
    show(summary);
  }

  function showUnknownResult(label) {
    showProblem(label, "We can’t tell whether your message reached us. What you wrote "
      + "is still here. You can safely try again: we won’t receive it twice.");
  }

  async function send() {
    if (sending) return;
    if (!navigator.onLine) {
      showProblem("No connection", "Nothing was sent. What you wrote is still here.");
      return;
    }
    saveDraft();
    setSending(true);
    const sent = new FormData(form);
    sent.set("elapsed_seconds", Math.floor(performance.now() / 1000));
    let response, page;
    try {
      response = await fetch(form.action, {
        method: "POST", body: new URLSearchParams(sent), signal: AbortSignal.timeout?.(60000),
      });
      page = new DOMParser().parseFromString(await response.text(), "text/html");
    } catch {
      showUnknownResult("Connection lost");
      return;
    }
    if (response.url.includes("/received/")) {
      deleteDraft();
      form.reset();
      location.assign(response.url);
    } else showErrors(page, response.status);
  }

  function showErrors(page, status) {
    const summary = page.querySelector(".error-summary");
    const fresh = page.querySelector("#contact-us-today form");
    if (!summary || !fresh) {
      showUnknownResult("Our website did not respond");
      return;
    }
    if (status === 422) {
      const entries = [...new FormData(form)].filter(([name]) => name !== "email_choice");
      form.replaceWith(fresh);
      form = fresh;
      fillIn(entries); // what was typed while waiting for the response
      initializeForm();
    }
    show(summary);
  }

  section.append(live);
  initializeForm();
  restoreDraft();
  document.addEventListener("submit", (event) => {
    if (event.target !== form) return;
    event.preventDefault();
    send();
  });
  document.addEventListener("input", ({ target }) => {
    if (target.form !== form) return;
    disableSessionRestore(target);
    showCount();
    requirePhone();
    clearTimeout(saveTimer);
    saveTimer = setTimeout(saveDraft, 400);
  });
  // A jump within the page adds a history entry, which does not have the key yet.
  addEventListener("hashchange", () => window.name && saveDraft());
  addEventListener("pageshow", ({ persisted }) => {
    if (!persisted) return;
    setSending(false);
    initializeForm();
  });
})();
