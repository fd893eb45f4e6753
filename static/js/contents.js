// Marks the current section in the table of contents, if the browser does not do so itself.
(() => {
  const links = [...document.querySelectorAll(".columns > .contents a")];
  if (!links.length || CSS.supports("scroll-target-group: auto")) return;
  const headings = links.map((link) => document.getElementById(link.hash.slice(1)));

  function mark() {
    const passed = headings.filter((heading) => heading.getBoundingClientRect().top < innerHeight / 3);
    const here = Math.max(passed.length, 1) - 1;
    links.forEach((link, i) => {
      if (i === here) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
  }

  addEventListener("scroll", () => requestAnimationFrame(mark), { passive: true });
  mark();
})();
