// Shows whether each location is open now, in the clinic's time zone. The hours are part of the
// page; without this script the page still shows them.
(() => {
  const hours = document.querySelector("[data-zone]");
  if (!hours) return;
  const MINUTE = 6e4, DAY = 864e5;
  const timeZone = hours.dataset.zone;
  // Each place: the periods of each weekday in minutes since midnight, and the dates with others.
  const places = [...hours.querySelectorAll("[data-hours]")].map(({ dataset }) =>
    [JSON.parse(dataset.hours), JSON.parse(dataset.special)]);

  // A wall time is what the clinic's clock shows, as milliseconds of a time in UTC.
  function wallTime(moment) {
    // Swedish dates are ISO dates: 2026-11-29 17:05:00
    return Date.parse(new Date(moment).toLocaleString("sv-SE", { timeZone }).replace(" ", "T") + "Z");
  }

  // The first moment at which the clock shows ``wall``. A time that it skips has the offset before
  // the change, as in Python.
  function momentOf(wall) {
    const [before, after] = [wall - DAY, wall + DAY].map((near) => wall - (wallTime(near) - near));
    return wallTime(before) === wall || wallTime(after) !== wall ? before : after;
  }

  function special(midnight, dates) {
    const date = new Date(midnight).toISOString().slice(0, 10);
    return dates.find(([first, last]) => first <= date && date <= last);
  }

  // The periods that begin on the day at ``midnight``.
  function periods(midnight, [week, dates]) {
    const day = special(midnight, dates);
    return (day ? day[3] : week[(new Date(midnight).getUTCDay() + 6) % 7])
      .map((period) => period.map((minutes) => midnight + minutes * MINUTE));
  }

  function clock(wall) {
    const time = new Date(wall), hour = time.getUTCHours(), minutes = time.getUTCMinutes();
    if (hour === 12 && !minutes) return "noon";
    return (hour % 12 || 12) + (minutes ? ":" + String(minutes).padStart(2, "0") : "")
      + (hour < 12 ? " am" : " pm");
  }

  function name(wall, today) {
    const days = Math.floor((wall - today) / DAY);
    if (days < 2) return ["today", "tomorrow"][days];
    const more = days < 7 ? {} : { month: "long", day: "numeric" };
    return new Date(wall).toLocaleDateString("en-US", { weekday: "long", timeZone: "UTC", ...more });
  }

  function openUntil(end, wall, today) {
    if (end - wall > 7 * DAY) return "Open now";
    const day = end - wall > DAY ? name(end - 1, today) + " at " : "";
    return "Open now until " + day + (end % DAY ? clock(end) : "midnight");
  }

  function status(place) {
    const now = Date.now(), wall = wallTime(now), today = wall - wall % DAY;
    let openEnd = 0;
    for (let day = -1; day < 60; day++) {
      for (const [start, end] of periods(today + day * DAY, place)) {
        if (openEnd) {
          if (start > openEnd) return openUntil(openEnd, wall, today);
          openEnd = Math.max(openEnd, end);
        } else if (momentOf(end) > now) {
          if (momentOf(start) > now) return opens(start, today, place);
          openEnd = end;
        }
      }
    }
    return openEnd ? openUntil(openEnd, wall, today) : "Call for opening hours";
  }

  function opens(start, today, [week, dates]) {
    const when = `${name(start, today)} at ${clock(start)}`, day = special(today, dates);
    const closed = day && !day[3].length && periods(today, [week, []]).length;
    return closed ? `Closed today (${day[2]}), opens ${when}` : "Opens " + when;
  }

  let timer;

  function show() {
    // Every list contains all locations, in the same order.
    document.querySelectorAll(".status").forEach((element, i) => {
      const text = status(places[i % places.length]);
      // On the first screen it is one line, so that nothing moves.
      element.textContent = element.closest(".open") ? text.replace(/^Closed .*, o/, "O") : text;
    });
    // Hours begin and end on whole minutes. More often, because computers sleep.
    clearTimeout(timer);
    timer = setTimeout(show, Math.min(2e4, MINUTE - Date.now() % MINUTE));
  }

  show();
  addEventListener("pageshow", show);
})();
