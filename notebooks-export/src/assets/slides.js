// Keys, the two buttons, the number in the address, and slides that are too full get smaller.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const slides = [...document.querySelectorAll(".slide")];
  const LEAST = 0.5;

  // Nobody scrolls a slide: what would scroll on a page counts as too full here.
  const overflows = (slide) => [slide, ...slide.querySelectorAll(".body, .equation, .wide, pre")].some((box) =>
    box.scrollHeight > box.clientHeight + 1 || box.scrollWidth > box.clientWidth + 1);
  const fit = () => slides.forEach((slide) => {
    let size = 1;
    slide.style.fontSize = "";
    while (overflows(slide) && size > LEAST) {
      size -= 0.05;
      slide.style.fontSize = `${size}em`;
    }
  });

  const current = () => {
    const middle = innerHeight / 2;
    const distance = (slide) => { const box = slide.getBoundingClientRect(); return Math.abs(box.top + box.height / 2 - middle); };
    return slides.reduce((best, _, k) => (distance(slides[k]) < distance(slides[best]) ? k : best), 0);
  };
  const go = (k) => {
    const slide = slides[Math.max(0, Math.min(slides.length - 1, k))];
    slide.scrollIntoView();
    history.replaceState(null, "", `#${slide.id}`);
  };
  const keys = {
    ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1, Home: -Infinity, End: Infinity,
  };
  document.addEventListener("keydown", (event) => {
    const button = event.target.closest && event.target.closest("a, button, [tabindex]");
    if (!(event.key in keys) || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === " " && button) return;
    event.preventDefault();
    go(current() + (event.key === " " && event.shiftKey ? -1 : keys[event.key]));
  });
  document.querySelector(".next").addEventListener("click", () => go(current() + 1));
  document.querySelector(".previous").addEventListener("click", () => go(current() - 1));
  addEventListener("resize", () => { const k = current(); fit(); go(k); });
  const here = () => Number(location.hash.slice(1)) - 1;
  document.fonts.ready.then(() => { fit(); if (here() >= 0) go(here()); });
});
