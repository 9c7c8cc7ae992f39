/* After a line was lost: look what is true now, and show it in the place of what was sent. Loaded only then. */
const PAUSE = 3000;
const fetched = async () => {
  for (;;) {
    try {
      const answer = await fetch(location.href);
      if (answer.ok) return answer.redirected ? null : new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.status < 500) return null;
    } catch { /* still no line */ }
    await new Promise((done) => setTimeout(done, PAUSE));
  }
};
const TYPED = "input:not([type=hidden]),textarea,select";
/* `ctx` is the request that failed as htmx knows it, `note` what stands beside its key. What somebody typed is not taken
   away, and a search that failed has changed nothing: there the note only says so. */
export default async ({ sourceElement: from, target, request }, note) => {
  const words = document.getElementById("notice").dataset, polls = from.matches("[hx-trigger]");
  if ((request.method === "GET" && !polls) || from.querySelector(TYPED)) return void (note.textContent = words.unsure);
  const id = target.id || target.querySelector("[id]")?.id, page = await fetched();
  const same = id && page?.getElementById(id), fresh = target.id ? same : same?.closest(target.localName);
  if (!fresh) return location.reload();
  const key = from.id || from.querySelector("[id]")?.id, held = target.contains(document.activeElement);
  target.replaceWith(fresh);
  htmx.process(fresh);
  if (polls) return note.remove();
  const there = key && fresh.querySelector("#" + CSS.escape(key));
  note.textContent = words.seen;
  if (there) (there.closest("form") ?? there).after(note); else fresh.before(note);
  note.scrollIntoView({ block: "nearest" });
  if (held && there) there.focus();
};
