// Keeps an open page current: on each change the page is fetched again and its parts are replaced.
// Without this file the desk works all the same, one reload at a time.
(() => {
  const $ = (id) => document.getElementById(id);
  const live = $("live");
  const say = (word, state) => { live.textContent = word; live.dataset.state = state; };
  const toEnd = () => { const t = $("timeline"); if (t) t.scrollTop = t.scrollHeight; };
  let busy = false, again = false;

  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      replace("threads", next);
      const line = $("timeline");
      const atEnd = !line || line.scrollHeight - line.scrollTop - line.clientHeight < 80;
      const at = line ? line.scrollTop : 0;
      if (line && next.getElementById("timeline")) {
        // Whoever edits a message right now keeps the page as it is.
        if (!line.contains(document.activeElement) || document.activeElement.tagName !== "TEXTAREA") replace("timeline", next);
        const head = document.querySelector(".thread-head"), newHead = next.querySelector(".thread-head");
        if (head && newHead && !head.contains(document.activeElement)) head.replaceWith(newHead);
        if (atEnd) toEnd(); else $("timeline").scrollTop = at;
      }
    } catch { /* the stream says when the desk is gone */ } finally {
      busy = false;
      if (again) { again = false; refresh(); }
    }
  }

  function replace(id, next) {
    const old = $(id), fresh = next.getElementById(id);
    if (!old || !fresh) return;
    const top = old.scrollTop;
    old.replaceWith(fresh);
    fresh.scrollTop = top;
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.id !== "composer") return;
    event.preventDefault();
    const button = form.querySelector("button[type=submit]"), text = form.elements.text;
    button.disabled = true;
    type(false);
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
      if (!answer.ok) { form.submit(); return; }
      text.value = form.elements.file.value = "";
      await refresh();
      toEnd();
    } catch { say("Not sent: the desk does not answer", "down"); } finally { button.disabled = false; text.focus(); }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey) && event.target.id === "reply") event.target.form.requestSubmit();
  });

  // Nobody tells the desk that a visitor came or went, or types.
  setInterval(() => { if (!document.hidden && document.querySelector(".presence")) refresh(); }, 10000);
  setInterval(async () => {
    if (document.hidden || !$("visitor-typing")) return;
    try {
      const there = await (await fetch(`${location.pathname}/presence`)).json();
      $("visitor-typing").hidden = !there?.typing;
    } catch { $("visitor-typing").hidden = true; }
  }, 2000);

  // The visitor is told that the agent types: every 3 s at most, and when it is over. Notes are nobody's business.
  let told = 0;
  function type(typing) {
    if (typing ? Date.now() - told < 3000 : !told) return;
    told = typing ? Date.now() : 0;
    const body = new URLSearchParams({ typing, agent: $("agent")?.value ?? "" });
    fetch(`${location.pathname}/typing`, { method: "POST", body, keepalive: true }).catch(() => {});
  }
  const isNote = () => document.querySelector('[name=via][value=note]')?.checked;
  document.addEventListener("input", (event) => {
    if (event.target.id === "reply") type(event.target.value.trim() !== "" && !isNote());
  });
  document.addEventListener("focusout", (event) => { if (event.target.id === "reply") type(false); });
  addEventListener("pagehide", () => type(false));

  toEnd();
  let opened = false;
  const events = new EventSource("/desk/live");
  events.onopen = () => { say("Live", "up"); if (opened) refresh(); opened = true; };
  events.onmessage = refresh;
  events.onerror = () => say("Reconnecting", "down");
})();
