/* The dashboard: refreshes its tiles without tiring the server, and lets plotly take over a chart that is asked for. */
(() => {
  const doc = document, box = doc.querySelector(".charts");
  /* A server that answers slowly is asked less often: at most a fiftieth of its time goes to us. */
  const LEAST = 10000, MOST = 300000;
  let wait = LEAST, timer = 0, running = false;
  const later = () => { clearTimeout(timer); if (!doc.hidden) timer = setTimeout(refresh, wait); };
  const refresh = async () => {
    if (running || doc.hidden) return;
    running = true;
    const tiles = doc.getElementById("tiles"), began = performance.now();
    try {
      const answer = await fetch(tiles.dataset.address, { headers: { "HX-Request": "true", Poll: "1" } });
      const there = answer.headers.get("HX-Redirect");
      if (there) return location.assign(there);
      if (!answer.ok) throw new Error(answer.status);
      const text = await answer.text(), held = doc.activeElement;
      const place = tiles.contains(held) ? [...tiles.querySelectorAll("a")].indexOf(held) : -1;
      const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("tiles");
      tiles.replaceWith(fresh);
      if (place >= 0) fresh.querySelectorAll("a")[place]?.focus();
      wait = Math.min(MOST, Math.max(LEAST, (performance.now() - began) * 50));
      await redraw();
    } catch {
      doc.getElementById("tiles-lost").textContent = doc.getElementById("tiles").dataset.lost;
      wait = Math.min(MOST, wait * 2);
    } finally {
      running = false;
      later();
    }
  };
  doc.addEventListener("visibilitychange", () => (doc.hidden ? clearTimeout(timer) : refresh()));
  later();

  let library;
  const file = (make) => new Promise((done, failed) => { const e = make(); e.onload = done; e.onerror = failed; doc.head.append(e); });
  const script = (src) => file(() => Object.assign(doc.createElement("script"), { src }));
  /* plotly looks for this id and then writes no style of its own, which our policy would refuse. */
  const style = (href) => file(() => Object.assign(doc.createElement("link"), { rel: "stylesheet", id: "plotly.js-style-global", className: "no-inline-styles", href }));
  const plotly = () => (library ??= style(box.dataset.style).then(() => script(box.dataset.plotly)).then(() => box.dataset.language === "ja" && script(box.dataset.locale)));
  const store = (kind, name, value) => {
    try {
      if (value === undefined) return window[kind].getItem(name);
      if (value === null) window[kind].removeItem(name); else window[kind].setItem(name, value);
    } catch { /* a private window */ }
    return null;
  };
  const fetched = async (chart, headers) => {
    const answer = await fetch(chart.dataset.figure, { headers });
    if (!answer.ok) throw new Error(answer.status);
    return answer.json();
  };
  /* What somebody zoomed into and selected stays, when new numbers come and when the page is loaded again. */
  const seenAs = (chart) => "dashboard" + location.search + chart.id;
  const look = (place) => {
    const { xaxis, yaxis, selections } = place.layout;
    const range = (axis) => (axis.autorange ? undefined : axis.range);
    return { x: range(xaxis), y: range(yaxis), selections: selections?.length ? selections : undefined, points: place.data.map((one) => one.selectedpoints) };
  };
  const kept = ({ data, layout }, was) => {
    if (was.x) Object.assign(layout.xaxis, { range: was.x, autorange: false });
    if (was.y) Object.assign(layout.yaxis, { range: was.y, autorange: false });
    if (was.selections) layout.selections = was.selections;
    data.forEach((one, n) => { if (was.points?.[n]) one.selectedpoints = was.points[n]; });
    return { data, layout };
  };
  /* So many names as fit beside each other. */
  const fitted = (figure, picture) => {
    const { layout } = figure, names = figure.data[0]?.x ?? [];
    if (layout.xaxis.type === "category") {
      const longest = Math.max(...names.map((name) => name.length), 1);
      const axis = layout.xaxis, room = picture.clientWidth - 68, { tickvals = [], ticktext = [] } = axis;
      const every = Math.max(1, Math.ceil((ticktext.length * 52) / room)), some = (list) => list.filter((_, n) => n % every === 0);
      if (longest > 12) Object.assign(axis, { tickvals: some(tickvals), ticktext: some(ticktext) });
      else Object.assign(axis, { tickmode: "auto", nticks: Math.max(2, Math.floor(room / (longest * 8 + 16))) });
    }
    return figure;
  };
  const playing = new Map();
  const say = (chart, words) => { chart.querySelector(".said").textContent = words; };
  const play = async (chart) => {
    const button = chart.querySelector(".play"), picture = chart.querySelector(".picture");
    if (button.disabled || playing.has(chart)) return;
    button.disabled = true;
    say(chart, box.dataset.loading);
    try {
      const [figure] = await Promise.all([fetched(chart), plotly()]);
      const { data, layout } = kept(fitted(figure, picture), JSON.parse(store("sessionStorage", seenAs(chart)) ?? "{}"));
      const place = doc.createElement("div"), drawn = [...picture.childNodes];
      picture.replaceChildren(place);
      /* A swipe is for the page, which scrolls: plotly sees the tap that leads to the cases, and the mouse. */
      place.addEventListener("touchstart", (event) => event.stopPropagation(), { capture: true, passive: true });
      await Plotly.newPlot(place, data, layout, { locale: box.dataset.language, responsive: true, displaylogo: false, modeBarButtonsToRemove: ["sendDataToCloud", "sendChartToCloud", "lasso2d"], showSendToCloud: false });
      place.on("plotly_click", ({ points: [point] }) => point.customdata && location.assign(point.customdata));
      for (const event of ["plotly_relayout", "plotly_selected", "plotly_deselect"]) place.on(event, () => store("sessionStorage", seenAs(chart), JSON.stringify(look(place))));
      playing.set(chart, { place, drawn });
      button.hidden = true;
      chart.querySelector(".back").hidden = false;
      say(chart, "");
    } catch {
      library = undefined;
      say(chart, box.dataset.failed);
    }
    button.disabled = false;
  };
  const back = (chart) => {
    const { place, drawn } = playing.get(chart);
    playing.delete(chart);
    Plotly.purge(place);
    chart.querySelector(".picture").replaceChildren(...drawn);
    chart.querySelector(".back").hidden = true;
    chart.querySelector(".play").hidden = false;
    chart.querySelector(".play").focus();
  };
  /* New numbers for what is played with, once a minute at most; a chart that cannot be had stays as it is. */
  let redrawn = performance.now();
  const redraw = async () => {
    if (!playing.size || performance.now() - redrawn < 60000) return;
    redrawn = performance.now();
    for (const [chart, { place }] of playing) {
      const { data, layout } = kept(fitted(await fetched(chart, { Poll: "1" }), place), look(place));
      await Plotly.react(place, data, layout);
    }
  };
  const line = navigator.connection, chosen = store("localStorage", "plotly");
  const good = line && !line.saveData && line.effectiveType === "4g" && line.downlink >= 5;
  const charts = [...doc.querySelectorAll(".chart")].filter((chart) => chart.querySelector(".play"));
  for (const chart of charts) {
    chart.querySelector(".play").hidden = false;
    chart.querySelector(".play").addEventListener("click", () => { store("localStorage", "plotly", "yes"); play(chart); });
    chart.querySelector(".back").addEventListener("click", () => { store("localStorage", "plotly", "no"); back(chart); });
  }
  /* Where the line bears it, or it was asked for before, each chart takes over when it comes into view; never when data
     is to be saved, and not for somebody who went back to the pictures. */
  if (!line?.saveData && chosen !== "no" && (good || (chosen === "yes" && !line))) {
    const seen = new IntersectionObserver((entries) => entries.forEach((entry) => { if (entry.isIntersecting) { seen.unobserve(entry.target); play(entry.target); } }));
    charts.forEach((chart) => seen.observe(chart));
  }
})();
