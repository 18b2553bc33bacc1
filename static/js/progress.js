// A bar that moves while a run is under way: <section data-progress="address" data-progress-state="running">.
// The address answers {"state", "percent", "texts"}; each text goes to [data-progress-text="name"], the percentage to
// [data-progress-bar]. Another state than the page's is another page: it is loaded again, once.
const EVERY = 2000;
const LONGEST_WAIT = 30000;
/** Percent between two announcements to a screen reader: each step would be a chatter. */
const SAID_EVERY = 10;

export function startProgress(root) {
  const bar = root.querySelector("[data-progress-bar]");
  let wait = EVERY;
  let said = Math.floor((bar?.value ?? 0) / SAID_EVERY);

  const show = (answer) => {
    for (const place of root.querySelectorAll("[data-progress-text]")) {
      const text = answer.texts[place.dataset.progressText];
      if (text !== undefined && place.textContent !== text) place.textContent = text;
    }
    if (bar) bar.value = answer.percent;
    const step = Math.floor(answer.percent / SAID_EVERY);
    const place = root.querySelector("[data-progress-said]");
    if (place && step > said) place.textContent = place.dataset.progressSaid.replace("#", `${answer.percent}%`);
    said = step;
  };

  const ask = async () => {
    // Nobody looks, or somebody is in a dialog that a new page would take away.
    if (document.hidden || document.querySelector("dialog[open]")) return later();
    let response;
    try {
      response = await fetch(root.dataset.progress, { credentials: "same-origin" });
      if (response.status >= 500) throw new Error(String(response.status));
    } catch {
      wait = Math.min(wait * 2, LONGEST_WAIT);
      return later();
    }
    // Signed out meanwhile, or no longer one's own: the numbers stay as they were.
    if (!response.ok || response.redirected) return undefined;
    const answer = await response.json();
    if (answer.state !== root.dataset.progressState) return location.reload();
    wait = EVERY;
    show(answer);
    return later();
  };

  const later = () => { setTimeout(ask, wait); };
  later();
}
