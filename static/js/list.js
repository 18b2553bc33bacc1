const PHONE = "(max-width: 760px)";

// On a phone the filters would stand between the heading and the rows; with a filter in use they stay open.
export function foldFilters() {
  const fold = document.querySelector("[data-filters-fold]");
  const isUsed = document.querySelector(".chips") || fold?.querySelector('[aria-invalid="true"]');
  if (fold && !isUsed && window.matchMedia(PHONE).matches) fold.open = false;
}

// Choosing rows: the count, "this page", "all that match", and the menu that is ready only when something is chosen.
export function startList() {
  const form = document.querySelector("form[data-bulk]");
  if (!form) return;
  const boxes = [...document.querySelectorAll('input[name="rowid"]')];
  // One in the table's head and, as a phone has no head, one beside the count.
  const pages = [...document.querySelectorAll("[data-choose-page]")];
  const all = form.querySelector('input[name="select_all"]');
  const menu = form.querySelector("details[data-menu]");
  const summary = menu.querySelector("summary");
  const text = form.querySelector("[data-chosen]");
  const words = form.dataset;
  let last = null;

  const show = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    const isAll = Boolean(all?.checked);
    const isReady = isAll || chosen > 0;
    boxes.forEach((box) => {
      box.disabled = isAll;
      box.closest("tr").classList.toggle("chosen", isAll || box.checked);
    });
    pages.forEach((page) => {
      page.checked = isAll || (boxes.length > 0 && chosen === boxes.length);
      page.indeterminate = !page.checked && chosen > 0;
      page.disabled = isAll || boxes.length === 0;
    });
    const offer = form.querySelector("[data-offer-all]");
    if (offer) offer.hidden = !isAll && !(boxes.length > 0 && chosen === boxes.length);
    text.textContent = isAll ? words.allChosen : isReady ? words.chosen.replace("#", chosen) : words.nothingChosen;
    summary.setAttribute("aria-disabled", String(!isReady));
    form.closest(".list-bar").classList.toggle("selecting", isReady);
    if (!isReady) menu.open = false;
  };

  summary.addEventListener("click", (event) => {
    if (summary.getAttribute("aria-disabled") === "true") event.preventDefault();
  });
  menu.addEventListener("click", (event) => {
    if (event.target.closest("button")) setTimeout(() => { menu.open = false; });
  });
  boxes.forEach((box, index) => {
    box.addEventListener("click", (event) => {
      if (event.shiftKey && last !== null) {
        const [from, to] = [Math.min(last, index), Math.max(last, index)];
        boxes.slice(from, to + 1).forEach((other) => { other.checked = box.checked; });
      }
      last = index;
      show();
    });
  });
  pages.forEach((page) => page.addEventListener("change", () => {
    boxes.forEach((box) => { box.checked = page.checked; });
    show();
  }));
  all?.addEventListener("change", show);
  window.addEventListener("pageshow", show);
  show();
}
