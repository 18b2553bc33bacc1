// Runs before the first paint: marks that scripts work and restores the folded side bar, so that nothing jumps.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    if (localStorage.getItem("side-folded") === "1") root.classList.add("side-folded");
  } catch {
    // Storage may be forbidden by the browser; the side bar is then simply open.
  }
})();
