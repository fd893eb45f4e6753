// Shows whether each location is open now, in the clinic's time zone. The hours are part of the
// page; without this script the page still shows them.
(() => {
  const hours = document.querySelector("[data-zone]");
  if (!hours) return;
  const { zone } = hours.dataset;
  const places = [...hours.querySelectorAll("[data-hours]")].map(({ dataset }) =>
    [JSON.parse(dataset.hours), JSON.parse(dataset.closed)]);

  const noon = (date) => new Date(date + "T12:00Z");
  const weekday = (date) => (noon(date).getUTCDay() + 6) % 7;

  function daysAfter(date, days) {
    return new Date(+noon(date) + days * 864e5).toISOString().slice(0, 10);
  }

  function clock(time) {
    if (time === 1200) return "noon";
    const minutes = time % 100 ? ":" + String(time).slice(-2) : "";
    return (Math.floor(time / 100) % 12 || 12) + minutes + (time < 1200 ? " am" : " pm");
  }

  function name(date, days) {
    if (days < 2) return ["today", "tomorrow"][days];
    const more = days < 7 ? {} : { month: "long", day: "numeric" };
    return noon(date).toLocaleDateString("en-US", { weekday: "long", timeZone: "UTC", ...more });
  }

  function status([week, closed]) {
    // Swedish dates are ISO dates: 2026-11-29 17:05:00
    const [today, clockTime] = new Date().toLocaleString("sv-SE", { timeZone: zone }).split(" ");
    const now = clockTime.slice(0, 5).replace(":", "");
    for (let days = 0; days < 60; days++) {
      const date = daysAfter(today, days);
      for (const [opens, closes] of closed[date] ? [] : week[weekday(date)]) {
        if (!days && closes <= now) continue;
        if (!days && opens <= now) return "Open now until " + clock(closes);
        const when = `${name(date, days)} at ${clock(opens)}`;
        return closed[today] && week[weekday(today)].length
          ? `Closed today (${closed[today]}), opens ${when}` : "Opens " + when;
      }
    }
    return "Call for opening hours";
  }

  function show() {
    // Every list contains all locations, in the same order.
    document.querySelectorAll(".status").forEach((element, i) => {
      element.textContent = status(places[i % places.length]);
    });
  }

  show();
  setInterval(show, 2e4);
  addEventListener("pageshow", show);
})();
