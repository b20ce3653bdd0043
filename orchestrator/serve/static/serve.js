"use strict";
(() => {
  const header = document.querySelector("[data-events]");
  const link = document.getElementById("link");
  const edition = document.documentElement.dataset.edition;

  // A part without an element is of a page that has changed its shape: the launch came, or the program is a new one.
  const placeOf = (name) => document.querySelector(`[data-part="${name}"]`) || document.getElementById(name);

  // What a person has opened, or has the focus on, stays so when its part is drawn again.
  const replace = (place, html) => {
    const open = [...place.querySelectorAll("details")].map((one) => one.open);
    const focusable = "a[href], button, summary, select, input";
    const focused = [...place.querySelectorAll(focusable)].indexOf(document.activeElement);
    place.innerHTML = html;
    place.querySelectorAll("details").forEach((one, number) => { one.open = open[number] ?? one.open; });
    if (focused >= 0) place.querySelectorAll(focusable)[focused]?.focus({ preventScroll: true });
  };

  const drawn = new Map();
  const draw = (parts) => {
    for (const [name, html] of Object.entries(parts)) {
      const place = placeOf(name);
      if (!place) { location.reload(); return; }
      if (drawn.get(name) !== html) replace(place, html);
      drawn.set(name, html);
    }
    tick();
  };

  const two = (number) => String(number).padStart(2, "0");
  const tick = () => {
    for (const place of document.querySelectorAll("[data-since]")) {
      const seconds = Math.max(0, Math.floor(Date.now() / 1000 - Number(place.dataset.since)));
      const hours = Math.floor(seconds / 3600);
      place.textContent = `${hours ? hours + ":" : ""}${hours ? two(Math.floor(seconds / 60) % 60) : Math.floor(seconds / 60)}:${two(seconds % 60)}`;
    }
  };
  tick();
  setInterval(tick, 1000);
  if (!header) return;

  const say = (isLive) => {
    const words = isLive ? "live" : "not live: trying again";
    if (link.textContent !== words) link.textContent = words;
    link.className = `link ${isLive ? "on" : "off"}`;
  };
  const listen = () => {
    const source = new EventSource(header.dataset.events);
    source.addEventListener("edition", (event) => { if (event.data !== edition) location.reload(); });
    source.addEventListener("parts", (event) => { say(true); draw(JSON.parse(event.data)); });
    source.addEventListener("error", () => {
      say(false);
      // A browser gives up for good where it got an answer other than events.
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
    });
  };
  listen();
})();
