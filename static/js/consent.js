// <button data-requires="consent">: can be pressed only while the check box of that name is ticked.
export function startConsent(form) {
  for (const button of form.querySelectorAll("[data-requires]")) {
    const box = form.elements[button.dataset.requires];
    if (!box) continue;
    const show = () => { button.disabled = !box.checked; };
    box.addEventListener("change", show);
    show();
  }
}
