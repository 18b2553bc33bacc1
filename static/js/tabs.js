// Tabs over panels that are all visible without scripts. Arrow keys move, Home and End jump; the first tab with an error opens.
export function startTabs(root) {
  const tabs = [...root.querySelectorAll("[role=tab]")];
  const panels = tabs.map((tab) => root.querySelector(`#${CSS.escape(tab.getAttribute("aria-controls"))}`));
  if (!tabs.length) return;

  const open = (index, focus) => {
    tabs.forEach((tab, position) => {
      const isOpen = position === index;
      tab.setAttribute("aria-selected", String(isOpen));
      tab.tabIndex = isOpen ? 0 : -1;
      panels[position].hidden = !isOpen;
    });
    if (focus) tabs[index].focus();
  };

  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => open(index, false));
    tab.addEventListener("keydown", (event) => {
      const last = tabs.length - 1;
      const target = { ArrowRight: index === last ? 0 : index + 1, ArrowLeft: index === 0 ? last : index - 1, Home: 0, End: last }[event.key];
      if (target === undefined) return;
      event.preventDefault();
      open(target, true);
    });
  });

  // A browser's own complaint about a field in a closed panel would be invisible.
  root.addEventListener("invalid", (event) => {
    const index = panels.findIndex((panel) => panel.contains(event.target));
    if (index >= 0) open(index, false);
  }, true);

  const wrong = panels.findIndex((panel) => panel.querySelector("[aria-invalid=true]:not([type=hidden])"));
  const wished = tabs.findIndex((tab) => tab.hasAttribute("data-open"));
  root.classList.add("ready");
  open(Math.max(0, wrong >= 0 ? wrong : wished), false);
}
