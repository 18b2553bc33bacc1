// Side bar (folded is remembered) and <details> menus that close like menus do.
const PHONE = window.matchMedia("(max-width: 760px)");

export function startSideBar() {
  const toggle = document.querySelector("[data-side-toggle]");
  if (!toggle) return;
  const root = document.documentElement;
  const isOpen = () => (PHONE.matches ? root.classList.contains("side-open") : !root.classList.contains("side-folded"));
  const show = () => toggle.setAttribute("aria-expanded", String(isOpen()));
  toggle.addEventListener("click", () => {
    if (PHONE.matches) {
      root.classList.toggle("side-open");
    } else {
      const folded = root.classList.toggle("side-folded");
      try {
        localStorage.setItem("side-folded", folded ? "1" : "0");
      } catch {
        // Not remembered, which harms nothing.
      }
    }
    show();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !root.classList.contains("side-open")) return;
    root.classList.remove("side-open");
    show();
    toggle.focus();
  });
  PHONE.addEventListener("change", show);
  show();
}

export function startMenus() {
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector("details[data-menu][open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
    event.preventDefault();
  });
}
