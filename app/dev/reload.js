// Shows the page again once the clinic's files are newer than what it was made from.
const { pathname, search } = new URL(document.currentScript.src);
const seen = search.slice(1);
setInterval(async () => {
  try {
    const answer = await fetch(pathname.replace("reload.js", "changes"));
    if (answer.ok && (await answer.text()) !== seen) location.reload();
  } catch {
    // The site is being started again.
  }
}, 500);
