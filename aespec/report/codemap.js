(() => {
  "use strict";
  const root = document.currentScript.previousElementSibling;
  const find = (selector) => root.querySelector(selector);
  const all = (selector) => [...root.querySelectorAll(selector)];
  const data = JSON.parse(find("script").textContent);
  const [view, svg, tip, here] = [".codemap-view", "svg", ".codemap-tip", ".codemap-here"].map(find);
  const [canvas, sheet, curves] = ["canvas", ".codemap-sprite", ".codemap-curves"].map(find);
  const whole = { x: 0, y: 0, w: svg.viewBox.baseVal.width, h: svg.viewBox.baseVal.height };
  const off = new Set();
  const REACH = 28; // pixels of the screen between a pointer and the dot that it means
  let seen = { ...whole }, at = -1, drag = null;

  const unit = () => seen.w / svg.clientWidth; // of the map, to a pixel
  const off_screen = (i) => data.x[i] < seen.x || data.x[i] > seen.x + seen.w || data.y[i] < seen.y || data.y[i] > seen.y + seen.h;

  function look() {
    svg.setAttribute("viewBox", `${seen.x} ${seen.y} ${seen.w} ${seen.h}`);
    svg.classList.toggle("moved", seen.w < whole.w);
    svg.style.setProperty("--unit", unit());
    if (at >= 0) show(at);
  }

  function zoom(factor, x = seen.x + seen.w / 2, y = seen.y + seen.h / 2) {
    const w = factor ? Math.min(whole.w, Math.max(whole.w / 40, seen.w / factor)) : whole.w;
    const part = w / seen.w;
    move(x - (x - seen.x) * part, y - (y - seen.y) * part, w);
  }

  function move(x, y, w = seen.w) {
    const h = (w * whole.h) / whole.w;
    seen = { x: Math.min(Math.max(x, 0), whole.w - w), y: Math.min(Math.max(y, 0), whole.h - h), w, h };
    look();
  }

  function place(event) {
    const box = svg.getBoundingClientRect();
    return [seen.x + (event.clientX - box.left) * unit(), seen.y + (event.clientY - box.top) * unit()];
  }

  function nearest(x, y, fits = () => true) {
    let best = -1, least = Infinity;
    for (let i = 0; i < data.x.length; i++) {
      if (off.has(data.classes[i]) || !fits(i)) continue;
      const distance = (data.x[i] - x) ** 2 + (data.y[i] - y) ** 2;
      if (distance < least) [best, least] = [i, distance];
    }
    return [best, Math.sqrt(least)];
  }

  function show(i) {
    at = i;
    here.toggleAttribute("hidden", i < 0);
    tip.hidden = i < 0 || off_screen(i);
    if (i < 0) return;
    const kind = data.classes[i];
    for (const path of here.children) path.setAttribute("d", `M${data.x[i]} ${data.y[i]}h0`);
    here.lastElementChild.style.stroke = `var(--c${kind % 10})`;
    if (tip.hidden) return;
    const [title, note] = [tip.querySelector("strong"), tip.querySelector("span")];
    title.textContent = data.names[kind] ?? (kind < 0 ? data.unlabelled : "");
    note.textContent = data.notes[i] ?? `sample ${i}`;
    if (canvas) {
      const { columns, width, height } = data.sprite;
      canvas.getContext("2d").drawImage(sheet, (i % columns) * width, Math.floor(i / columns) * height, width, height, 0, 0, width, height);
    }
    if (curves) draw(data.curves[i]);
    const [x, y] = [(data.x[i] - seen.x) / unit(), (data.y[i] - seen.y) / unit()];
    const [wide, high] = [view.clientWidth, view.clientHeight];
    const left = x + 16 + tip.offsetWidth < wide ? x + 16 : x - 16 - tip.offsetWidth;
    const top = y - 16 - tip.offsetHeight > 0 ? y - 16 - tip.offsetHeight : y + 16;
    tip.style.left = `${Math.max(4, Math.min(left, wide - tip.offsetWidth - 4))}px`;
    tip.style.top = `${Math.max(4, Math.min(top, high - tip.offsetHeight - 4))}px`;
  }

  function draw(steps) { // of each step its features
    const lines = steps[0].map((_, feature) => steps.map((values, step) => `${(100 * step) / Math.max(steps.length - 1, 1)} ${100 - values[feature]}`));
    curves.replaceChildren(...lines.map((line, feature) => {
      const path = document.createElementNS(svg.namespaceURI, "path");
      path.setAttribute("d", `M${line.join("L")}${steps.length > 1 ? "" : "h0"}`);
      path.style.stroke = `var(--c${data.colors[feature]})`;
      return path;
    }));
  }

  function point(event) {
    const [i, distance] = nearest(...place(event));
    show(distance <= REACH * unit() ? i : -1);
  }

  svg.addEventListener("pointermove", (event) => {
    if (!drag) return point(event);
    const [dx, dy] = [event.clientX - drag.left, event.clientY - drag.top];
    if (seen.w < whole.w && Math.hypot(dx, dy) > 3) move(drag.x - dx * unit(), drag.y - dy * unit());
  });
  svg.addEventListener("pointerdown", (event) => {
    point(event);
    drag = { left: event.clientX, top: event.clientY, x: seen.x, y: seen.y };
    if (seen.w < whole.w) svg.setPointerCapture(event.pointerId);
  });
  for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => { drag = null; });
  svg.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse" && !drag) show(-1); });
  svg.addEventListener("blur", () => show(-1));
  svg.addEventListener("dblclick", (event) => zoom(1.6, ...place(event)));
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    zoom(2 ** (-event.deltaY / 200), ...place(event));
  }, { passive: false });

  const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  svg.addEventListener("keydown", (event) => {
    const way = WAYS[event.key];
    if (way) {
      const [x, y] = at < 0 ? [seen.x + seen.w / 2, seen.y + seen.h / 2] : [data.x[at], data.y[at]];
      const ahead = (i) => {
        const [dx, dy] = [data.x[i] - x, data.y[i] - y];
        const far = dx * way[0] + dy * way[1];
        return far > 0 && far >= Math.abs(dx * way[1] + dy * way[0]); // in the quarter that the key points to
      };
      const [i] = at < 0 ? nearest(x, y) : nearest(x, y, ahead);
      if (i >= 0) {
        if (off_screen(i)) move(data.x[i] - seen.w / 2, data.y[i] - seen.h / 2);
        show(i);
      }
    } else if (event.key === "+" || event.key === "=") at < 0 ? zoom(1.6) : zoom(1.6, data.x[at], data.y[at]);
    else if (event.key === "-") zoom(0.625);
    else if (event.key === "0") zoom(0);
    else if (event.key === "Escape") show(-1);
    else return;
    event.preventDefault();
  });

  for (const button of all(".codemap-zoom button")) button.addEventListener("click", () => zoom(+button.dataset.zoom));
  find(".codemap-zoom").hidden = false;

  const buttons = all(".codemap-legend button");
  function choose(kinds) {
    off.clear();
    kinds.forEach((kind) => off.add(kind));
    for (const button of buttons) button.setAttribute("aria-pressed", !off.has(+button.dataset.class));
    for (const part of all("svg [data-class]")) part.style.display = off.has(+part.dataset.class) ? "none" : "";
    if (at >= 0 && off.has(data.classes[at])) show(-1);
  }
  for (const button of buttons) {
    const kind = +button.dataset.class;
    button.title = "Hide or show; a double click shows this class alone, or all";
    button.addEventListener("click", () => choose(off.has(kind) ? [...off].filter((each) => each !== kind) : [...off, kind]));
    button.addEventListener("dblclick", () => {
      const others = buttons.map((each) => +each.dataset.class).filter((each) => each !== kind);
      choose(off.size === others.length && !off.has(kind) ? [] : others);
    });
  }

  new ResizeObserver(look).observe(svg);
  look();
})();
