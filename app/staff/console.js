// The staff console works without this file, except passkeys. It also copies and prints.
(() => {
  const bytes = text => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), c => c.charCodeAt(0));
  const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

  // PublicKeyCredential.parse…FromJSON() and toJSON() do the same, but only in browsers of 2025.
  const decode = options => {
    options.challenge = bytes(options.challenge);
    if (options.user) options.user.id = bytes(options.user.id);
    for (const list of [options.excludeCredentials, options.allowCredentials])
      for (const item of list || []) item.id = bytes(item.id);
    return options;
  };
  const encode = credential => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"])
      if (credential.response[name]) response[name] = text(credential.response[name]);
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return JSON.stringify({
      id: credential.id, rawId: text(credential.rawId), type: credential.type, response,
      clientExtensionResults: {},
    });
  };

  const form = document.querySelector("[data-passkey]");
  const ask = async () => {
    const status = form.querySelector(".passkey-status"), retry = form.querySelector("button");
    if (!window.PublicKeyCredential) {
      status.textContent = "This browser has no passkeys. Use another browser, or a password and a code.";
      return;
    }
    status.textContent = "Follow the instructions of your device.";
    retry.hidden = true;
    try {
      const publicKey = decode(JSON.parse(form.dataset.options));
      const credential = await navigator.credentials[form.dataset.passkey]({ publicKey });
      form.elements.credential.value = encode(credential);
      form.submit();
    } catch (error) {
      status.textContent = error.name === "InvalidStateError"
        ? "This device has a passkey for your account already."
        : "That did not work, or it was canceled.";
      retry.hidden = false;
    }
  };
  if (form) {
    form.querySelector("button").onclick = ask;
    ask();
  }

  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.onclick = () => print();
  }
  for (const button of navigator.clipboard ? document.querySelectorAll("[data-copy]") : []) {
    const label = button.innerHTML;
    button.hidden = false;
    button.onclick = async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
      setTimeout(() => { button.innerHTML = label; }, 2000);
    };
  }
})();
