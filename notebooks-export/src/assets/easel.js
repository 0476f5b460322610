// The switch between light and dark, figures that open large, filters of the gallery, and three things to move.
// No request is made: everything is in the page or beside it.
"use strict";
(() => {
  const root = document.documentElement;
  const STORE = "easel-theme";
  // Storage may be forbidden, as it is for files in some browsers.
  const remembered = () => { try { return localStorage.getItem(STORE); } catch { return null; } };
  const remember = (theme) => { try { localStorage.setItem(STORE, theme); } catch { /* it holds for this page */ } };
  const stored = remembered();
  if (stored === "light" || stored === "dark") root.dataset.theme = stored;

  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const one = (selector, from = document) => from.querySelector(selector);

  const theme = () => all("button.theme").forEach((button) => button.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    remember(root.dataset.theme);
  }));

  const contents = () => {
    const toc = one("details.toc");
    if (toc && !matchMedia("(min-width: 64rem)").matches) toc.open = false;
  };

  const figures = () => {
    const dialog = one("dialog.large");
    if (!dialog || !dialog.showModal) return;
    all("a.picture").forEach((link) => link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      const small = one("img", link);
      const large = one("img", dialog);
      large.src = link.href;
      large.alt = small.alt;
      one("p", dialog).textContent = small.alt;
      one(".files", dialog).replaceChildren(...all("figcaption .files a", link.parentElement).map((a) => {
        const copy = a.cloneNode(true);
        copy.style.marginRight = "0.8em";
        return copy;
      }));
      dialog.showModal();
    }));
    one("button.close", dialog).addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  };

  const filters = () => {
    const form = one("form.filters");
    if (!form) return;
    const cards = all("ul.gallery > li");
    const apply = () => {
      const paper = form.elements.paper.value;
      const subject = form.elements.theme.value;
      cards.forEach((card) => {
        card.hidden = (paper && card.dataset.paper !== paper) || (subject && !card.dataset.themes.split(" ").includes(subject));
      });
      one("output b", form).textContent = cards.filter((card) => !card.hidden).length;
    };
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    apply();
  };

  // A slider with its value in words, for eyes and for screen readers.
  const say = (input, text) => {
    input.setAttribute("aria-valuetext", text);
    one("output", input.closest("label")).textContent = text;
  };
  const preload = (sources) => sources.forEach((source) => { new Image().src = source; });

  const chain = (section, data) => {
    const image = one("img", section);
    const slider = one("[name=step]", section);
    const button = one("button", section);
    const ways = all("[name=way]", section);
    const way = () => ways.find((input) => input.checked).value;
    const source = (name, k) => `explore/${name}-${String(k).padStart(2, "0")}.png`;
    const show = () => {
      const times = data[way()];
      slider.max = times.length - 1;
      const k = Math.min(Number(slider.value), times.length - 1);
      image.src = source(way(), k);
      image.alt = `${ways.find((input) => input.checked).parentElement.textContent.trim()}, t = ${times[k]}`;
      say(slider, `t = ${times[k]}`);
    };
    let timer = null;
    const stop = () => {
      clearInterval(timer);
      timer = null;
      button.textContent = button.dataset.play;
    };
    button.addEventListener("click", () => {
      if (timer) return stop();
      if (slider.value === slider.max) slider.value = 0;
      button.textContent = button.dataset.pause;
      timer = setInterval(() => {
        slider.value = Number(slider.value) + 1;
        show();
        if (slider.value === slider.max) stop();
      }, 150);
      show();
    });
    slider.addEventListener("input", () => { stop(); show(); });
    ways.forEach((input) => input.addEventListener("change", () => { stop(); slider.value = 0; show(); }));
    preload(["forward", "reverse"].flatMap((name) => data[name].map((_, k) => source(name, k))));
    show();
  };

  const guidance = (section, data) => {
    const image = one("img", section);
    const scale = one("[name=scale]", section);
    const eta = one("[name=eta]", section);
    const source = (e, s) => `explore/eta${e}-scale${s}.png`;
    const show = () => {
      image.src = source(eta.value, scale.value);
      say(scale, `s = ${data.scales[scale.value]}`);
      say(eta, `eta = ${data.etas[eta.value]}`);
      image.alt = `s = ${data.scales[scale.value]}, eta = ${data.etas[eta.value]}`;
    };
    [scale, eta].forEach((input) => input.addEventListener("input", show));
    preload(data.etas.flatMap((_, e) => data.scales.map((_, s) => source(e, s))));
    show();
  };

  const schedules = (section, data) => {
    const schedule = one("[name=schedule]", section);
    const sampler = one("[name=sampler]", section);
    const steps = one("[name=steps]", section);
    const NS = "http://www.w3.org/2000/svg";
    const element = (name, attributes, text) => {
      const node = document.createElementNS(NS, name);
      Object.entries(attributes).forEach(([key, value]) => node.setAttribute(key, value));
      if (text !== undefined) node.textContent = text;
      return node;
    };
    const logSnr = (a) => Math.log(a / (1 - a));
    // Linear between the points of the curve.
    const at = (curve, t) => {
      const k = Math.max(1, curve.t.findIndex((other) => other >= t));
      const share = (t - curve.t[k - 1]) / (curve.t[k] - curve.t[k - 1]);
      return curve.alpha_bar[k - 1] + share * (curve.alpha_bar[k] - curve.alpha_bar[k - 1]);
    };
    const draw = (svg, curve, times, f, [low, high], ticks) => {
      const [left, right, top, bottom] = [52, 456, 12, 278];
      const last = curve.t[curve.t.length - 1];
      const x = (t) => left + (right - left) * t / last;
      const y = (v) => bottom - (bottom - top) * (Math.min(high, Math.max(low, v)) - low) / (high - low);
      const parts = [];
      ticks.forEach((v) => {
        parts.push(element("line", { class: "mesh", x1: left, x2: right, y1: y(v), y2: y(v) }));
        parts.push(element("text", { x: left - 8, y: y(v) + 4, "text-anchor": "end" }, String(v)));
      });
      [0, 0.25, 0.5, 0.75, 1].forEach((share) => {
        parts.push(element("text", { x: x(share * last), y: bottom + 20, "text-anchor": "middle" }, String(Math.round(share * last))));
      });
      parts.push(element("text", { x: (left + right) / 2, y: bottom + 38, "text-anchor": "middle", "font-style": "italic" }, "t"));
      times.forEach((t) => {
        const v = f(at(curve, t));
        parts.push(element("line", { class: "step", x1: x(t), x2: x(t), y1: bottom, y2: y(v) }));
        parts.push(element("circle", { class: "dot", cx: x(t), cy: y(v), r: 3 }));
      });
      const points = curve.t.map((t, k) => [x(t), f(curve.alpha_bar[k])]).filter(([, v]) => Number.isFinite(v) && v >= low && v <= high);
      parts.push(element("polyline", { class: "curve", points: points.map(([px, v]) => `${px.toFixed(1)},${y(v).toFixed(1)}`).join(" ") }));
      parts.push(element("path", { class: "axis", d: `M${left},${top}V${bottom}H${right}` }));
      svg.replaceChildren(...parts);
    };
    const show = () => {
      const curve = data.schedules[schedule.value];
      const plan = curve.samplers[sampler.value];
      const times = plan.times[steps.value];
      say(steps, String(data.steps[steps.value]));
      const [signal, snr] = all("svg", section);
      draw(signal, curve, times, (a) => a, [0, 1], [0, 0.25, 0.5, 0.75, 1]);
      draw(snr, curve, times, logSnr, [-12, 12], [-12, -6, 0, 6, 12]);
      const text = times.map((t) => Number.isInteger(t) ? t : t.toFixed(1)).join(", ");
      one(".times span", section).textContent = text;
      [signal, snr].forEach((svg) => svg.setAttribute("aria-label", `${one("figcaption", svg.parentElement).textContent}, ${curve.name}, ${plan.name}`));
    };
    [schedule, sampler, steps].forEach((input) => input.addEventListener("input", show));
    steps.value = Math.min(1, data.steps.length - 1);
    show();
  };

  document.addEventListener("DOMContentLoaded", () => {
    theme();
    contents();
    figures();
    filters();
    const kinds = { chain, guidance, schedules };
    all("[data-explore]").forEach((section) => {
      kinds[section.dataset.explore](section, JSON.parse(one("script", section).textContent));
    });
  });
})();
