/* Returned postcards by a hand scanner: Enter takes the number and clears the field at once, whatever the line does.
   What was read waits here, is sent in order, and again under the same key until the server has answered. */
(() => {
  const doc = document, form = doc.getElementById("scan"), field = form.elements.number, told = doc.getElementById("unsent");
  const PLACE = "scans", MOST = 20, PATIENCE = 30000, SHORTEST = 1000, LONGEST = 15000;
  const store = (text) => { try { return text === undefined ? sessionStorage.getItem(PLACE) : sessionStorage.setItem(PLACE, text); } catch { return null; } };
  let waiting = JSON.parse(store() || "[]"), busy = false, leaving = false, pause = SHORTEST, state = "", timer = 0;
  const say = () => {
    store(JSON.stringify(waiting));
    const words = [told.dataset[state] || "", waiting.length ? told.dataset.waiting + " " + waiting.map(([number]) => number).join(" ") : ""];
    told.textContent = words.filter(Boolean).join(" ");
    told.className = state ? "note bad" : "";
  };
  const send = async () => {
    clearTimeout(timer);
    if (busy || leaving || !waiting.length) return;
    busy = true;
    const some = waiting.slice(0, MOST), body = new URLSearchParams({ csrf_token: form.elements.csrf_token.value });
    for (const [number, key] of some) { body.append("number", number); body.append("key", key); }
    try {
      const answer = await fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" }, signal: AbortSignal.timeout(PATIENCE) });
      const there = answer.headers.get("HX-Redirect");
      if (there) { leaving = true; return location.assign(there); }
      const fresh = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("returned");
      if (!fresh) { state = answer.status < 500 ? "refused" : "lost"; throw new Error(answer.status); }
      waiting = waiting.filter((scan) => !some.includes(scan));
      const old = doc.getElementById("returned"), held = old.contains(doc.activeElement);
      old.replaceWith(fresh);
      htmx.process(fresh);
      if (held) field.focus();
      state = "";
      pause = SHORTEST;
      timer = setTimeout(send);
    } catch {
      state ||= "lost";
      /* What was refused would be again: the page has to be loaded anew, and sends what waits. */
      if (state === "lost") timer = setTimeout(send, pause = Math.min(LONGEST, pause * 2));
    } finally {
      busy = false;
      say();
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const number = field.value.trim();
    field.value = "";
    field.focus();
    if (!number) { if (!waiting.length) told.textContent = told.dataset.empty; return; }
    waiting.push([number, Date.now().toString(36) + Math.random().toString(36).slice(2, 10)]);
    say();
    send();
  });
  /* After a scan is taken back its button is gone: the field is ready again. */
  doc.addEventListener("htmx:after:swap", () => { if (doc.activeElement === doc.body) field.focus(); });
  addEventListener("online", send);
  addEventListener("beforeunload", (event) => { if (waiting.length && !leaving) event.preventDefault(); });
  if (waiting.length) say();
  send();
})();
