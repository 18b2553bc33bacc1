// Presets of 画面のカスタマイズ.
// <select data-preset-boxes="visible_menu_keys">: choosing a preset ticks the boxes of that name; its options hold the keys of
// the hidden menus. The select has no name, so it is never sent; its row is [data-preset-row], hidden without scripts.
// <select data-recheck="check">: a change asks for the preview again, as the button of that name does without scripts.
export function startPresets(form) {
  for (const select of form.querySelectorAll("select[data-preset-boxes]")) {
    const row = select.closest("[data-preset-row]");
    if (row) row.hidden = false;
    select.addEventListener("change", () => load(form, select));
  }
  for (const select of form.querySelectorAll("select[data-recheck]")) {
    const button = form.querySelector(`button[name="${CSS.escape(select.dataset.recheck)}"]`);
    select.addEventListener("change", () => { if (select.value && button) form.requestSubmit(button); });
  }
}

function load(form, select) {
  const chosen = select.selectedOptions[0];
  if (!chosen?.hasAttribute("data-hidden-keys")) return;
  const hidden = new Set(chosen.dataset.hiddenKeys.split(" "));
  for (const box of form.querySelectorAll(`input[type=checkbox][name="${CSS.escape(select.dataset.presetBoxes)}"]`)) {
    box.checked = !hidden.has(box.value);
  }
}
