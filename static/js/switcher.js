// 顧客切り替え as a pull-down: what is typed is looked for on the server; arrows, Enter and Escape work as in a select.
const PAUSE_MS = 150;

export function startSwitcher() {
  const root = document.querySelector("[data-switcher]");
  if (!root) return;
  const input = root.querySelector("input[type=search]");
  const list = root.querySelector("[data-switcher-list]");
  const status = root.querySelector("[data-switcher-status]");
  const enterForm = root.querySelector("[data-switcher-enter]");
  const searchForm = input.form;
  let timer = 0;
  let request = null;
  let active = null;
  // What the rows on show were looked for with; null: none yet.
  let shownFor = null;
  let isEnterWaiting = false;

  const options = () => [...list.querySelectorAll("[role=option]")];
  const isOpen = () => !list.hidden;

  function mark(option) {
    active?.setAttribute("aria-selected", "false");
    active = option ?? null;
    if (active) {
      active.setAttribute("aria-selected", "true");
      active.scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", active.id);
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  }

  function close() {
    clearTimeout(timer);
    request?.abort();
    mark(null);
    isEnterWaiting = false;
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
  }

  function choose(option) {
    const button = enterForm.querySelector("button");
    button.value = option.dataset.accountId;
    enterForm.requestSubmit(button);
  }

  function show(text, search) {
    list.innerHTML = text;
    shownFor = search;
    active = null;
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    mark(input.value.trim() ? options()[0] : null);
    status.textContent = list.querySelector("[data-note]")?.textContent ?? "";
    if (isEnterWaiting) enter();
  }

  // The first match, or the page that says there is none. Rows of an older search are never chosen.
  function enter() {
    isEnterWaiting = false;
    if (active) choose(active);
    else searchForm.requestSubmit();
  }

  async function look() {
    request?.abort();
    const mine = request = new AbortController();
    const search = input.value;
    const address = new URL(searchForm.getAttribute("action"), location.href);
    address.searchParams.set("search", search);
    try {
      const response = await fetch(address, { headers: { "X-Fragment": "1" }, credentials: "same-origin", signal: mine.signal });
      const isList = (response.headers.get("Content-Type") ?? "").startsWith("text/html");
      // JSON: signed out, or led out of this portal. Then the page itself is behind the times.
      if (!isList) return location.assign((await response.json()).redirect);
      const text = await response.text();
      const isWanted = mine === request && search === input.value && document.activeElement === input;
      if (isWanted && response.ok) show(text, search);
    } catch (error) {
      if (error.name !== "AbortError") document.querySelector("body > [data-offline]").hidden = false;
    }
  }

  function lookSoon() {
    clearTimeout(timer);
    mark(null);
    timer = setTimeout(look, PAUSE_MS);
  }

  function step(distance) {
    const all = options();
    if (!all.length) return;
    const at = all.indexOf(active);
    mark(all[at < 0 ? (distance > 0 ? 0 : all.length - 1) : (at + distance + all.length) % all.length]);
  }

  function onKey(event) {
    // Enter and the arrows belong to the input method while Japanese is being typed.
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (isOpen()) step(event.key === "ArrowDown" ? 1 : -1);
      else look();
    } else if (event.key === "Enter" && isOpen() && (active || shownFor !== input.value)) {
      event.preventDefault();
      if (shownFor === input.value) return enter();
      clearTimeout(timer);
      isEnterWaiting = true;
      look();
    } else if (event.key === "Escape" && isOpen()) {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  }

  for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list", "aria-controls": "switcher-options" })) {
    input.setAttribute(name, value);
  }
  root.classList.add("ready");
  input.addEventListener("focus", look);
  input.addEventListener("click", () => { if (!isOpen()) look(); });
  input.addEventListener("input", lookSoon);
  input.addEventListener("keydown", onKey);
  input.addEventListener("blur", close);
  // The input keeps the focus while one presses on a row; otherwise the list would close under the finger.
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) choose(option);
  });
}
