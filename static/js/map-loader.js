// Brings the live map when its box comes near, or after a click where streets come from
// another host. Until then, and whenever something fails, the static map stays.
(function () {
  var box = document.getElementById("map-box"), button = document.getElementById("show-streets");
  var connection = navigator.connection;

  function add(tag, attributes) {
    return new Promise(function (resolve, reject) {
      var element = document.createElement(tag);
      // With "crossOrigin" the browser compares each with its digest, or does not run it.
      Object.assign(element, attributes, { crossOrigin: "", onload: resolve, onerror: reject });
      document.head.append(element);
    });
  }

  function style(one) { return add("link", Object.assign(one, { rel: "stylesheet" })); }
  function script(one) { return add("script", Object.assign(one, { async: false })); }

  function start(parts) {
    var last = parts.scripts.pop();
    add("link", { rel: "preload", as: "script", href: last.src, integrity: last.integrity });
    // The map measures its box when it starts: styles first.
    return Promise.all(parts.styles.map(style).concat(parts.scripts.map(script)))
      .then(function () { return script(last); });
  }

  function load() {
    fetch(box.dataset.parts).then(function (answer) { return answer.json(); })
      .then(start).catch(function () {});
  }

  if (!box || !box.dataset.parts) return;
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
