// Brings the live map when its box comes near, or after a click where streets come from
// another host. Until then, and whenever something fails, the static map stays.
(function () {
  var box = document.getElementById("map-box"), button = document.getElementById("show-streets");
  var connection = navigator.connection;

  function add(tag, attributes) {
    return new Promise(function (resolve, reject) {
      var element = document.createElement(tag);
      document.head.append(Object.assign(element, attributes, { onload: resolve, onerror: reject }));
    });
  }

  function style(url) { return add("link", { rel: "stylesheet", href: url }); }
  function script(url) { return add("script", { src: url, async: false }); }

  function load() {
    var scripts = box.dataset.js.split(" "), start = scripts.pop();
    add("link", { rel: "preload", as: "script", href: start });
    // The map measures its box when it starts: styles first.
    Promise.all(box.dataset.css.split(" ").map(style).concat(scripts.map(script)))
      .then(function () { script(start); }, function () {});
  }

  if (!box || !box.dataset.js) return;
  if (button) {
    button.parentNode.hidden = false;
    button.addEventListener("click", load, { once: true });
  } else if (window.IntersectionObserver && !(connection && connection.saveData)) {
    new IntersectionObserver(function (entries, watch) {
      if (!entries.some(function (entry) { return entry.isIntersecting; })) return;
      watch.disconnect();
      load();
    }, { rootMargin: "400px" }).observe(box);
  }
})();
