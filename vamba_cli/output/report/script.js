"use strict";
(() => {
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const cards = all(".list a"), segments = all(".track a");
  const stage = one(".stage"), track = one(".track"), tip = one(".tip"), now = one(".now");
  const video = one("video"), help = one("dialog");
  const starts = cards.map((card) => Number(card.dataset.t));
  const duration = Number(document.body.dataset.duration);
  // Times in the page are rounded to the millisecond: a touch later is never the frame before.
  const ROUNDING = 0.002;
  let current = -1;

  const playable = () => video && document.body.dataset.video === "yes";
  const clock = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds + ROUNDING)), two = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
    return (hours ? `${hours}:${two(minutes)}` : String(minutes)) + `:${two(whole % 60)}`;
  };
  const chapterAt = (seconds) => {
    const next = starts.findIndex((start) => start > seconds + ROUNDING);
    return Math.max(0, (next < 0 ? starts.length : next) - 1);
  };
  const titleOf = (index) => one(".title", cards[index]).firstChild.textContent;

  /** Show where we are: line, chapter in the list and on the timeline, words below the video. */
  function mark(seconds) {
    stage.style.setProperty("--place", `${Math.min(100, (100 * seconds) / duration)}%`);
    stage.classList.add("placed");
    if (now) one(".now-time", now).textContent = clock(seconds);
    if (!cards.length) return;
    const index = chapterAt(seconds);
    if (index === current) return;
    for (const links of [cards, segments]) {
      if (current >= 0) links[current].removeAttribute("aria-current");
      links[index].setAttribute("aria-current", "true");
    }
    current = index;
    rove(index);
    if (now) one("b", now).textContent = titleOf(index);
  }

  function seek(seconds, { play = false } = {}) {
    mark(seconds);
    if (!playable()) return;
    video.currentTime = seconds + ROUNDING;
    if (play) video.play().catch(() => {}); // the browser may want another click
  }

  function go(seconds) {
    seek(seconds, { play: true });
    history.replaceState(null, "", `#t=${Number(seconds.toFixed(3))}`);
  }

  function followAddress() {
    const wanted = /^#t=(\d+(?:\.\d+)?)$/.exec(location.hash);
    if (!wanted) return;
    seek(Math.min(Number(wanted[1]), duration));
    if (current >= 0) cards[current].scrollIntoView({ block: "nearest" });
  }

  /** On the timeline only one chapter is a stop of the Tab key; arrows reach the others. */
  function rove(index) {
    segments.forEach((segment, i) => { segment.tabIndex = i === index ? 0 : -1; });
  }

  function step(links, by) {
    const here = links.indexOf(document.activeElement);
    const from = here >= 0 ? here : current >= 0 ? current : by > 0 ? -1 : 0;
    const target = links[Math.min(links.length - 1, Math.max(0, from + by))];
    if (target) target.focus();
  }

  /** What there is at a time, below the part of the stage that is looked at, or above it. */
  function showTip(seconds, part) {
    if (!cards.length) return;
    const index = chapterAt(seconds), image = one("img", tip), poster = one("img", cards[index]);
    image.hidden = !poster;
    if (poster) image.src = poster.src;
    one("b", tip).textContent = titleOf(index);
    one("span", tip).textContent = one(".when", cards[index]).textContent;
    tip.hidden = false;
    const box = part.getBoundingClientRect(), gap = 8;
    const left = box.left + (seconds / duration) * box.width - tip.offsetWidth / 2;
    const fits = box.bottom + gap + tip.offsetHeight <= innerHeight;
    tip.style.left = `${Math.max(gap, Math.min(document.body.clientWidth - tip.offsetWidth - gap, left))}px`;
    tip.style.top = `${fits ? box.bottom + gap : box.top - gap - tip.offsetHeight}px`;
  }
  function timeAt(part, { clientX }) {
    const box = part.getBoundingClientRect();
    return Math.max(0, Math.min(duration, ((clientX - box.left) / box.width) * duration));
  }
  const hideTip = () => { tip.hidden = true; };

  function unplayable() {
    document.body.dataset.video = "missing";
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-t]"), plot = event.target.closest(".plot");
    if (event.ctrlKey || event.metaKey || event.shiftKey || !(link || plot)) return;
    event.preventDefault();
    if (link) return go(Number(link.dataset.t));
    go(timeAt(plot, event));
  });

  const ARROWS = { ArrowDown: [cards, 1], ArrowUp: [cards, -1], ArrowRight: [segments, 1], ArrowLeft: [segments, -1] };
  document.addEventListener("keydown", (event) => {
    const focused = document.activeElement;
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    const link = focused.closest("a[data-t]"), arrow = ARROWS[event.key];
    if (event.key === "j") step(cards, 1);
    else if (event.key === "k") step(cards, -1);
    else if (event.key === "?") help.showModal();
    else if (event.key === "Escape") return hideTip();
    else if (arrow && arrow[0].includes(focused)) step(...arrow);
    else if (event.key === " " && link) link.click();
    else if (event.key === " " && focused === document.body && playable()) video.paused ? video.play() : video.pause();
    else return;
    event.preventDefault();
  });

  stage.addEventListener("pointermove", (event) => {
    const part = event.target.closest(".track, .plot");
    if (part && event.pointerType !== "touch") showTip(timeAt(part, event), part);
    else hideTip();
  });
  stage.addEventListener("pointerleave", hideTip);
  track.addEventListener("focusin", ({ target }) => {
    rove(segments.indexOf(target));
    if (target.matches(":focus-visible")) showTip(Number(target.dataset.t), track);
  });
  track.addEventListener("focusout", hideTip);
  one(".help").addEventListener("click", () => help.showModal());
  one("button", help).addEventListener("click", () => help.close());
  addEventListener("hashchange", followAddress);
  if (video) {
    video.addEventListener("timeupdate", () => mark(video.currentTime));
    video.addEventListener("seeking", () => mark(video.currentTime));
    video.addEventListener("error", unplayable);
    if (video.error) unplayable();
  }
  one(".help").hidden = false;
  rove(0);
  followAddress();
})();
