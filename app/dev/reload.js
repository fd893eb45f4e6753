// Reloads the page when the clinic files change.
const { pathname, search } = new URL(document.currentScript.src);
const loaded = search.slice(1);
setInterval(async () => {
  try {
    const response = await fetch(pathname.replace("reload.js", "changes"));
    if (response.ok && (await response.text()) !== loaded) location.reload();
  } catch {
    // The site is restarting.
  }
}, 500);
