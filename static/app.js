/* Own script of every page, after htmx in the same file. */
(() => {
  const doc = document, notice = () => doc.getElementById("notice");
  /* Back loads the page afresh: what was there may be another person's or out of date. */
  htmx.config.history = "reload";
  const focus = () => doc.getElementById("errors")?.focus();
  focus();
  doc.addEventListener("htmx:after:swap", (event) => {
    focus();
    if (event.detail.ctx?.target === notice()) notice().scrollIntoView({ block: "nearest" });
  });
  /* A request goes up a slow line at 2.5 KB a second: leave out what no route reads. An empty hx-post: the form's action. */
  doc.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    doc.querySelector(".lost")?.remove();
    ctx.request.action ||= ctx.sourceElement.getAttribute("action");
    for (const name of ["Current-URL", "Request-Type", "Source", "Target"]) delete ctx.request.headers["HX-" + name];
  });
  /* The line failed, and nobody knows whether it was done: say so beside the key; lost.js looks, when the line is back. */
  doc.addEventListener("htmx:error", ({ detail: { ctx } }) => {
    const from = ctx?.sourceElement, words = notice().dataset, note = doc.createElement("p");
    const seek = () => import(words.look).then((look) => look.default(ctx, note), () => setTimeout(seek, 3000));
    if (!from) return;
    note.className = "note bad lost";
    note.role = "alert";
    note.textContent = words.lost;
    from.after(note);
    note.scrollIntoView({ block: "nearest" });
    seek();
  });
  /* A form without htmx: show at once that it is on its way, and send it once. */
  doc.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.matches("[hx-post],[hx-get]")) return;
    if (form.ariaBusy === "true") return event.preventDefault();
    form.ariaBusy = "true";
  });
  addEventListener("pageshow", () => doc.querySelectorAll("form[aria-busy]").forEach((f) => f.removeAttribute("aria-busy")));
  /* The stylesheet came inside this page: fetch it for the next ones when the line is idle, then say so in a cookie. */
  const [href, mark] = (doc.documentElement.dataset.style || "").split(" ");
  if (href) addEventListener("load", () => setTimeout(() => fetch(href).then((answer) => answer.ok && answer.text()).then((text) => {
    if (text) doc.cookie = `style=${mark}; path=/; max-age=31536000; samesite=lax` + (location.protocol === "https:" ? "; secure" : "");
  }).catch(() => {}), 300));
})();
