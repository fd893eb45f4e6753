// Keeps the opening hours true on a page that stays open. They come with the page, right for the
// minute it was made; asked for anew only when their words may have changed, and never by a tab
// that nobody sees.
(() => {
  const minute = 60000;
  let due = Date.now() + minute;

  async function refresh() {
    if (document.hidden || Date.now() < due) return;
    due = Date.now() + minute;
    try {
      const opening = await (await fetch("/opening")).json();
      due = Date.now() + Math.max(minute, 1000 * opening.seconds);
      // Wherever places are listed, they all are, in the clinic's own order.
      document.querySelectorAll(".status").forEach((place, i) => {
        (place.lastElementChild || place).textContent = opening.status[i % opening.status.length];
      });
    } catch { /* no connection: asked again in a minute */ }
  }

  setInterval(refresh, minute / 6);
  addEventListener("pageshow", refresh);
  document.addEventListener("visibilitychange", refresh);
})();
