// A card changes in one way only, whoever changed it: `place`. Everything else works without this file, too.
(() => {
  "use strict";
  const cards = document.getElementById("cards");
  const token = document.querySelector("meta[name=token]")?.content ?? "";
  const title = document.title.replace(/^\(\d+\) /, "");
  let isByKey = false;

  const parsed = (text) => {
    const template = document.createElement("template");
    template.innerHTML = text;
    return [...template.content.children];
  };

  // A line needs its card's height only while it is in sight. Not above, where the browser would move what is seen.
  const canShrinkAbove = CSS.supports("overflow-anchor", "auto");
  const leaving = new IntersectionObserver((lines) => {
    for (const { target, isIntersecting, boundingClientRect } of lines) {
      if (isIntersecting || (boundingClientRect.top < 0 && !canShrinkAbove)) continue;
      target.style.minHeight = "";
      leaving.unobserve(target);
    }
  });

  const place = (text) => {
    for (const next of parsed(text)) {
      const card = document.getElementById(next.id);
      // What was known later counts, and nothing twice: answers and events come in any order.
      if (!card || Number(card.dataset.at) >= Number(next.dataset.at)) continue;
      for (const field of next.querySelectorAll("[name=token]")) field.value = token;
      const hadFocus = card.contains(document.activeElement);
      // In its place and as high as before: nothing moves under a finger.
      next.style.minHeight = `${card.getBoundingClientRect().height}px`;
      card.replaceWith(next);
      if (next.classList.contains("done")) leaving.observe(next);
      window.htmx?.process(next);
      if (hadFocus) (following(next) ?? next).focus({ preventScroll: !isByKey });
    }
  };

  const following = (card) => {
    let next = card.nextElementSibling;
    while (next?.classList.contains("done")) next = next.nextElementSibling;
    return next;
  };

  // --- answers to forms

  document.addEventListener("htmx:beforeSwap", (event) => {
    const answer = event.detail;
    const alert = document.getElementById("alert");
    answer.shouldSwap = false;
    if (answer.xhr.status < 400) {
      alert.replaceChildren();
      place(answer.serverResponse);
      for (const box of document.querySelectorAll(".pick input:checked")) box.checked = false;
    } else {
      alert.replaceChildren(...parsed(answer.serverResponse));
    }
  });
  document.addEventListener("htmx:sendError", () => {
    const [problem] = parsed('<p class="problem"></p>');
    problem.textContent = "Mailroom can't be reached from here, so that nothing was done. Try again in a moment.";
    document.getElementById("alert").replaceChildren(problem);
  });

  // --- what others changed

  const tell = ({ count, crowd, keys, new: added }) => {
    document.title = count ? `(${count}) ${title}` : title;
    for (const each of document.querySelectorAll("[data-count]")) each.textContent = count || "";
    const lead = document.querySelector("[data-crowd]");
    if (lead) lead.textContent = crowd;
    const fresh = document.getElementById("new");
    const number = added.filter((key) => !document.getElementById(key)).length;
    fresh.hidden = !number;
    fresh.textContent = `${number} new`;
    if (!keys) return;
    const waiting = new Set(keys);
    for (const card of cards.children) {
      if (card.id.startsWith("s-")) card.classList.toggle("gone", !waiting.has(card.id));
    }
  };

  let stream = null;
  const listen = () => {
    if (!cards || stream || document.hidden) return;
    stream = new EventSource(cards.dataset.live);
    stream.addEventListener("card", (event) => place(event.data));
    stream.addEventListener("waiting", (event) => tell(JSON.parse(event.data)));
  };
  const hangUp = () => {
    stream?.close();
    stream = null;
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? hangUp() : listen()));
  addEventListener("pagehide", hangUp);
  // Back to a page that a browser kept: after a logout it must not be shown.
  addEventListener("pageshow", (event) => (event.persisted ? location.reload() : listen()));
  const chosen = document.querySelector("[data-chosen]");
  document.addEventListener("change", () => {
    if (chosen) chosen.textContent = `${document.querySelectorAll(".pick :checked").length} chosen`;
  });
  document.getElementById("new")?.addEventListener("click", () => location.assign("/"));

  // --- keys

  const go = (step) => {
    const all = [...(cards?.children ?? [])];
    const at = all.indexOf(document.activeElement?.closest?.(".card"));
    const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("pointerdown", () => (isByKey = false));
  document.addEventListener("keydown", (event) => {
    isByKey = true;
    const { key, target } = event;
    const isTyping = target.matches("input:not([type=checkbox]), textarea, select");
    if (event.altKey || event.ctrlKey || event.metaKey || isTyping) return;
    const card = target.closest(".card");
    if (key === "j" || key === "k") go(key === "j" ? 1 : -1);
    else if (key === "/") document.querySelector("[type=search]")?.focus();
    else if (card && key >= "1" && key <= "9") card.querySelector(`[data-key="${key}"]`)?.click();
    else if (card && key === "x") card.querySelector(".pick input")?.click();
    else if (card && key === "o") card.querySelector(".preview summary")?.click();
    else if (card && key === "u") card.querySelector(".undo")?.click();
    else return;
    event.preventDefault();
  });

  // --- times in the reader's own words

  for (const each of document.querySelectorAll("time.clock")) {
    each.textContent = new Date(each.dateTime).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  }
  document.addEventListener("pointerover", ({ target }) => {
    if (target.matches?.("time:not(.clock)")) target.title = new Date(target.dateTime).toLocaleString();
  });
})();
