// Loads the interactive map when its box is about to be visible, or after a click if the streets
// come from another host. Until then, and after any failure, the static map stays.
(function () {
  var box = document.getElementById("map-box"), button = document.getElementById("show-streets");
  var connection = navigator.connection;

  function add(tag, attributes) {
    return new Promise(function (resolve, reject) {
      var element = document.createElement(tag);
      // With "crossOrigin" the browser checks the integrity hash.
      Object.assign(element, attributes, { crossOrigin: "", onload: resolve, onerror: reject });
      document.head.append(element);
    });
  }

  function addStyle(asset) { return add("link", Object.assign(asset, { rel: "stylesheet" })); }
  function addScript(asset) { return add("script", Object.assign(asset, { async: false })); }

  function start(assets) {
    var last = assets.scripts.pop();
    add("link", { rel: "preload", as: "script", href: last.src, integrity: last.integrity });
    // The map measures its box when it starts, so the styles must be there first.
    return Promise.all(assets.styles.map(addStyle).concat(assets.scripts.map(addScript)))
      .then(function () { return addScript(last); });
  }

  function load() {
    box.classList.remove("is-empty");
    fetch(box.dataset.assets).then(function (response) { return response.json(); })
      .then(start).catch(function () { box.classList.toggle("is-empty", !!button); });
  }

  if (!box || !box.dataset.assets) return;
  if (button) {
    button.parentNode.hidden = false;
    button.addEventListener("click", load, { once: true });
  } else if (window.IntersectionObserver && !(connection && connection.saveData)) {
    new IntersectionObserver(function (entries, observer) {
      if (!entries.some(function (entry) { return entry.isIntersecting; })) return;
      observer.disconnect();
      load();
    }, { rootMargin: "400px" }).observe(box);
  }
})();
