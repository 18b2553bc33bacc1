// A table wider than its place scrolls there, with its buttons in view; one that fits keeps its header under the page's.
export function startWideTable(place) {
  const table = place.querySelector("table");
  if (!table) return;
  const fit = () => place.classList.toggle("scrolls", table.offsetWidth > place.clientWidth);
  const observer = new ResizeObserver(fit);
  observer.observe(place);
  observer.observe(table);
  fit();
}
