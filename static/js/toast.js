// Messages that good news sends away by itself; anything else stays until it is closed.
const SHOWN_FOR = 8000;

export function startToasts() {
  for (const toast of document.querySelectorAll("[data-toast]")) {
    toast.querySelector("[data-toast-close]")?.addEventListener("click", () => toast.remove());
    if (toast.dataset.toast === "success" && !toast.querySelector("form, a")) leaveLater(toast);
  }
}

function leaveLater(toast) {
  let timer = setTimeout(() => toast.remove(), SHOWN_FOR);
  const stay = () => clearTimeout(timer);
  const leave = () => {
    clearTimeout(timer);
    timer = setTimeout(() => toast.remove(), SHOWN_FOR);
  };
  toast.addEventListener("mouseenter", stay);
  toast.addEventListener("focusin", stay);
  toast.addEventListener("mouseleave", leave);
  toast.addEventListener("focusout", leave);
}
