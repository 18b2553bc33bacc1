// A second press of a button never sends a form twice. (The server's request id holds the same, whatever the browser does.)
export function startSubmitGuard() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.getAttribute("method") !== "post") return;
    if (form.dataset.sending) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    markSending(form);
  }, true);
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sending]").forEach(markIdle);
  });
}

function buttonsOf(form) {
  return [...form.elements].filter((element) => element.type === "submit");
}

export function markSending(form) {
  form.dataset.sending = "1";
  for (const button of buttonsOf(form)) {
    button.setAttribute("aria-disabled", "true");
    button.dataset.busy = "1";
  }
}

export function markIdle(form) {
  delete form.dataset.sending;
  for (const button of buttonsOf(form)) {
    button.removeAttribute("aria-disabled");
    delete button.dataset.busy;
  }
}
