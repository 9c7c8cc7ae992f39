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
      const answer = await fetch(tiles.dataset.address, { headers: { "HX-Request": "true" } });
      const there = answer.headers.get("HX-Redirect");
      if (there) return location.assign(there);
      if (!answer.ok) throw new Error(answer.status);
      const text = await answer.text(), held = doc.activeElement;
      const place = tiles.contains(held) ? [...tiles.querySelectorAll("a")].indexOf(held) : -1;
      const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("tiles");
      tiles.replaceWith(fresh);
      if (place >= 0) fresh.querySelectorAll("a")[place]?.focus();
      wait = Math.min(MOST, Math.max(LEAST, (performance.now() - began) * 50));
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
  const play = async (chart) => {
    const button = chart.querySelector(".play"), picture = chart.querySelector(".picture");
    button.disabled = true;
    try {
      const [answer] = await Promise.all([fetch(chart.dataset.figure), plotly()]);
      if (!answer.ok) throw new Error(answer.status);
      const { data, layout } = await answer.json(), place = doc.createElement("div");
      picture.replaceChildren(place);
      await Plotly.newPlot(place, data, layout, { locale: box.dataset.language, responsive: true, displaylogo: false, modeBarButtonsToRemove: ["sendDataToCloud", "sendChartToCloud", "lasso2d", "select2d"], showSendToCloud: false });
      place.on("plotly_click", ({ points: [point] }) => point.customdata && location.assign(point.customdata));
      button.hidden = true;
    } catch {
      library = undefined;
      button.disabled = false;
      button.after(Object.assign(doc.createElement("p"), { textContent: box.dataset.failed, role: "status" }));
    }
  };
  const remembered = () => { try { return localStorage.getItem("plotly"); } catch { return null; } };
  const line = navigator.connection;
  const good = line && !line.saveData && line.effectiveType === "4g" && line.downlink >= 5;
  const charts = [...doc.querySelectorAll(".chart")].filter((chart) => chart.querySelector(".play"));
  for (const chart of charts) {
    const button = chart.querySelector(".play");
    button.hidden = false;
    button.addEventListener("click", () => { try { localStorage.setItem("plotly", "yes"); } catch { /* a private window */ } play(chart); });
  }
  /* Where it was asked for before and the line bears it, each chart takes over when it comes into view. */
  if (remembered() === "yes" && !line?.saveData && (good || !line)) {
    const seen = new IntersectionObserver((entries) => entries.forEach((entry) => { if (entry.isIntersecting) { seen.unobserve(entry.target); play(entry.target); } }));
    charts.forEach((chart) => seen.observe(chart));
  }
})();
