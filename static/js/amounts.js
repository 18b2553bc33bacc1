// <form data-amounts-of="cancellation_date">: when that field changes, the box [data-amounts] and the hidden shown_… fields
// are fetched again for its value, what is wrong with it is said, and the consent has to be given anew. Without scripts
// a button does the same.
export function startAmounts(form) {
  const field = form.elements[form.dataset.amountsOf];
  const box = form.querySelector("[data-amounts]");
  if (!field || !box) return;
  let newest = 0;
  field.addEventListener("change", async () => {
    const turn = ++newest;
    withdrawConsent(form);
    if (!field.value) return;
    box.setAttribute("aria-busy", "true");
    const address = new URL(form.getAttribute("action") || location.href, location.href);
    address.search = new URLSearchParams({ [field.name]: field.value });
    try {
      const response = await fetch(address, { headers: { "X-Fragment": "1" }, credentials: "same-origin" });
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
      if (turn === newest) {
        take(form, box, fresh);
        takeErrors(field, fresh);
      }
    } catch {
      // The button asks again; what is sent without fresh amounts is answered with them.
    } finally {
      box.removeAttribute("aria-busy");
    }
  });
}

function withdrawConsent(form) {
  const consent = form.elements.consent;
  if (!consent?.checked) return;
  consent.checked = false;
  consent.dispatchEvent(new Event("change", { bubbles: true }));
}

function take(form, box, fresh) {
  const freshBox = fresh.querySelector("[data-amounts]");
  if (!freshBox) return;
  box.replaceChildren(...freshBox.childNodes);
  for (const input of fresh.querySelectorAll("input[type=hidden][name^=shown_]")) {
    form.elements[input.name].value = input.value;
  }
}

// A date that cannot be taken comes back with its words at the field, and without amounts.
function takeErrors(field, fresh) {
  const freshField = fresh.getElementById(field.id);
  if (!freshField) return;
  for (const name of ["aria-invalid", "aria-describedby"]) {
    const value = freshField.getAttribute(name);
    if (value === null) field.removeAttribute(name);
    else field.setAttribute(name, value);
  }
  const body = field.closest(".field-body");
  for (const old of body.querySelectorAll(".field-error")) old.remove();
  for (const error of freshField.closest(".field-body").querySelectorAll(".field-error")) {
    error.setAttribute("role", "alert");
    body.append(error);
  }
}
